# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who is invited to link a mailbox when they come in?"""

from odoo import models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    def session_info(self):
        told = super().session_info()
        if told.get("is_internal_user"):
            offers = self.env.user._mirror_invitation()
            if offers:
                told["crm_mail_mirror_invitation"] = offers
        return told
