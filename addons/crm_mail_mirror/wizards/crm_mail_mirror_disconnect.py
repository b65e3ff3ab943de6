# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Disconnect a mailbox for good: keep what was mirrored, or remove it?"""

from odoo import api, fields, models


class CrmMailMirrorDisconnect(models.TransientModel):
    _name = "crm.mail.mirror.disconnect"
    _description = "Disconnect a Mailbox"

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox", required=True, ondelete="cascade"
    )
    mirror = fields.Selection(
        selection=[
            ("keep", "Keep the mail that is on contacts"),
            ("purge", "Remove all mail of this mailbox from Odoo"),
        ],
        required=True,
        default="keep",
    )

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        for wizard in wizards:
            wizard.mailbox_id._check_may_stop()
        return wizards

    def action_disconnect(self):
        self.ensure_one()
        mailbox = self.mailbox_id
        mailbox._check_may_stop()
        self.env["crm.mail.mirror.credential"]._forget(mailbox)
        if self.mirror == "purge":
            mailbox.sudo().unlink()
            # the form that asked shows a mailbox that is no more
            mailboxes = self.env["ir.actions.act_window"]._for_xml_id(
                "crm_mail_mirror.crm_mail_mirror_mailbox_action"
            )
            return {**mailboxes, "target": "main"}
        mailbox.sudo().write({"state": "draft", "next_sync_at": False})
        mailbox._release()
        return {"type": "ir.actions.client", "tag": "soft_reload"}
