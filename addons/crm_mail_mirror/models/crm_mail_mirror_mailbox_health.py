# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Since when does a mailbox fail, and since when is its first import over?"""

from odoo import fields, models


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    failing_since = fields.Datetime(readonly=True, copy=False)
    # what arrives from then on tells how soon it is here
    imported_at = fields.Datetime(readonly=True, copy=False, groups=fields.NO_ACCESS)

    def _imported_at(self):
        """None while the first import is under way."""
        if self.sudo().imported_at:
            return self.sudo().imported_at
        # linked before that was noted
        return None if self.sudo().listing else self.create_date

    def write(self, vals):
        if "last_error" not in vals or not self.env.su:
            return super().write(vals)
        if not vals["last_error"]:
            return super().write({**vals, "failing_since": False})
        failing = self.filtered(lambda box: box.last_error and box.failing_since)
        begun = {**vals, "failing_since": fields.Datetime.now()}
        result = super(CrmMailMirrorMailbox, self - failing).write(begun)
        return super(CrmMailMirrorMailbox, failing).write(vals) and result
