# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a company share unless an owner says otherwise?"""

from odoo import fields, models

from .crm_mail_mirror_copy import SHARING


class ResCompany(models.Model):
    _inherit = "res.company"

    mirror_sharing_in = fields.Selection(
        selection=SHARING, required=True, default="metadata"
    )
    mirror_sharing_out = fields.Selection(
        selection=SHARING, required=True, default="metadata"
    )
    mirror_match_domains = fields.Boolean(
        string="Mail of a company's domain belongs to it",
        help="Mail with anybody at the domain of a company among the contacts is"
        " mirrored and shown on that company. Never for free-mail domains.",
    )
