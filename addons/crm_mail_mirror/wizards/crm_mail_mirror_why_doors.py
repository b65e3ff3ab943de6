# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where is it asked why a mail is here, or not? On a mail, and on a mailbox."""

from odoo import models


class CrmMailMirrorMessage(models.Model):
    _inherit = "crm.mail.mirror.message"

    def action_why(self):
        """Which rules let this mail in: for the owners of its copies."""
        self.ensure_one()
        return self.env["crm.mail.mirror.why"]._of_message(self)


class CrmMailMirrorMailbox(models.Model):
    _inherit = "crm.mail.mirror.mailbox"

    def action_why(self):
        """Ask for a mail of this mailbox."""
        self._check_owner()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_mail_mirror.crm_mail_mirror_why_action"
        )
        return {**action, "context": {"default_mailbox_id": self.id}}
