# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where does a copy lie now? A copy lives while it lies somewhere."""

from odoo import fields, models
from odoo.tools import SQL


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
    # departures come as ranges, which are compared as bytes: IMAP UIDs have ten digits
    ref = fields.Char(required=True)

    _place_uniq = models.UniqueIndex("(folder_id, generation, ref)")

    def init(self):
        """Places compare byte by byte, whatever the database's own order is.

        In many languages' order ``"a"`` lies between ``"A"`` and ``"B"``, and signs
        count for nothing.
        """
        self.env.cr.execute(
            """SELECT attname FROM pg_attribute
                WHERE attrelid = 'crm_mail_mirror_location'::regclass
                  AND attname IN ('generation', 'ref')
                  AND attcollation != '"C"'::regcollation"""
        )
        for (column,) in self.env.cr.fetchall():
            self.env.cr.execute(
                SQL(
                    "ALTER TABLE crm_mail_mirror_location"
                    ' ALTER COLUMN %s TYPE varchar COLLATE "C"',
                    SQL.identifier(column),
                )
            )
