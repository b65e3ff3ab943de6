# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who takes part in a mail? The way from an address to its mail."""

from odoo import fields, models


class CrmMailMirrorParticipant(models.Model):
    _name = "crm.mail.mirror.participant"
    _description = "Participant of a Mirrored Mail"
    _log_access = False

    message_id = fields.Many2one(
        comodel_name="crm.mail.mirror.message",
        required=True,
        ondelete="cascade",
        index=True,
    )
    address_id = fields.Many2one(
        comodel_name="crm.mail.mirror.address", required=True, ondelete="restrict"
    )
    role = fields.Selection(
        selection=[
            ("from", "From"),
            ("to", "To"),
            ("cc", "Cc"),
            ("reply_to", "Reply-To"),
            ("bcc", "Bcc"),
        ],
        required=True,
    )
    name = fields.Char()
    date = fields.Datetime(required=True)
    # a Bcc is seen by those who see the copy that shows it
    copy_id = fields.Many2one(
        comodel_name="crm.mail.mirror.copy", ondelete="cascade", index="btree_not_null"
    )

    # the mail of an address, newest first, from any mail on
    _address_date_idx = models.Index("(address_id, date DESC, message_id DESC)")
    _once_uniq = models.UniqueIndex(
        "(message_id, address_id, role, COALESCE(copy_id, 0))"
    )
