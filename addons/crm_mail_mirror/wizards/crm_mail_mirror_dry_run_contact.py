# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which contacts would a mailbox's mail be with, and who of them is private?"""

from odoo import fields, models
from odoo.exceptions import AccessError


class CrmMailMirrorDryRunContact(models.TransientModel):
    _name = "crm.mail.mirror.dry.run.contact"
    _description = "Contact Whose Mail Would Be Mirrored"
    _order = "mails desc, name, id"

    run_id = fields.Many2one(
        comodel_name="crm.mail.mirror.dry.run",
        required=True,
        index=True,
        ondelete="cascade",
    )
    # an address that is known, or "@domain" of a known company
    email = fields.Char(string="Address", required=True, readonly=True)
    name = fields.Char(readonly=True)
    mails = fields.Integer(readonly=True)
    keep = fields.Boolean(string="Mirror", default=True)

    def write(self, vals):
        if not self.env.su and set(vals) - {"keep"}:
            raise AccessError(self.env._("Nothing but names can be unticked here."))
        return super().write(vals)
