# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who else may read this user's mailboxes? The levels, asked the other way round."""

from odoo import models
from odoo.tools import SQL


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users"]

    def _mirror_viewers(self, company):
        """Colleagues whose level lets them read a mailbox of this user.

        :param company: the mailbox's
        :return: users; each could name all of their companies at once
        """
        self.ensure_one()
        viewers = self.sudo()._mirror_may_view()
        return viewers.filtered(
            lambda viewer: (
                company.id in viewer._get_company_ids()
                and self._is_seen_by(viewer, list(viewer._get_company_ids()))
            )
        )

    def _is_seen_by(self, viewer, companies):
        owners = viewer._mirror_visible_owners(companies)
        return owners is None or self.id in owners

    def _mirror_may_view(self):
        """Those around this user in the chart of any company, by their level.

        A few among them may turn out to stand there in another company only.
        """
        self.flush_model(["mirror_visibility", "active", "share"])
        self.env.cr.execute(
            SQL(
                # UNION, not UNION ALL: charts may hold loops
                """WITH RECURSIVE edge AS NOT MATERIALIZED (%(edges)s),
                   up(user_id) AS (
                       SELECT %(user)s
                       UNION
                       SELECT edge.manager_id FROM edge
                         JOIN up ON up.user_id = edge.user_id
                   ),
                   manager(manager_id, is_mine) AS (
                       SELECT edge.manager_id, bool_or(up.user_id = %(user)s)
                         FROM edge JOIN up ON up.user_id = edge.user_id GROUP BY 1
                   )
                   SELECT u.id FROM res_users u
                    WHERE u.active AND NOT u.share AND u.id != %(user)s
                      AND (u.mirror_visibility = '4'
                        OR (u.mirror_visibility IN ('1', '2', '3')
                            AND u.id IN (SELECT user_id FROM up))
                        OR (u.mirror_visibility IN ('2', '3') AND EXISTS (
                            SELECT 1 FROM edge e
                              JOIN manager m ON m.manager_id = e.manager_id
                             WHERE e.user_id = u.id
                               AND (m.is_mine OR u.mirror_visibility = '3'))))""",
                edges=self._mirror_edges(),
                user=self.id,
            )
        )
        return self.browse(user for (user,) in self.env.cr.fetchall())
