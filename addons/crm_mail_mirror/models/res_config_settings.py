# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Settings of the mirror for the whole company."""

from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    mirror_sharing_in = fields.Selection(
        related="company_id.mirror_sharing_in", readonly=False, required=True
    )
    mirror_sharing_out = fields.Selection(
        related="company_id.mirror_sharing_out", readonly=False, required=True
    )
    mirror_allowed_hosts = fields.Char(
        config_parameter="crm_mail_mirror.allowed_hosts",
        help="Mail servers in private networks that may be linked: names, addresses or"
        " networks such as 10.1.0.0/16, separated by commas",
    )
