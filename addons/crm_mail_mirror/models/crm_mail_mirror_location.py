# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where does a copy lie now? A copy lives while it lies somewhere."""

from odoo import fields, models


class CrmMailMirrorLocation(models.Model):
    _name = "crm.mail.mirror.location"
    _description = "Place of a Mail in a Linked Mailbox"
    _log_access = False

    copy_id = fields.Many2one(
        comodel_name="crm.mail.mirror.copy",
        required=True,
        ondelete="cascade",
        index=True,
    )
    folder_id = fields.Many2one(
        comodel_name="crm.mail.mirror.folder", required=True, ondelete="cascade"
    )
    generation = fields.Char(required=True)
    # IMAP UIDs with ten digits: departures come as ranges and are compared as text
    ref = fields.Char(required=True)

    _place_uniq = models.UniqueIndex("(folder_id, generation, ref)")
