# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who stands above whom, as the view Organisation draws it?

The chart may hold loops, managers who have left, and in several companies several
managers for one user. Drawn is a tree: for each user at most one manager, who works
here, and nobody who would not be found from the top.
"""

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users"]

    mirror_above_id = fields.Many2one(
        comodel_name="res.users",
        string="Reports to",
        compute="_compute_mirror_above",
        inverse="_inverse_mirror_above",
        search="_search_mirror_above",
        groups="base.group_erp_manager",
    )
    mirror_below_ids = fields.One2many(
        comodel_name="res.users",
        string="Team",
        compute="_compute_mirror_above",
        groups="base.group_erp_manager",
    )

    @api.depends("mirror_manager_id")
    @api.depends_context("allowed_company_ids")
    def _compute_mirror_above(self):
        above, below = self._mirror_tree(), {}
        for user, manager in above.items():
            below.setdefault(manager, []).append(user)
        for user in self:
            user.mirror_above_id = above.get(user._origin.id)
            user.mirror_below_ids = self.browse(below.get(user._origin.id, []))

    def _inverse_mirror_above(self):
        for user in self:
            user.mirror_manager_id = user.mirror_above_id

    def _search_mirror_above(self, operator, value):
        if operator != "in":
            return NotImplemented
        above = self._mirror_tree()
        found = Domain("id", "in", [u for u, m in above.items() if m in value])
        return found | Domain("id", "not in", list(above)) if False in value else found

    @api.model
    def _mirror_tree(self):
        """``{user id: manager id}`` of those who have a manager, without loops."""
        self.env["res.users"].flush_model(["active", "share"])
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT ON (e.user_id) e.user_id, e.manager_id
                     FROM (%s) AS e
                     JOIN res_users u ON u.id = e.user_id AND u.active AND NOT u.share
                     JOIN res_users m ON m.id = e.manager_id AND m.active
                                     AND NOT m.share
                    WHERE e.company_id IS NULL OR e.company_id = ANY(%s)
                    ORDER BY e.user_id, e.company_id = %s DESC NULLS LAST,
                             e.manager_id""",
                self._mirror_edges(),
                self.env.companies.ids,
                self.env.company.id,
            )
        )
        return without_loops(dict(self.env.cr.fetchall()))


def without_loops(above):
    """Each loop is cut above the one of it with the lowest number."""
    tree, safe = dict(above), set()
    for start in sorted(above):
        path, at = {}, start
        while at in tree and at not in safe and at not in path:
            path[at] = tree[at]
            at = tree[at]
        if at in path:
            loop, each = [at], path[at]
            while each != at:
                loop.append(each)
                each = path[each]
            del tree[min(loop)]
        safe.update(path)
    return tree
