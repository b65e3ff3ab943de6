# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which folders does a mailbox have? Names are the owner's alone."""

from odoo import fields, models


class CrmMailMirrorFolder(models.Model):
    _name = "crm.mail.mirror.folder"
    _description = "Folder of a Linked Mailbox"
    _order = "name, id"

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox", required=True, ondelete="cascade"
    )
    remote_ref = fields.Char(required=True)
    name = fields.Char(required=True)
    role = fields.Selection(
        selection=[
            ("inbox", "Inbox"),
            ("sent", "Sent"),
            ("archive", "Archive"),
            ("all", "All mail"),
            ("other", "Other"),
            ("drafts", "Drafts"),
            ("trash", "Trash"),
            ("junk", "Junk"),
        ],
        required=True,
        default="other",
    )
    selected = fields.Boolean(default=True)

    _remote_uniq = models.UniqueIndex("(mailbox_id, remote_ref)")
