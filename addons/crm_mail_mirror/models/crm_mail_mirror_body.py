# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a mail say? One text per message and content."""

from odoo import fields, models


class CrmMailMirrorBody(models.Model):
    _name = "crm.mail.mirror.body"
    _description = "Text of a Mirrored Mail"
    _log_access = False

    message_id = fields.Many2one(
        comodel_name="crm.mail.mirror.message", required=True, ondelete="cascade"
    )
    digest = fields.Char(required=True, groups=fields.NO_ACCESS)
    text = fields.Text(groups=fields.NO_ACCESS, prefetch=False)
    quote_at = fields.Integer(groups=fields.NO_ACCESS)
    attachment_count = fields.Integer(groups=fields.NO_ACCESS)
    # [{"name":, "type":, "size":}]: their bytes stay in the mailbox
    attachments = fields.Json(groups=fields.NO_ACCESS)

    _digest_uniq = models.UniqueIndex("(message_id, digest)")
