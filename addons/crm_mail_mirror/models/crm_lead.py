# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does mail find leads and opportunities? By their address, when it is asked for."""

from odoo import api, models
from odoo.tools import SQL


class CrmLead(models.Model):
    _name = "crm.lead"
    _inherit = ["crm.lead", "crm.mail.mirror.tab"]

    def _mirror_addresses(self):
        self.ensure_one()
        partners = self.env["res.partner"]._addresses_of_partners(
            SQL("p.id = %s", self.partner_id.id or 0)
        )
        if self.partner_id:
            partners = self.partner_id._mirror_addresses()
        return SQL(
            """(SELECT id FROM crm_mail_mirror_address WHERE email_normalized = %s
                UNION ALL %s)""",
            self.email_normalized or "",
            partners,
        )

    def _mirror_domain(self):
        self.ensure_one()
        domain = self.partner_id._mirror_domain() if self.partner_id else []
        if self.email_normalized:
            # by the address itself: a lead need not have a contact
            mine = ("people", "in", [self.email_normalized])
            domain = ["|", *domain, mine] if domain else [mine]
        return domain or [("id", "=", False)]

    @api.model_create_multi
    def create(self, vals_list):
        leads = super().create(vals_list)
        leads._mirror_look_again()
        return leads

    def write(self, vals):
        if "email_from" not in vals and "partner_id" not in vals:
            return super().write(vals)
        before = self.sudo().mapped("email_normalized")
        result = super().write(vals)
        self.env["crm.mail.mirror.outbox"]._put(before)
        self._mirror_look_again()
        return result

    def unlink(self):
        before = self.sudo().mapped("email_normalized")
        result = super().unlink()
        self.env["crm.mail.mirror.outbox"]._put(before)
        return result

    def _mirror_look_again(self):
        self.env["crm.mail.mirror.outbox"]._put(self.sudo().mapped("email_normalized"))
