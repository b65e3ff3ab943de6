# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does Marc see? Told in colleagues and mailboxes, before it is saved."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from .sight import Chart, Sight

#: Names that a sentence holds.
NAMES = 8
#: Others whose sight changes with a manager, that are told one by one.
OTHERS = 5


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users"]

    mirror_sees = fields.Char(
        string="That is",
        compute="_compute_mirror_sees",
        groups="base.group_erp_manager",
    )
    mirror_sight = fields.Char(
        string="Sees",
        compute="_compute_mirror_sight",
        groups="base.group_erp_manager",
    )
    mirror_sight_change = fields.Text(
        string="Once saved",
        compute="_compute_mirror_sight",
        groups="base.group_erp_manager",
    )
    mirror_loop = fields.Char(
        compute="_compute_mirror_sight",
        groups="base.group_erp_manager",
    )

    @api.constrains("mirror_manager_id")
    def _check_mirror_manager(self):
        """Nobody stands above themselves. (Charts of before may hold loops.)"""
        self.flush_model(["mirror_manager_id"])
        for user in self:
            loop = user._mirror_find_loop(user.mirror_manager_id)
            if loop:
                raise ValidationError(loop)

    @api.depends("mirror_visibility")
    @api.depends_context("lang")
    def _compute_mirror_sees(self):
        sight = self._mirror_sights()
        for user in self:
            before = user._origin
            then = sight.mailboxes(before.id, int(user.mirror_visibility or 0))
            now = then
            if user.mirror_visibility != before.mirror_visibility:
                now = sight.mailboxes(before.id, int(before.mirror_visibility or 0))
            if now == then:
                user.mirror_sees = self.env._("Mailboxes: %(count)s", count=then)
            else:
                user.mirror_sees = self.env._(
                    "Mailboxes: %(then)s, until now %(now)s", then=then, now=now
                )

    @api.depends("mirror_visibility", "mirror_manager_id")
    @api.depends_context("lang")
    def _compute_mirror_sight(self):
        sight = self._mirror_sights()
        for user in self:
            before = user._origin
            is_moved = user.mirror_manager_id._origin != before.mirror_manager_id
            chart = sight.chart
            if is_moved and before._mirror_is_placed_here():
                manager = user.mirror_manager_id._origin
                chart = sight.chart.moved(before.id, manager.id)
            level = int(user.mirror_visibility or 0)
            then = sight.colleagues(before.id, level, chart)
            user.mirror_sight = before._mirror_sees_sentence(level, then, sight)
            user.mirror_sight_change = (
                "\n".join(before._mirror_changes(level, chart, sight)) or False
            )
            user.mirror_loop = is_moved and before._mirror_find_loop(
                user.mirror_manager_id._origin
            )

    # ---- asked before something is moved --------------------------------------------

    def get_mirror_move(self, manager_id=False):
        """What comes of giving this user another manager?

        :param manager_id: of the manager, or False
        :return: ``{"refused": sentence or False, "changes": [sentences]}``
        :raises AccessError: unless the user may manage access rights
        """
        self.ensure_one()
        self.check_access("write")
        self._check_field_access(self._fields["mirror_manager_id"], "write")
        manager = self.browse(manager_id or [])
        refused = self._mirror_refuses(manager)
        if refused:
            return {"refused": refused, "changes": []}
        sight = self._mirror_sights()
        level = int(self.mirror_visibility or 0)
        chart = sight.chart.moved(self.id, manager.id)
        return {
            "refused": False,
            "changes": self._mirror_changes(level, chart, sight)
            or [self.env._("Nobody sees other mail than before.")],
        }

    def _mirror_refuses(self, manager):
        """Why this user can not get that manager here; False: they can."""
        return self._mirror_find_loop(manager)

    def _mirror_is_placed_here(self):
        """Does the manager that stands on the user count?"""
        return True

    # ---- in words -------------------------------------------------------------------

    def _mirror_sees_sentence(self, level, colleagues, sight):
        """Whose mail the user sees, and how many of those have no mailbox yet."""
        if not colleagues:
            return self.env._("%(name)s sees only their own mail.", name=self.name)
        parts = [
            self.env._(
                "%(name)s sees the mail of one colleague, as far as they share it:"
                " %(names)s.",
                name=self.name,
                names=self._mirror_names(colleagues),
            )
            if len(colleagues) == 1
            else self.env._(
                "%(name)s sees the mail of %(count)s colleagues, as far as they share"
                " it: %(names)s.",
                name=self.name,
                count=len(colleagues),
                names=self._mirror_names(colleagues),
            )
        ]
        absent = len(colleagues - set(sight.boxes))
        if absent:
            parts.append(
                self.env._("Without a mailbox here so far: %(count)s.", count=absent)
            )
        return " ".join(parts)

    def _mirror_changes(self, level, chart, sight):
        """Sentences on who would see more, or less, once this is saved."""
        told = []
        before = int(self.mirror_visibility or 0)
        then = sight.colleagues(self.id, level, chart)
        now = sight.colleagues(self.id, before)
        if then - now:
            names = self._mirror_names(then - now)
            told.append(self.env._("New: %(names)s.", names=names))
        if now - then:
            names = self._mirror_names(now - then)
            told.append(self.env._("No longer: %(names)s.", names=names))
        if chart is sight.chart:
            return told
        around = self.sudo().browse(
            (chart.above([self.id]) | sight.chart.above([self.id])) - {self.id}
        )
        others = []
        for viewer in around.filtered("active").sorted("name"):
            level = int(viewer.mirror_visibility or 0)
            if level in (0, 4):
                continue
            then = sight.colleagues(viewer.id, level, chart)
            now = sight.colleagues(viewer.id, level)
            others += viewer._mirror_gains(then - now, now - then)
        told += others[:OTHERS]
        if len(others) > OTHERS:
            rest = len(others) - OTHERS
            told.append(
                self.env._("And so for one other.")
                if rest == 1
                else self.env._("And so for %(count)s others.", count=rest)
            )
        return told

    def _mirror_gains(self, new, gone):
        told = []
        if new:
            told.append(
                self.env._(
                    "%(name)s would see the mail of %(names)s as well.",
                    name=self.name,
                    names=self._mirror_names(new),
                )
            )
        if gone:
            told.append(
                self.env._(
                    "%(name)s would no longer see the mail of %(names)s.",
                    name=self.name,
                    names=self._mirror_names(gone),
                )
            )
        return told

    @api.model
    def _mirror_names(self, ids):
        """Some of them by name, the rest by number."""
        users = self.sudo().with_context(active_test=False)
        shown = users.search([("id", "in", list(ids))], order="name, id", limit=NAMES)
        names = ", ".join(shown.mapped("name"))
        rest = len(ids) - len(shown)
        if rest <= 0:
            return names
        if rest == 1:
            return self.env._("%(names)s and one more", names=names)
        return self.env._("%(names)s and %(count)s more", names=names, count=rest)

    def _mirror_find_loop(self, manager):
        """Why this user cannot report to ``manager``: it would be a loop. Or False."""
        if not (self and manager):
            return False
        self.env.cr.execute(
            # UNION, not UNION ALL: charts may hold loops
            """WITH RECURSIVE up(id) AS (
                   SELECT %(manager)s
                   UNION
                   SELECT u.mirror_manager_id FROM up JOIN res_users u ON u.id = up.id
                    WHERE u.id != %(user)s AND u.mirror_manager_id IS NOT NULL)
               SELECT 1 FROM up WHERE id = %(user)s""",
            {"user": self.id, "manager": manager.id},
        )
        if not self.env.cr.fetchone():
            return False
        if self == manager:
            return self.env._("Nobody is their own manager.")
        return self.env._(
            "%(user)s cannot report to %(manager)s, who stands below %(user)s. Give"
            " %(manager)s another manager first.",
            user=self.sudo().name,
            manager=manager.sudo().name,
        )

    # ---- all at once ----------------------------------------------------------------

    @api.model
    def _mirror_sights(self):
        """The whole chart, all mailboxes and companies, in three queries."""
        self.env["crm.mail.mirror.mailbox"].flush_model(["user_id", "company_id"])
        self.env["res.users"].flush_model(["active", "share", "company_ids"])
        cr = self.env.cr
        cr.execute(
            SQL(
                "SELECT user_id, manager_id, company_id FROM (%s) AS e",
                self._mirror_edges(),
            )
        )
        chart = Chart(cr.fetchall())
        cr.execute(
            """SELECT user_id, array_agg(company_id) FROM crm_mail_mirror_mailbox
                GROUP BY user_id"""
        )
        boxes = dict(cr.fetchall())
        cr.execute(
            """SELECT r.user_id, array_agg(r.cid) FROM res_company_users_rel r
                 JOIN res_users u ON u.id = r.user_id
                WHERE u.active AND NOT u.share GROUP BY r.user_id"""
        )
        members = {user: frozenset(companies) for user, companies in cr.fetchall()}
        return Sight(chart, boxes, members)
