# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What happens to the mailboxes of a user who comes back, or is deleted?"""

from odoo import models


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users"]

    def write(self, vals):
        result = super().write(vals)
        if vals.get("active"):
            self._mirror_mailboxes()._come_back()
        return result

    def _mirror_mailboxes(self):
        mailboxes = self.env["crm.mail.mirror.mailbox"].sudo()
        return mailboxes.search([("user_id", "in", self.ids)])

    def unlink(self):
        """Who is deleted has left for good: nothing of theirs can wait for a date."""
        for mailbox in self._mirror_mailboxes():
            successor = mailbox.successor_id or mailbox._manager()
            policy = mailbox.leaver_action or mailbox.company_id.mirror_leaver_action
            if policy == "successor" and successor and successor not in self:
                mailbox._leave()
                mailbox._hand_over(successor)
            else:
                mailbox.unlink()
        return super().unlink()
