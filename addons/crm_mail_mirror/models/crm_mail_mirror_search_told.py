# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How far is the search for a contact's older mail? Said on its page Emails.

To everybody who may read the contact, so it says nothing of whose mailboxes these are,
nor what is found in them.
"""

from odoo import fields, models


class CrmMailMirrorTab(models.AbstractModel):
    _inherit = "crm.mail.mirror.tab"

    mirror_search_progress = fields.Char(
        compute="_compute_mirror_search_progress", groups="base.group_user"
    )

    def _compute_mirror_search_progress(self):
        searches = self.env["crm.mail.mirror.search"].sudo()
        for record in self:
            emails = record._mirror_sought_emails() if record.ids else ()
            done, total = searches._progress(emails)
            record.mirror_search_progress = bool(total) and self.env._(
                "Older mail is being looked for: %(done)s of %(total)s mailboxes done.",
                done=done,
                total=total,
            )

    def _mirror_sought_emails(self):
        """Addresses, now and formerly, whose mail belongs on this record."""
        raise NotImplementedError


class ResPartner(models.Model):
    _inherit = "res.partner"

    def _mirror_sought_emails(self):
        partners = self.sudo()
        if self.is_company and self.commercial_partner_id == self:
            partners |= partners.search([("commercial_partner_id", "=", self.id)])
        return partners._mirror_emails()


class CrmLead(models.Model):
    _inherit = "crm.lead"

    def _mirror_sought_emails(self):
        emails = [self.sudo().email_normalized]
        if self.partner_id:
            emails += self.partner_id._mirror_sought_emails()
        return emails
