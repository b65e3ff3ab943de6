# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What shall never be mirrored? Rules of the company, and each owner's own."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import email_normalize


class CrmMailMirrorExclusion(models.Model):
    _name = "crm.mail.mirror.exclusion"
    _description = "Mail Not to Mirror"
    _rec_name = "value"
    _order = "kind, value"

    kind = fields.Selection(
        selection=[("address", "Address"), ("domain", "Domain"), ("word", "Word")],
        required=True,
        default="address",
    )
    value = fields.Char(required=True)
    user_id = fields.Many2one(
        comodel_name="res.users",
        string="Only for",
        index=True,
        ondelete="cascade",
        help="Empty: for the whole company",
    )

    _value_uniq = models.UniqueIndex(
        "(kind, value, COALESCE(user_id, 0))", "This rule stands already."
    )

    @api.constrains("kind", "value")
    def _check_value(self):
        for rule in self:
            value = (rule.value or "").strip()
            if rule.kind == "address" and not email_normalize(value):
                raise ValidationError(
                    self.env._("%(value)s is not a mail address.", value=value)
                )
            if rule.kind == "domain" and ("." not in value or "@" in value):
                raise ValidationError(
                    self.env._(
                        "%(value)s is not a domain such as example.com.", value=value
                    )
                )
            if rule.kind == "word" and len(value) < 2:
                raise ValidationError(self.env._("A word needs at least two letters."))

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            vals["value"] = self._normalise(vals.get("kind"), vals.get("value"))
        records = super().create(vals_list)
        records._bump_policies()
        return records

    def write(self, vals):
        self._bump_policies()
        if "value" in vals:
            kind = vals.get("kind") or (self[:1].kind)
            vals = {**vals, "value": self._normalise(kind, vals["value"])}
        result = super().write(vals)
        self._bump_policies()
        return result

    def unlink(self):
        self._bump_policies()
        return super().unlink()

    def _normalise(self, kind, value):
        value = (value or "").strip()
        if kind == "address":
            return email_normalize(value) or value
        return value.lower().lstrip("@") if kind == "domain" else value

    def _bump_policies(self):
        """Pages that were decided under the rules before are decided again."""
        everyone = any(not rule.user_id for rule in self)
        self.env["crm.mail.mirror.mailbox"]._bump_policy(
            None if everyone else self.user_id.ids
        )
