# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whose mail may a user see? Levels, managers and the walk over the chart."""

import logging

from odoo import api, fields, models
from odoo.tools import SQL, email_normalize

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
        copy=False,
        groups="base.group_erp_manager",
    )
    mirror_manager_id = fields.Many2one(
        comodel_name="res.users",
        string="Manager",
        index="btree_not_null",
        ondelete="set null",
        copy=False,
        groups="base.group_erp_manager",
    )
    mirror_mailbox_ids = fields.One2many(
        comodel_name="crm.mail.mirror.mailbox",
        inverse_name="user_id",
        string="Mailboxes",
    )
    # what may be linked here: "gmail,work,personal" or fewer
    mirror_offers = fields.Char(compute="_compute_mirror_offers")
    mirror_waits_for_me = fields.Char(compute="_compute_mirror_waits_for_me")

    # whose is an address? Asked for each page of mail
    _mirror_login_idx = models.Index("(lower(login)) WHERE NOT share")

    @property
    def SELF_READABLE_FIELDS(self):
        return super().SELF_READABLE_FIELDS + [
            "mirror_mailbox_ids",
            "mirror_offers",
            "mirror_waits_for_me",
        ]

    def _compute_mirror_offers(self):
        self.mirror_offers = ",".join(
            sorted(self.env["crm.mail.mirror.client"]._offers())
        )

    @api.depends_context("uid")
    def _compute_mirror_waits_for_me(self):
        for user in self:
            waiting = user._mirror_waiting()
            user.mirror_waits_for_me = ", ".join(waiting.mapped("email"))

    def _mirror_waiting(self):
        """The user's own mailboxes that need a sign-in; of others nothing is told."""
        if self.id != self.env.uid:
            return self.env["crm.mail.mirror.mailbox"]
        return self.env["crm.mail.mirror.mailbox"].search(
            [("user_id", "=", self.id), ("state", "=", "needs_login")]
        )

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

    def _mirror_visible_owners(self, companies, level=None):
        """Whose mailboxes this user may read, by level, besides the own.

        :param companies: ids of the companies whose chart counts
        :param level: asked as if it were the user's; None: it is
        :return: user ids, or None for everyone
        """
        self.ensure_one()
        self.flush_recordset(["mirror_visibility"])
        viewer = self.sudo()
        level = int((level if level is not None else viewer.mirror_visibility) or 0)
        level = 0 if viewer.share else level
        if level == 4:
            return None
        if level == 0:
            return []
        edges = SQL(
            """SELECT user_id, manager_id FROM (%s) AS e
                WHERE company_id IS NULL OR company_id = ANY(%s)""",
            self._mirror_edges(),
            list(companies),
        )
        peers = SQL("SELECT NULL::int WHERE FALSE")
        if level >= 2:
            # asked first: as a join it costs a hundred times as much
            self.env.cr.execute(
                SQL(
                    "SELECT manager_id FROM (%s) AS e WHERE user_id = %s",
                    edges,
                    self.id,
                )
            )
            managers = [manager for (manager,) in self.env.cr.fetchall()]
            peers = SQL("SELECT user_id FROM edge WHERE manager_id = ANY(%s)", managers)
        # UNION, not UNION ALL: charts may hold loops
        self.env.cr.execute(
            SQL(
                """WITH RECURSIVE edge AS NOT MATERIALIZED (%(edges)s),
                   peer(user_id) AS (%(peers)s),
                   below(user_id) AS (
                       SELECT %(user)s
                       UNION
                       SELECT user_id FROM peer WHERE %(level)s >= 3
                       UNION
                       SELECT edge.user_id FROM edge
                         JOIN below ON below.user_id = edge.manager_id
                   )
                   SELECT user_id FROM below UNION SELECT user_id FROM peer""",
                edges=edges,
                peers=peers,
                user=self.id,
                level=level,
            )
        )
        return [user for (user,) in self.env.cr.fetchall()]

    # ---- who becomes one of us, or ceases to be -------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        users = super().create(vals_list)
        users._mirror_tell_owners({user.id: set() for user in users})
        users._mirror_look_again()
        return users

    def write(self, vals):
        viewers = self._mirror_concerned(vals)
        former = self._mirror_own() if {"login", "partner_id"} & set(vals) else set()
        before = viewers._mirror_sight()
        inside = self.sudo().filtered(lambda user: not user.share)
        result = super().write(vals)
        viewers._mirror_tell_owners(before)
        if {"login", "partner_id", "group_ids"} & set(vals):
            self._mirror_look_again()
            self.env["crm.mail.mirror.outbox"]._put(former)
        if vals.get("active") is False:
            self._mirror_mailboxes()._leave()
        if "group_ids" in vals:
            # who became a portal user left, and who is one of us again is back
            left = inside.filtered("share")
            left._mirror_mailboxes()._leave()
            self.env["crm.mail.mirror.grant"]._end_of_users(left)
            back = (self.sudo() - inside).filtered(lambda user: not user.share)
            back._mirror_mailboxes()._come_back()
        return result

    def unlink(self):
        partners = self.sudo().partner_id
        result = super().unlink()
        partners._mirror_look_again()
        return result

    def _mirror_look_again(self):
        """A contact that is one of us is no correspondent any more."""
        self.env["crm.mail.mirror.outbox"]._put(self._mirror_own())

    def _mirror_own(self):
        users = self.sudo()
        emails = {email_normalize(user.login) for user in users}
        return emails | set(users.partner_id._mirror_emails())

    # ---- raised levels are told -----------------------------------------------------

    def _mirror_concerned(self, vals):
        """Users who may see more after a write of ``vals``."""
        viewers = self.browse()
        if {"mirror_visibility", "company_ids", "active"} & set(vals):
            viewers |= self
        if "mirror_manager_id" in vals:
            manager = self.browse(vals["mirror_manager_id"] or [])
            viewers |= (self | manager)._mirror_around()
        return viewers

    def _mirror_around(self):
        """These users, all above them, and the peers of each of those.

        Nobody else sees more when one of these users gets another manager.
        """
        self.env.cr.execute(
            SQL(
                """WITH RECURSIVE edge AS NOT MATERIALIZED (%(edges)s),
                   up(user_id) AS (
                       SELECT unnest(%(users)s::int[])
                       UNION
                       SELECT edge.manager_id FROM edge
                         JOIN up ON up.user_id = edge.user_id
                   )
                   SELECT user_id FROM up
                   UNION
                   SELECT edge.user_id FROM edge JOIN up ON up.user_id = edge.manager_id
                """,
                edges=self._mirror_edges(),
                users=list(self.ids),
            )
        )
        return self.browse(user for (user,) in self.env.cr.fetchall())

    def _mirror_sight(self):
        """``{viewer id: set of owners whose mailboxes the viewer may read}``"""
        sight = {}
        for viewer in self.sudo().with_context(active_test=False).exists():
            if not viewer.active or viewer.mirror_visibility in (False, "0"):
                sight[viewer.id] = set()
                continue
            mailboxes = (
                self.env["crm.mail.mirror.mailbox"]
                .with_user(viewer)
                .with_context(allowed_company_ids=list(viewer._get_company_ids()))
                .sudo()
            )
            readable = mailboxes.search(mailboxes._readable_domain())
            sight[viewer.id] = set(readable.user_id.ids) - {viewer.id}
        return sight

    def _mirror_tell_owners(self, before):
        """Owners learn who sees their mail from now on.

        :param before: what ``_mirror_sight`` gave before the change
        """
        concerned = set()
        for viewer_id, owners in self._mirror_sight().items():
            concerned |= owners ^ before.get(viewer_id, set())
            owners = sorted(owners - before.get(viewer_id, set()))
            if not owners:
                continue
            viewer = self.browse(viewer_id).sudo()
            _logger.info(
                "mail visibility: user %s now sees the mail of users %s (by user %s)",
                viewer_id,
                owners,
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
        # who sees it stands on their screens, less as well as more
        self.browse(concerned)._mirror_mailboxes()._tell_live()

    def action_mirror_link(self):
        """Open an empty card for a new mailbox, of the provider in the context."""
        mailboxes = self.env["crm.mail.mirror.mailbox"]
        mailboxes.check_access("create")
        provider = self.env.context.get("mirror_provider") or "imap"
        email = self.env.user.email or ""
        taken = email and mailboxes.sudo().search(
            [("email_normalized", "=", email_normalize(email))]
        )
        action = {
            "type": "ir.actions.act_window",
            "name": self.env._("Link a Mailbox"),
            "res_model": "crm.mail.mirror.mailbox",
            "view_mode": "form",
            # the card calls it itself: nobody else fills these in
            "views": [(False, "form")],
            "target": "current",
            "context": {
                "default_user_id": self.env.uid,
                "default_provider": provider,
                "default_email": "" if taken else email,
            },
        }
        if taken and taken.user_id == self.env.user and taken._is_untried():
            # begun before, and left: leaving a form saves it
            taken.with_user(self.env.user).provider = provider
            action["res_id"] = taken.id
        return action

    def action_mirror_sign_in(self):
        """From the banner: to the mailbox that waits, at once if it is the only one."""
        self.env["crm.mail.mirror.mailbox"].check_access("write")
        waiting = self.env.user._mirror_waiting()
        if len(waiting) == 1:
            return waiting.action_sign_in()
        return self.env["ir.actions.act_window"]._for_xml_id(
            "crm_mail_mirror.crm_mail_mirror_mailbox_action"
        )
