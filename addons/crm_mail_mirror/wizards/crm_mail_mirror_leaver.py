# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What shall happen to the mail of somebody who left? An administrator decides."""

from odoo import api, fields, models

from ..models.res_company_forgetting import LEAVER


class CrmMailMirrorLeaver(models.TransientModel):
    _name = "crm.mail.mirror.leaver"
    _description = "What Happens to a Leaver's Mail"

    mailbox_ids = fields.Many2many(
        comodel_name="crm.mail.mirror.mailbox",
        relation="crm_mail_mirror_leaver_mailbox_rel",
        required=True,
    )
    action = fields.Selection(selection=LEAVER, required=True, default="keep")
    on = fields.Date(string="When")
    successor_id = fields.Many2one(
        comodel_name="res.users",
        domain="[('share', '=', False)]",
        ondelete="cascade",
    )

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        for wizard in wizards:
            wizard.mailbox_ids._check_leaver()
        return wizards

    def action_decide(self):
        """On its date."""
        self.ensure_one()
        return self._decide(self.on)

    def action_now(self):
        """At once."""
        self.ensure_one()
        return self._decide(fields.Date.today())

    def _decide(self, on):
        self.mailbox_ids._decide_leaver(self.action, on, self.successor_id)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
