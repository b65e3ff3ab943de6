# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What of a mailbox is its owner's alone, though administrators read the row?

Groups of a field cannot say so: they know no record. So the value itself is empty to
everybody else, whichever way it is read (RPC, export, copy, onchange, other records);
what is done under sudo sees it. By which one may neither search nor sort, see
``CrmMailMirrorMailbox._check_field_access``.
"""

from odoo import fields


class OwnersField:
    """Mixin of a field on a model with ``user_id``."""

    def __get__(self, record, owner=None):
        value = super().__get__(record, owner)
        if not value or record is None or record.env.su:
            return value
        mine = record.sudo().user_id.id == record.env.uid
        return value if mine else False


class OwnersBoolean(OwnersField, fields.Boolean):
    pass


class OwnersChar(OwnersField, fields.Char):
    pass


class OwnersDate(OwnersField, fields.Date):
    pass


class OwnersInteger(OwnersField, fields.Integer):
    pass


class OwnersSelection(OwnersField, fields.Selection):
    pass
