# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What becomes of a mailbox whose owner left: kept, handed over, or removed; and when?

Nobody looks into it any more from that moment on. What the company does with the mail
that is here has a date; an administrator may choose otherwise, and sees none of it.

What is handed over is the mail that was mirrored. What its owner kept to themselves
does not become visible by it:

* a mail whose text they withheld, mail by mail, goes before, and stays out;
* what was kept out or removed leaves neither row nor reason;
* their own rules go on to hold for that mailbox, and nobody can read them.
"""

import logging
import time
from collections import Counter
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, format_date

from .res_company_forgetting import LEAVER

_logger = logging.getLogger(__name__)

#: Mails that one transaction removes; and those that get another owner.
BITE, MANY = 200, 5000
#: Seconds of work in one run of the job.
BUDGET = 20.0
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
    # {kind: values} that former owners kept out of this mailbox
    former_rules = fields.Json(readonly=True, copy=False, groups=fields.NO_ACCESS)

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
            "left": format_date(self.env, self.left_at),
            "date": format_date(self.env, self.leaver_on) if self.leaver_on else "",
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
        self._trigger_leavers()

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
        return user.active and not user.share and user != self.user_id

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
                if not successor or not mailbox._may_succeed(successor.sudo()):
                    raise UserError(
                        self.env._("Whom shall the mail go to? Choose a colleague.")
                    )
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
        self._trigger_leavers()

    # ---- the job --------------------------------------------------------------------

    @api.model
    def _trigger_leavers(self):
        cron = self.env.ref("crm_mail_mirror.ir_cron_leavers", raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger()

    @api.model
    def _cron_leavers(self):
        """Each day, and whenever somebody leaves or decides."""
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=0)
        if self._run_leavers():
            cron.browse(self.env.context.get("cron_id"))._trigger()

    @api.model
    def _run_leavers(self, budget=BUDGET):
        """Do what is due, in short steps. :return: whether anything is left"""
        end, write = time.monotonic() + budget, self.env["crm.mail.mirror.sync"]._write
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
        due = self.search(
            [("left_at", "!=", False), ("leaver_on", "<=", fields.Date.today())]
        )
        return due.filtered(
            lambda m: m.leaver_action != "successor" or m._may_succeed(m.successor_id)
        )

    def _leaver_step(self):
        """One short step. :return: whether there is nothing left to do"""
        self._hold_row()
        if not self.exists() or self not in self._leavers_due():
            return True
        if self.leaver_action == "successor":
            return self._hand_over_some(self.successor_id)
        if self._drop_copies(SQL("TRUE")):
            return False
        self.unlink()
        return True

    def _hold_row(self):
        self.env["crm.mail.mirror.review"]._hold(self)
        self.invalidate_recordset()

    def _drop_copies(self, where, limit=BITE):
        """Some mails of this mailbox go. :return: how many"""
        self.env.cr.execute(
            SQL(
                """SELECT c.id FROM crm_mail_mirror_copy c
                    WHERE c.mailbox_id = %s AND %s LIMIT %s""",
                self.id,
                where,
                limit,
            )
        )
        copies, days = [copy for (copy,) in self.env.cr.fetchall()], Counter()
        self.env["crm.mail.mirror.page"]._delete_copies(copies, days)
        self.env["crm.mail.mirror.day"]._add(self, days)
        return len(copies)

    # ---- the hand-over --------------------------------------------------------------

    def _hand_over(self, successor):
        """All of it at once, in this transaction."""
        self._hold_row()
        while not self._hand_over_some(successor):
            pass

    def _hand_over_some(self, successor):
        """One short step: what the owner kept to themselves goes first, the mailbox
        itself comes last. :return: whether it is handed over"""
        if self._remove_withheld():
            return False
        if self._drop_copies(SQL("c.state NOT IN ('mirrored', 'hidden')")):
            return False
        if self._drop_copies(SQL("c.state = 'hidden' AND c.reason = 'owner'")):
            return False
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_copy SET user_id = %s
                WHERE id IN (SELECT id FROM crm_mail_mirror_copy WHERE mailbox_id = %s
                                AND user_id IS DISTINCT FROM %s LIMIT %s)""",
            [successor.id, self.id, successor.id, MANY],
        )
        if self.env.cr.rowcount:
            return False
        self._give_to(successor)
        return True

    def _remove_withheld(self):
        """Mail whose text its owner withheld by a choice for that mail alone.

        :return: how many
        """
        self.env.cr.execute(
            SQL(
                """SELECT m.identity FROM crm_mail_mirror_copy c
                     JOIN crm_mail_mirror_message m ON m.id = c.message_id
                    WHERE c.mailbox_id = %s AND c.sharing != 'everything' LIMIT %s""",
                self.id,
                BITE,
            )
        )
        identities = {identity for (identity,) in self.env.cr.fetchall()}
        if identities:
            self.env["crm.mail.mirror.removal"]._keep_out(self, identities)
        return len(identities)

    def _give_to(self, successor):
        """From now on it is the successor's."""
        former = self.user_id
        self._freeze_rules(former)
        # a colleague who comes back takes nothing back that is another's now
        self.env["crm.mail.mirror.removal"].search(
            [("user_id", "=", former.id)]
        ).unlink()
        for table in ("suggestion", "search"):
            self.env.cr.execute(
                SQL(
                    "DELETE FROM %s WHERE mailbox_id = %s",
                    SQL.identifier(f"crm_mail_mirror_{table}"),
                    self.id,
                )
            )
        # what is not mirrored may have a telling name
        self.env.cr.execute(
            "UPDATE crm_mail_mirror_folder SET name = '...'"
            " WHERE mailbox_id = %s AND NOT selected",
            [self.id],
        )
        self.activity_ids.unlink()
        self.env.flush_all()
        # not by the ORM, which would write each copy
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_mailbox
                  SET user_id = %s, left_at = NULL, leaver_action = NULL,
                      leaver_on = NULL, successor_id = NULL, state = 'draft',
                      next_sync_at = NULL, last_error = NULL,
                      policy_seq = policy_seq + 1
                WHERE id = %s""",
            [successor.id, self.id],
        )
        self.env.invalidate_all()
        # should the successor sign in: nothing is passed by that was only queued
        self._list_again()
        self._tell_successor(former, successor)

    def _freeze_rules(self, former):
        """Rules of a former owner hold on for this mailbox, whatever they do later."""
        rules = {
            kind: set(values) for kind, values in (self.former_rules or {}).items()
        }
        for rule in self.env["crm.mail.mirror.exclusion"].search(
            [("user_id", "=", former.id), ("effect", "=", "never")]
        ):
            rules.setdefault(rule.kind, set()).add(rule.value)
        self.former_rules = {kind: sorted(values) for kind, values in rules.items()}

    def _tell_successor(self, former, successor):
        env = successor.with_context(lang=successor.lang).env
        env["mail.thread"].sudo().message_notify(
            partner_ids=successor.partner_id.ids,
            subject=env._("A mailbox was handed over to you"),
            body=env._(
                "The mail of %(address)s with contacts, which was %(former)s's, is now"
                " yours in Odoo: you decide who sees it. Nobody looks into the mailbox"
                " itself unless you sign in there. What %(former)s kept private is not"
                " part of it.",
                address=self.email,
                former=former.name,
            ),
        )
