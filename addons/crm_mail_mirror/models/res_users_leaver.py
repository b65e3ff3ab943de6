# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What happens to the mailboxes of a user who comes back, or is deleted? And what are
they told of those that others have by now?"""

from odoo import fields, models
from odoo.tools import format_date

from .crm_mail_mirror_mailbox_leaver import DAY


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users"]

    # [{"address":, "successor": name, "on":}]: to be told when they are back
    mirror_handed_over = fields.Json(readonly=True, copy=False, groups=fields.NO_ACCESS)

    def write(self, vals):
        result = super().write(vals)
        if vals.get("active"):
            self._mirror_mailboxes()._come_back()
            for user in self.sudo().filtered("mirror_handed_over"):
                user._mirror_tell_handed_over()
        return result

    def _mirror_handed_over_to(self, successor, address):
        """Who left is told at once, and will be told again when they are back."""
        what = {
            "address": address,
            "successor": successor.name,
            "on": fields.Date.to_string(fields.Date.today()),
        }
        self.mirror_handed_over = [*(self.mirror_handed_over or ()), what]
        self._mirror_notify_of([what])

    def _mirror_tell_handed_over(self):
        self._mirror_notify_of(self.mirror_handed_over)
        self.mirror_handed_over = False

    def _mirror_notify_of(self, handed_over):
        """:param handed_over: as the field has it"""
        env = self.with_context(lang=self.lang).env
        told = [
            env._(
                "The mail of %(address)s that was in Odoo was handed over to"
                " %(successor)s on %(date)s, who reads it from then on. What you had"
                " removed, kept out or withheld mail by mail was not part of it.",
                address=what["address"],
                successor=what["successor"],
                date=format_date(env, what["on"], date_format=DAY),
            )
            for what in handed_over
        ]
        env["mail.thread"].sudo().message_notify(
            partner_ids=self.partner_id.ids,
            subject=env._("Your mailbox was handed over"),
            body="\n".join(told),
        )

    def _mirror_mailboxes(self):
        mailboxes = self.env["crm.mail.mirror.mailbox"].sudo()
        return mailboxes.search([("user_id", "in", self.ids)])

    def unlink(self):
        """Who is deleted has left for good: nothing of theirs can wait for a date.

        :raises UserError: that is more than can go in a moment; who is archived loses
            it in the background
        """
        mailboxes = self._mirror_mailboxes()
        mailboxes._check_little()
        for mailbox in mailboxes:
            successor = mailbox.successor_id or mailbox._manager()
            policy = mailbox.leaver_action or mailbox.company_id.mirror_leaver_action
            if successor in self or not mailbox._may_succeed(successor):
                successor = False
            if policy == "successor" and successor:
                mailbox._leave()
                mailbox._hand_over(successor)
            else:
                mailbox._unlink_whole()
        return super().unlink()
