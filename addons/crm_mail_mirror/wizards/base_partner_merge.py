# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Merged contacts: mail of all their addresses follows to the one that stays."""

from odoo import models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _merge(self, partner_ids, dst_partner=None, extra_checks=True):
        # before: the merge moves the ties of addresses, and forgets the contacts
        partners = self.env["res.partner"].browse(partner_ids).exists().sudo()
        self.env["crm.mail.mirror.address"]._remember(
            (partner.email_normalized, partner.id) for partner in partners
        )
        # whose contact goes is no less a contact
        merging = self.with_context(mirror_merged=True)
        return super(BasePartnerMergeAutomaticWizard, merging)._merge(
            partner_ids, dst_partner, extra_checks
        )
