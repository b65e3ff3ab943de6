# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What becomes of a mailbox whose owner left: kept, handed over, or removed; and when?

Nobody looks into it any more from that moment on. What the company does with the mail
that is here has a date; an administrator may choose otherwise, and sees none of it.

No administrator gets mail by it: whoever hands a mailbox over to themselves has to be
its owner's manager, and the owner is told (``crm_mail_mirror_mailbox_handover.py``).
"""

import logging
import time
from collections import Counter
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, format_date

from .jobs import BUDGET, one_run, trigger
from .res_company_forgetting import LEAVER
from .slice import Slice

_logger = logging.getLogger(__name__)

#: How a day is written in a sentence.
DAY = "d MMMM y"
#: Mails that one transaction removes.
SLICE = Slice()
_FIELDS = {"left_at", "leaver_action", "leaver_on", "successor_id", "former_rules"}


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    left_at = fields.Datetime(string="Owner left", readonly=True, copy=False)
    leaver_action = fields.Selection(
        selection=LEAVER, string="What happens", readonly=True, copy=False
    )
    leaver_on = fields.Date(string="When", readonly=True, copy=False)
    successor_id = fields.Many2one(
        comodel_name="res.users",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
    )
    leaver_sentence = fields.Char(compute="_compute_leaver_sentence")

    _leaver_idx = models.Index("(leaver_on) WHERE left_at IS NOT NULL")

    @api.depends("left_at", "leaver_action", "leaver_on", "successor_id", "user_id")
    @api.depends_context("lang")
    def _compute_leaver_sentence(self):
        for mailbox in self:
            mailbox.leaver_sentence = (
                mailbox.sudo()._leaver_told() if mailbox.left_at else False
            )

    def _leaver_told(self):
        names = {
            "owner": self.user_id.name,
            "left": format_date(self.env, self.left_at, date_format=DAY),
            "date": self.leaver_on
            and format_date(self.env, self.leaver_on, date_format=DAY),
            "successor": self.successor_id.name,
        }
        if self.leaver_action == "successor" and not self.successor_id:
            return self.env._(
                "%(owner)s left on %(left)s. Waits until an administrator chooses who"
                " gets the mail.",
                **names,
            )
        if self.leaver_action == "successor":
            return self.env._(
                "%(owner)s left on %(left)s. Handed over to %(successor)s on %(date)s.",
                **names,
            )
        if self.leaver_on:
            return self.env._(
                "%(owner)s left on %(left)s. The mail is removed from Odoo on"
                " %(date)s.",
                **names,
            )
        return self.env._(
            "%(owner)s left on %(left)s. The mail that is in Odoo is kept.", **names
        )

    def _refuse_sync_fields(self, vals):
        if not self.env.su and _FIELDS & set(vals):
            raise AccessError(self.env._("What happens then is not yours to set."))
        return super()._refuse_sync_fields(vals)

    # ---- somebody leaves, or is back ------------------------------------------------

    def _leave(self):
        """Their owners left, and password and consent with them: nobody looks any more,
        and the company's policy counts."""
        mailboxes = self.sudo()
        mailboxes.filtered(lambda m: m.state != "draft").write({"state": "paused"})
        mailboxes._give_back_later()
        self.env["crm.mail.mirror.credential"]._forget(mailboxes)
        for mailbox in mailboxes.filtered(lambda m: not m.left_at):
            company = mailbox.company_id
            action, days = company.mirror_leaver_action, company.mirror_leaver_days
            on = fields.Date.today() + timedelta(days=days)
            mailbox.write(
                {
                    "left_at": fields.Datetime.now(),
                    "leaver_action": action,
                    "leaver_on": on if days or action != "keep" else False,
                    "successor_id": mailbox._manager().id,
                }
            )
        trigger(self.env, "leavers")

    def _come_back(self):
        """Their owners are back: all is kept, but they have to sign in again."""
        back = self.sudo().filtered("left_at")
        back.write(
            {
                "left_at": False,
                "leaver_action": False,
                "leaver_on": False,
                "successor_id": False,
            }
        )
        for mailbox in back.filtered(lambda m: m.state != "draft"):
            mailbox.state = "needs_login" if mailbox.last_sync_at else "draft"
            mailbox._tell_owner(
                lambda mine: mine.env._(
                    "Welcome back: sign in at %(address)s again.", address=mine.email
                )
            )

    def _manager(self):
        """Above its owner in the chart of its company, and still there."""
        self.env.cr.execute(
            SQL(
                """SELECT manager_id FROM (%s) AS e
                    WHERE user_id = %s AND (company_id IS NULL OR company_id = %s)
                    ORDER BY company_id NULLS LAST, manager_id""",
                self.env["res.users"]._mirror_edges(),
                self.user_id.id,
                self.company_id.id,
            )
        )
        managers = [manager for (manager,) in self.env.cr.fetchall()]
        users = self.env["res.users"].sudo().browse(managers)
        return users.filtered(self._may_succeed)[:1]

    def _may_succeed(self, user):
        """A colleague who works in the mailbox's company"""
        return (
            user.active
            and not user.share
            and user != self.user_id
            and self.company_id in user.company_ids
        )

    # ---- administrators -------------------------------------------------------------

    def _check_leaver(self):
        self.env["crm.mail.mirror.erasure"]._check_administrator()
        if not self or not all(self.sudo().mapped("left_at")):
            raise UserError(self.env._("The owner of this mailbox has not left."))

    def action_leaver(self):
        """Choose what happens to mailboxes of people who left."""
        self._check_leaver()
        first = self[:1].sudo()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("What Happens to This Mail"),
            "res_model": "crm.mail.mirror.leaver",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_mailbox_ids": self.ids,
                "default_action": first.leaver_action or "keep",
                "default_on": first.leaver_on,
                "default_successor_id": first.successor_id.id,
            },
        }

    def _decide_leaver(self, action, on, successor):
        """What an administrator chose; it is done by the job."""
        self._check_leaver()
        if action == "successor":
            for mailbox in self.sudo():
                mailbox._check_successor(successor.sudo(), self.env.user)
        if action != "keep" and not on:
            on = fields.Date.today()
        _logger.info(
            "mailboxes %s of who left: %s, user %s, on %s (by user %s)",
            self.ids,
            action,
            successor.id if action == "successor" else None,
            on,
            self.env.uid,
        )
        self.sudo().write(
            {
                "leaver_action": action,
                "leaver_on": on,
                "successor_id": successor.id if action == "successor" else False,
            }
        )
        trigger(self.env, "leavers")

    def _check_successor(self, successor, administrator):
        """:raises UserError: this administrator cannot hand the mailbox over to them"""
        if successor == administrator and successor != self._manager():
            raise UserError(
                self.env._(
                    "You are not %(owner)s's manager: administrators hand no mail over"
                    " to themselves. Choose the colleague who takes over the work.",
                    owner=self.user_id.name,
                )
            )
        if successor and self.company_id not in successor.company_ids:
            raise UserError(
                self.env._(
                    "%(name)s does not work in %(company)s, to which %(address)s"
                    " belongs.",
                    name=successor.name,
                    company=self.company_id.name,
                    address=self.email,
                )
            )
        if not successor or not self._may_succeed(successor):
            raise UserError(
                self.env._("Whom shall the mail go to? Choose a colleague.")
            )

    # ---- the job --------------------------------------------------------------------

    @api.model
    def _cron_leavers(self):
        """Each day, and whenever somebody leaves or decides."""
        one_run(self.env, self._run_leavers)

    @api.model
    def _run_leavers(self, budget=BUDGET):
        """Do what is due, in short steps; that of mailboxes that are removed as well.

        :return: whether anything is left
        """
        end = time.monotonic() + budget
        write = self.env["crm.mail.mirror.sync"]._in_transaction
        while True:
            ids = write(lambda env: env[self._name]._leavers_due().ids)
            if not ids:
                return False
            for mailbox in ids:
                while not write(
                    lambda env, one=mailbox: env[self._name].browse(one)._leaver_step()
                ):
                    if time.monotonic() > end:
                        return True

    @api.model
    def _leavers_due(self):
        # by the database's clock: a host that is ahead would take them too early
        today = self.env.cr.now().date()
        due = self.search([("left_at", "!=", False), ("leaver_on", "<=", today)])
        return self.search([("is_going", "=", True)]) | due.filtered(
            lambda m: m.leaver_action != "successor" or m._may_succeed(m.successor_id)
        )

    def _leaver_step(self):
        """One short step. :return: whether there is nothing left to do"""
        self._hold_row()
        if not self.exists() or self not in self._leavers_due():
            return True
        if self.leaver_action == "successor" and not self.is_going:
            return self._hand_over_some(self.successor_id)
        if self._drop_copies(SQL("TRUE")):
            return False
        self.unlink()
        return True

    def _hold_row(self):
        self.env["crm.mail.mirror.review"]._hold(self)
        self.invalidate_recordset()

    def _drop_copies(self, where):
        """Some mails of this mailbox go. :return: how many"""
        self.env.cr.execute(
            SQL(
                """SELECT c.id FROM crm_mail_mirror_copy c
                    WHERE c.mailbox_id = %s AND %s LIMIT %s""",
                self.id,
                where,
                SLICE.size,
            )
        )
        began = time.monotonic()
        copies, days = [copy for (copy,) in self.env.cr.fetchall()], Counter()
        self.env["crm.mail.mirror.page"]._delete_copies(copies, days)
        self.env["crm.mail.mirror.day"]._add(self, days)
        SLICE.took(len(copies), time.monotonic() - began)
        return len(copies)
