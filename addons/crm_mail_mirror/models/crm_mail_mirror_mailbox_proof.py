# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is all of the mailbox here? What was counted, what was compared, what came of it."""

from odoo import fields, models


class CrmMailMirrorMailbox(models.Model):
    _inherit = "crm.mail.mirror.mailbox"

    # while all its mail is listed: for the first time, or again
    listing = fields.Selection(
        selection=[("first", "First import"), ("again", "Once more")],
        default="first",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
    )
    # places up to this one were there when that began
    listing_mark = fields.Integer(
        default=0, readonly=True, copy=False, groups=fields.NO_ACCESS
    )
