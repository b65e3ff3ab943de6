# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does the owner of a mailbox want contacts to be made of those they write with?"""

import time

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.reasons import Reason
from ..engine.suggestions import MODES
from .jobs import trigger
from .owners_fields import OwnersBoolean, OwnersSelection
from .slice import Slice

#: Mails that one transaction has read again.
SLICE = Slice(100)


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    contact_mode = OwnersSelection(
        selection=[
            ("never", "Nobody"),
            ("written", "People I wrote to"),
            ("answered", "People I answered, or who answered me"),
            ("all", "Everybody I write with"),
        ],
        required=True,
        default="never",
        help="Never colleagues, functions such as info@, bulk and automatic mail, and"
        " nobody whose mail you keep out",
    )
    contact_confirm = OwnersBoolean(
        string="Let me confirm each",
        default=True,
        help="Otherwise contacts are created at once",
    )
    contact_companies = OwnersBoolean(
        string="Create missing companies too",
        help="Of somebody whose domain no company has, unless it is a free-mail one",
    )
    # the first copy that is yet to be read again; 0: none
    people_from = fields.Integer(readonly=True, copy=False, groups=fields.NO_ACCESS)
    suggestion_count = fields.Integer(compute="_compute_suggestion_count")
    # mail waits to be looked through: who is on it is not known yet
    suggestions_pending = fields.Boolean(compute="_compute_suggestion_count")
    dismissed_count = fields.Integer(compute="_compute_suggestion_count")

    _people_idx = models.Index("(id) WHERE people_from > 0")

    @api.depends_context("uid")
    def _compute_suggestion_count(self):
        # by the rules of who reads: other people's are nobody's
        counts = dict(
            self.env["crm.mail.mirror.suggestion"]
            .with_user(self.env.uid)
            ._read_group(
                [("mailbox_id", "in", self.ids), ("state", "=", "open")],
                ["mailbox_id"],
                ["__count"],
            )
        )
        dismissed = (
            self.env["crm.mail.mirror.suggestion"]
            .sudo()
            .search_count([("user_id", "=", self.env.uid), ("state", "=", "dismissed")])
        )
        self.env["crm.mail.mirror.copy"].flush_model(["state", "mailbox_id"])
        self.env.cr.execute(
            SQL(
                """SELECT m.id FROM crm_mail_mirror_mailbox m
                    WHERE m.id = ANY(%s) AND m.user_id = %s AND m.state = 'active'
                      AND EXISTS (SELECT 1 FROM crm_mail_mirror_copy c
                                   WHERE c.mailbox_id = m.id AND c.state = 'queued')""",
                list(self.ids),
                self.env.uid,
            )
        )
        pending = {number for (number,) in self.env.cr.fetchall()}
        for mailbox in self:
            is_mine = mailbox.user_id.id == self.env.uid
            mailbox.suggestions_pending = mailbox.id in pending
            mailbox.suggestion_count = counts.get(mailbox, 0)
            mailbox.dismissed_count = dismissed if is_mine else 0

    def write(self, vals):
        if "contact_mode" not in vals:
            return super().write(vals)
        before = {mailbox: mailbox.contact_mode for mailbox in self}
        result = super().write(vals)
        for mailbox, mode in before.items():
            if mailbox.contact_mode != mode:
                mailbox._change_contact_mode(mode)
        return result

    def _change_contact_mode(self, before):
        """What is suggested no more goes; mail of the last days is looked at again."""
        kept = MODES[self.contact_mode]
        # pages under way wait for us, or we for them
        self._bump_policy(self.user_id.ids)
        self.env["crm.mail.mirror.suggestion"].sudo().search(
            [
                ("mailbox_id", "=", self.id),
                ("state", "!=", "dismissed"),
                ("why", "not in", list(kept)),
            ]
        ).unlink()
        if kept - MODES[before]:
            self._look_for_people()

    def _look_for_people(self):
        """Mail of the last days is read again: its headers, not its text.

        A first part of it at once, the rest by the job of the folders.
        """
        self.sudo().people_from = 1
        if self.sudo()._look_for_some():
            trigger(self.env, "folders")

    def _look_for_some(self):
        """One step: some more mail, in the order of its rows, each once.

        :return: whether there may be more
        """
        self.flush_recordset(["people_from"])
        self._hold_row()
        began, limit = time.monotonic(), SLICE.size
        self.env.cr.execute(
            SQL(
                """SELECT max(id), count(*) FROM (
                       SELECT id FROM crm_mail_mirror_copy
                        WHERE mailbox_id = %s AND state = 'unmatched' AND id >= %s
                          AND expires_at > now() AT TIME ZONE 'UTC'
                        ORDER BY id LIMIT %s) AS c""",
                self.id,
                self.people_from,
                limit,
            )
        )
        last, count = self.env.cr.fetchone()
        if count:
            self.env["crm.mail.mirror.review"]._requeue(
                self,
                (Reason.NO_CONTACT,),
                SQL("c.id BETWEEN %s AND %s", self.people_from, last),
            )
        SLICE.took(count, time.monotonic() - began)
        self.people_from = last + 1 if count == limit else 0
        return bool(self.people_from)

    @api.model
    def _look_for_next(self):
        """One step, of any mailbox that needs it. :return: whether one did"""
        mailbox = self.search([("people_from", ">", 0)], limit=1)
        if mailbox:
            mailbox._look_for_some()
        return bool(mailbox)

    def action_suggest_again(self):
        """Whom the owner dismissed may come back."""
        self._check_owner()
        mine = [("user_id", "=", self.env.uid), ("state", "=", "dismissed")]
        self.env["crm.mail.mirror.suggestion"].sudo().search(mine).unlink()
        self._look_for_people()
        return self._notify(
            self.env._("On its way"),
            self.env._("Mail of the last seven days is looked at again."),
        )

    def action_open_suggestions(self):
        """The tray of this mailbox."""
        self._check_owner()
        self.env["crm.mail.mirror.suggestion"]._prune(self.sudo())
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_mail_mirror.crm_mail_mirror_suggestion_action"
        )
        return {**action, "domain": [("mailbox_id", "=", self.id)]}
