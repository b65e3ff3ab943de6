# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whose mail may a user see? Levels, managers and the walk over the chart."""

import logging

from odoo import api, fields, models
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

LEVELS = [
    ("0", "0: own mail"),
    ("1", "1: and of everyone below"),
    ("2", "2: and of peers (same manager)"),
    ("3", "3: and of everyone below peers"),
    ("4", "4: of everyone"),
]


class ResUsers(models.Model):
    _inherit = "res.users"

    mirror_visibility = fields.Selection(
        selection=LEVELS,
        string="Sees mail of",
        default="0",
        required=True,
        groups="base.group_erp_manager",
    )
    mirror_manager_id = fields.Many2one(
        comodel_name="res.users",
        string="Manager",
        index="btree_not_null",
        ondelete="set null",
        groups="base.group_erp_manager",
    )
    mirror_mailbox_ids = fields.One2many(
        comodel_name="crm.mail.mirror.mailbox",
        inverse_name="user_id",
        string="Mailboxes",
    )

    @property
    def SELF_READABLE_FIELDS(self):
        return super().SELF_READABLE_FIELDS + ["mirror_mailbox_ids"]

    @api.model
    def _mirror_edges(self):
        """The chart: a query of (user_id, manager_id, company_id).

        A company of NULL counts in all companies. The hr bridge puts the employees'
        managers in its place.
        """
        self.env["res.users"].flush_model(["mirror_manager_id"])
        return SQL(
            """SELECT id AS user_id, mirror_manager_id AS manager_id,
                      NULL::int AS company_id
                 FROM res_users WHERE mirror_manager_id IS NOT NULL"""
        )

    def _mirror_visible_owners(self, companies):
        """Whose mailboxes this user may read, by level, besides the own.

        :param companies: ids of the companies whose chart counts
        :return: user ids, or None for everyone
        """
        self.ensure_one()
        self.flush_recordset(["mirror_visibility"])
        level = int(self.sudo().mirror_visibility or 0)
        if level == 4:
            return None
        if level == 0:
            return []
        # UNION, not UNION ALL: charts may hold loops
        self.env.cr.execute(
            SQL(
                """WITH RECURSIVE edge AS (
                       SELECT user_id, manager_id FROM (%(edges)s) AS e
                        WHERE company_id IS NULL OR company_id = ANY(%(companies)s)
                   ), peer(user_id) AS (
                       SELECT other.user_id FROM edge mine
                         JOIN edge other ON other.manager_id = mine.manager_id
                        WHERE mine.user_id = %(user)s AND %(level)s >= 2
                   ), below(user_id) AS (
                       SELECT %(user)s
                       UNION
                       SELECT user_id FROM peer WHERE %(level)s >= 3
                       UNION
                       SELECT edge.user_id FROM edge
                         JOIN below ON below.user_id = edge.manager_id
                   )
                   SELECT user_id FROM below UNION SELECT user_id FROM peer""",
                edges=self._mirror_edges(),
                companies=list(companies),
                user=self.id,
                level=level,
            )
        )
        return [user for (user,) in self.env.cr.fetchall()]

    # ---- raised levels are told -----------------------------------------------------

    def write(self, vals):
        if not {"mirror_visibility", "mirror_manager_id"} & set(vals):
            return super().write(vals)
        before = self._mirror_sight()
        result = super().write(vals)
        self._mirror_tell_owners(before)
        return result

    @api.model
    def _mirror_sight(self):
        """``{viewer id: set of owner ids with a mailbox that the viewer may read}``"""
        owners = set(
            self.env["crm.mail.mirror.mailbox"].sudo().search([]).user_id.ids
        )
        sight = {}
        if owners:
            for viewer in self.sudo().search([("mirror_visibility", "!=", "0")]):
                seen = viewer._mirror_visible_owners(viewer._get_company_ids())
                sight[viewer.id] = owners if seen is None else owners & set(seen)
        return sight

    @api.model
    def _mirror_tell_owners(self, before):
        """Owners learn who sees their mail from now on."""
        new = {}
        for viewer, owners in self._mirror_sight().items():
            for owner in owners - before.get(viewer, set()) - {viewer}:
                new.setdefault(viewer, []).append(owner)
        for viewer_id, owners in new.items():
            viewer = self.browse(viewer_id).sudo()
            _logger.info(
                "mail visibility: user %s now sees the mail of users %s (by user %s)",
                viewer_id,
                sorted(owners),
                self.env.uid,
            )
            self.env["mail.thread"].sudo().message_notify(
                partner_ids=self.browse(owners).sudo().partner_id.ids,
                subject=self.env._("Who sees your mail"),
                body=self.env._(
                    "%(viewer)s can from now on see the mail of your mailbox that is on"
                    " contacts, as far as you share it.",
                    viewer=viewer.name,
                ),
            )

    def action_mirror_link(self):
        """Open an empty card for a new mailbox."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Link a Mailbox"),
            "res_model": "crm.mail.mirror.mailbox",
            "view_mode": "form",
            "target": "current",
            "context": {
                "default_user_id": self.env.uid,
                "default_email": self.env.user.email or "",
                "default_imap_login": self.env.user.email or "",
            },
        }
