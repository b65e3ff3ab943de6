# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mail could not be read, why, and what does its owner say to that?

It is tried again by itself, after growing pauses. Its owner may have it tried at once,
or ignore it: then it stays hidden wherever it moves, until its owner takes that back.
"""

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from .few import tens


class CrmMailMirrorCopy(models.Model):
    _inherit = "crm.mail.mirror.copy"

    folder_names = fields.Char(compute="_compute_folder_names", string="Folder")
    reason_label = fields.Char(compute="_compute_reason_label", string="Why")
    reason_sentence = fields.Char(compute="_compute_reason_label", string="In words")

    def _compute_folder_names(self):
        names = {}
        for place in self.env["crm.mail.mirror.location"].search(
            [("copy_id", "in", self.ids)]
        ):
            names.setdefault(place.copy_id.id, set()).add(place.folder_id.name)
        for copy in self:
            copy.folder_names = ", ".join(sorted(names.get(copy.id, ())))

    @api.depends("reason")
    @api.depends_context("lang")
    def _compute_reason_label(self):
        self.env["crm.mail.mirror.day"]._tell_reasons(self)

    # ---- what its owner may do ------------------------------------------------------

    def action_try_now(self):
        """Read these as soon as there is time."""
        return self._each_mailbox("_try_now")

    def action_ignore(self):
        """Nothing more is tried with these."""
        return self._each_mailbox("_ignore")

    def action_try_again(self):
        """They were ignored: no longer."""
        return self._each_mailbox("_no_longer_ignore")

    def _each_mailbox(self, step):
        """In a transaction of its own: it must not meet the page that is written."""
        if self.sudo().filtered(lambda copy: copy.user_id.id != self.env.uid):
            raise AccessError(self.env._("This mailbox belongs to somebody else."))
        self.env.flush_all()

        def work(env):
            for mailbox in env[self._name].browse(ids).mailbox_id.sorted("id"):
                env["crm.mail.mirror.review"]._hold(mailbox)
                getattr(env[self._name].browse(ids), step)(mailbox)

        ids = self.exists().ids
        if ids:
            self.env["crm.mail.mirror.sync"]._in_transaction(work)
            self.env.invalidate_all()
            self.env["crm.mail.mirror.sync"]._trigger()
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _try_now(self, mailbox):
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy
                      SET next_try_at = now() AT TIME ZONE 'UTC'
                    WHERE id = ANY(%s) AND mailbox_id = %s AND state = 'failed'""",
                self.ids,
                mailbox.id,
            )
        )
        self._look_soon(mailbox)

    def _ignore(self, mailbox):
        self._become(mailbox, SQL("state = 'failed'"), "hidden", "ignored", SQL("NULL"))

    def _no_longer_ignore(self, mailbox):
        was = SQL("state = 'hidden' AND reason = 'ignored'")
        self._become(mailbox, was, "queued", "late", SQL("now() AT TIME ZONE 'UTC'"))
        self._look_soon(mailbox)

    def _become(self, mailbox, was, state, reason, next_try_at):
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c
                      SET state = %s, reason = %s, attempts = 0, next_try_at = %s
                     FROM (SELECT id, received_at, state, reason
                             FROM crm_mail_mirror_copy
                            WHERE id = ANY(%s) AND mailbox_id = %s AND %s) AS o
                    WHERE o.id = c.id
                RETURNING c.mailbox_id, o.received_at, o.state, o.reason, 1""",
                state,
                reason,
                next_try_at,
                self.ids,
                mailbox.id,
                was,
            )
        )
        self.env["crm.mail.mirror.outbox"]._move_days(
            self.env.cr.fetchall(), (state, reason)
        )

    def _look_soon(self, mailbox):
        if mailbox.state == "active":
            mailbox.write({"next_sync_at": self.env.cr.now()})


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    failed_count = fields.Integer(
        compute="_compute_failed_count", compute_sudo=True, string="Failed"
    )

    @api.depends_context("uid")
    def _compute_failed_count(self):
        self.env.cr.execute(
            """SELECT mailbox_id, count(*) FROM crm_mail_mirror_copy
                WHERE mailbox_id = ANY(%s) AND state = 'failed' GROUP BY 1""",
            [list(self.ids)],
        )
        counts = dict(self.env.cr.fetchall())
        for mailbox in self:
            count = counts.get(mailbox.id, 0)
            is_exact = mailbox._is_told_exactly()
            mailbox.failed_count = count if is_exact else tens(count)

    def action_failed(self):
        """Mail that could not be read, one by one."""
        self._check_owner()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_mail_mirror.crm_mail_mirror_failed_action"
        )
        shown = "failed" if self.failed_count else "ignored"
        return {
            **action,
            "context": {f"search_default_{shown}": 1},
            "domain": [
                ("mailbox_id", "=", self.id),
                "|",
                ("state", "=", "failed"),
                ("reason", "=", "ignored"),
            ],
        }

    def write(self, vals):
        before = {mailbox: mailbox.state for mailbox in self}
        result = super().write(vals)
        if "state" in vals:
            self._search_follows(before)
        return result

    def _search_follows(self, before):
        """What is not connected is not searched. What is connected again is listed:
        of contacts that came meanwhile it knows nothing."""
        searches = self.env["crm.mail.mirror.search"]
        left = self.filtered(lambda m: m.state == "draft")
        back = self.sudo().filtered(
            lambda m: before[m] == "draft" and m.state == "active" and m.cursor
        )
        if left:
            searches._drop(left)
        if back:
            back.flush_recordset(["state"])
            searches._list(back.ids, "contact")
