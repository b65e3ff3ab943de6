# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What becomes of access that was given when a mailbox is handed over?

What its former owner gave is over, as it was theirs to give. What the successor gave,
of all mail with a contact or of a conversation, was given before this mail was theirs:
it ends, or it would open mail that nobody was asked about.
"""

from odoo import models


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    def _give_to(self, successor):
        result = super()._give_to(successor)
        self.env["crm.mail.mirror.grant"].sudo().search(
            [
                ("owner_id", "=", successor.id),
                ("what", "!=", "mail"),
                ("state", "in", ("asked", "granted")),
            ]
        )._end()
        return result
