# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which addresses did a contact have before, and shall their mail stay with it?"""

from odoo import fields, models
from odoo.tools import SQL


class CrmMailMirrorFormerAddress(models.TransientModel):
    _name = "crm.mail.mirror.former.address"
    _description = "Address That a Contact Had Before"
    _rec_name = "email_normalized"

    partner_id = fields.Many2one(
        comodel_name="res.partner", required=True, readonly=True, ondelete="cascade"
    )
    email_normalized = fields.Char(string="Address", required=True, readonly=True)

    def action_remove(self):
        """Mail of this address leaves the contact."""
        self.ensure_one()
        partner, email = self.partner_id, self.email_normalized
        partner.check_access("write")
        if email in partner._mirror_formerly():
            self.env.cr.execute(
                SQL(
                    """DELETE FROM crm_mail_mirror_address_partner_rel
                        WHERE partner_id = %s AND address_id IN (
                              SELECT id FROM crm_mail_mirror_address
                               WHERE email_normalized = %s)""",
                    partner.id,
                    email,
                )
            )
            self.env["crm.mail.mirror.address"].invalidate_model(["partner_ids"])
            self.env["crm.mail.mirror.outbox"]._put([email])
        return {"type": "ir.actions.client", "tag": "soft_reload"}
