# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does mail find leads and opportunities? By their address, when asked for."""

from odoo import api, models
from odoo.tools import SQL


class CrmLead(models.Model):
    _name = "crm.lead"
    _inherit = ["crm.lead", "crm.mail.mirror.tab"]

    # core's index is for parts of words: 5 s for 300 addresses among 100,000 leads
    _mirror_email_idx = models.Index(
        "(email_normalized) WHERE email_normalized IS NOT NULL"
    )

    def _mirror_addresses(self):
        self.ensure_one()
        mine = SQL(
            "SELECT id FROM crm_mail_mirror_address WHERE email_normalized = %s",
            self.email_normalized or "",
        )
        if not self.partner_id:
            return SQL("(%s)", mine)
        return SQL("(%s UNION ALL %s)", mine, self.partner_id._mirror_addresses())

    def _mirror_domain(self):
        self.ensure_one()
        domain = self.partner_id._mirror_domain() if self.partner_id else []
        email = self.email_normalized
        if email and not self.env["crm.mail.mirror.directory"]._own_among([email]):
            # by the address itself: a lead need not have a contact
            mine = ("people", "in", [email])
            domain = ["|", *domain, mine] if domain else [mine]
        return domain or [("id", "=", False)]

    @api.model_create_multi
    def create(self, vals_list):
        settled = self._mirror_settled(vals_list)
        leads = super().create(vals_list)
        leads._mirror_look_again(settled)
        return leads

    def write(self, vals):
        if "email_from" not in vals and "partner_id" not in vals:
            return super().write(vals)
        before = self.sudo().mapped("email_normalized")
        settled = self._mirror_settled([vals]).union(before)
        result = super().write(vals)
        self.env["crm.mail.mirror.outbox"]._put(before, before)
        self._mirror_look_again(settled)
        return result

    def unlink(self):
        before = self.sudo().mapped("email_normalized")
        result = super().unlink()
        self.env["crm.mail.mirror.outbox"]._put(before, before)
        return result

    def _mirror_settled(self, vals_list):
        """What of these values is known before they are written."""
        partners = {vals.get("partner_id") for vals in vals_list} - {None, False}
        known = self.env["res.partner"].sudo().browse(partners).exists()
        return self.env["crm.mail.mirror.outbox"]._settled(
            [*(vals.get("email_from") for vals in vals_list), *known.mapped("email")]
        )

    def _mirror_look_again(self, settled=()):
        emails = self.sudo().mapped("email_normalized")
        self.env["crm.mail.mirror.outbox"]._put(emails, settled)
