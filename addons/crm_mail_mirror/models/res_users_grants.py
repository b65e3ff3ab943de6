# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What waits for a user's answer, and what ends when a user leaves?"""

from odoo import api, fields, models


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users"]

    mirror_asked_of_me = fields.Integer(compute="_compute_mirror_asked_of_me")

    @property
    def SELF_READABLE_FIELDS(self):
        return super().SELF_READABLE_FIELDS + ["mirror_asked_of_me"]

    @api.depends_context("uid")
    def _compute_mirror_asked_of_me(self):
        grants = self.env["crm.mail.mirror.grant"]
        for user in self:
            user.mirror_asked_of_me = (
                grants.search_count(
                    [("owner_id", "=", user.id), ("state", "=", "asked")]
                )
                if user.id == self.env.uid and grants.has_access("read")
                else 0
            )

    def write(self, vals):
        result = super().write(vals)
        if vals.get("active") is False:
            self.env["crm.mail.mirror.grant"]._end_of_users(self)
        return result

    def _mirror_look_again(self):
        result = super()._mirror_look_again()
        self.env["crm.mail.mirror.grant"]._forget_addresses(self._mirror_own())
        return result
