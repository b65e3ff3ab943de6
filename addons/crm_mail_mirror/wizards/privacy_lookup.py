# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does Odoo's privacy look-up say of mirrored mail? How much there is, no more,
and of little not even whether there is any: the line stands for every address.

It would list rows of ours by their names, and delete them one by one: an address here
is somebody's correspondent, and what is deleted would come back with the next sync.
"""

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import email_normalize


class PrivacyLookupWizard(models.TransientModel):
    _inherit = "privacy.lookup.wizard"

    def _get_query_models_blacklist(self):
        ours = [name for name in self.env if name.startswith("crm.mail.mirror.")]
        return super()._get_query_models_blacklist() + ours

    def action_lookup(self):
        result = super().action_lookup()
        found = self._mirror_found()
        if found:
            line = {
                "res_model_id": self.env["ir.model"]._get_id(found._name),
                "res_id": found.id,
                "is_active": True,
            }
            self.write({"line_ids": [(0, 0, line)]})
        return result

    def _mirror_found(self):
        """One row for all mirrored mail with the address."""
        erasures = self.env["crm.mail.mirror.erasure"]
        email = email_normalize(self.email or "")
        if not email:
            return erasures
        try:
            return erasures._make(erasures._addresses_of(email), state="found")
        except UserError:
            return erasures  # one of us: on all mail of a mailbox


class PrivacyLookupWizardLine(models.TransientModel):
    _inherit = "privacy.lookup.wizard.line"

    def action_unlink(self):
        self.ensure_one()
        if self.res_model != "crm.mail.mirror.erasure" or self.is_unlinked:
            return super().action_unlink()
        erasure = self.env["crm.mail.mirror.erasure"].browse(self.res_id).exists()
        if erasure.state != "found":
            raise UserError(self.env._("This was erased already."))
        erasure._begin()
        self.write(
            {
                "execution_details": self.env._(
                    "Erased mirrored emails: certificate #%(number)s", number=erasure.id
                ),
                "is_unlinked": True,
            }
        )
        return None
