# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What changed in the CRM that the mirror has not looked at yet?"""

from odoo import api, fields, models
from odoo.tools import SQL


class CrmMailMirrorOutbox(models.Model):
    _name = "crm.mail.mirror.outbox"
    _description = "Address to Be Looked at Again"
    _log_access = False

    # written in the transaction of the change itself: seen if and only if it happened
    email_normalized = fields.Char(required=True)

    @api.model
    def _put(self, emails):
        """An address came to, or went from, a contact or lead: look at its mail again.

        :param emails: normalised addresses; empty ones are left out
        """
        emails = sorted({email for email in emails if email})
        if not emails:
            return
        self.env.cr.execute(
            SQL(
                "INSERT INTO crm_mail_mirror_outbox (email_normalized)"
                " SELECT unnest(%s::text[])",
                emails,
            )
        )
        self.env["crm.mail.mirror.sync"]._trigger_outbox()
