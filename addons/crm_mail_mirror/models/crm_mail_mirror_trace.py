# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whom might a mail that is not here concern? Keyed hashes, gone with its row."""

from odoo import fields, models


class CrmMailMirrorTrace(models.Model):
    _name = "crm.mail.mirror.trace"
    _description = "Keyed Hash of a Mail That Is Not Mirrored"
    _log_access = False

    copy_id = fields.Many2one(
        comodel_name="crm.mail.mirror.copy",
        required=True,
        ondelete="cascade",
        index=True,
    )
    kind = fields.Selection(
        selection=[
            ("address", "Address"),
            ("domain", "Domain"),
            ("message_id", "Message-ID"),
        ],
        required=True,
    )
    digest = fields.Char(required=True, index=True)
