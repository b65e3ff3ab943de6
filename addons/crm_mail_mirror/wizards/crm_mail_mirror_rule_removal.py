# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What comes back when a rule is removed? Said before it is."""

from odoo import api, fields, models


class CrmMailMirrorRuleRemoval(models.TransientModel):
    _name = "crm.mail.mirror.rule.removal"
    _description = "Remove Rules"

    rule_ids = fields.Many2many(
        comodel_name="crm.mail.mirror.exclusion",
        relation="crm_mail_mirror_rule_removal_rel",
    )
    names = fields.Char(compute="_compute_preview")
    preview = fields.Text(compute="_compute_preview")

    @api.depends("rule_ids")
    @api.depends_context("uid", "lang")
    def _compute_preview(self):
        for removal in self:
            rules = removal.rule_ids._origin._filtered_access("unlink")
            names = [f"“{rule.value}”" for rule in rules[:5]]
            removal.names = ", ".join(names + (["…"] if rules[5:] else []))
            told = [
                rules._preview(some._mailboxes_of(user, company), removed=some)
                for (user, company), some in rules._by_scope().items()
            ]
            removal.preview = "\n".join(filter(None, told))

    def action_remove(self):
        self.ensure_one()
        self.rule_ids.unlink()
        return {"type": "ir.actions.client", "tag": "soft_reload"}
