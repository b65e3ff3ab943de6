# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How much would a level let somebody see? Told in mailboxes, never in mail."""

from odoo import api, fields, models


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users"]

    mirror_sees = fields.Char(
        string="That is",
        compute="_compute_mirror_sees",
        groups="base.group_erp_manager",
    )

    @api.depends("mirror_visibility")
    @api.depends_context("lang")
    def _compute_mirror_sees(self):
        for user in self:
            before = user._origin
            then = before._mirror_count_seen(user.mirror_visibility)
            now = then
            if user.mirror_visibility != before.mirror_visibility:
                now = before._mirror_count_seen(before.mirror_visibility)
            if now == then:
                user.mirror_sees = self.env._("Mailboxes: %(count)s", count=then)
            else:
                user.mirror_sees = self.env._(
                    "Mailboxes: %(then)s, until now %(now)s", then=then, now=now
                )

    def _mirror_count_seen(self, level):
        """How many mailboxes the user sees at this level, the own ones included."""
        if not self:
            return 0
        companies = list(self.sudo()._get_company_ids())
        owners = self._mirror_visible_owners(companies, level)
        mailboxes = self.env["crm.mail.mirror.mailbox"].sudo()
        others = [("company_id", "in", companies), ("user_id", "!=", self.id)]
        if owners is not None:
            others.append(("user_id", "in", owners))
        return mailboxes.search_count([("user_id", "=", self.id)]) + (
            mailboxes.search_count(others)
        )
