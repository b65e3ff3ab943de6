# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who has linked a mailbox, who has not yet, and how do the mailboxes fare?

A row for each internal user and each of their mailboxes; who has none has a row as
well. It tells states, times and the kind of error, and nothing of what is in a mailbox.
"""

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import format_date, format_datetime

from . import error_labels
from .res_users_invited import AT_ONCE
from .sentences import sentence

STATUS = [
    ("not_invited", "Not invited"),
    ("invited", "Invited"),
    ("declined", "Declined"),
    ("begun", "Began to link"),
    ("linked", "Linked, not started"),
    ("importing", "Importing"),
    ("healthy", "Healthy"),
    ("quiet", "Quiet"),
    ("needs_login", "Needs login"),
    ("failing", "Failing"),
    # of columns of cards the first ten are open
    ("paused", "Paused"),
    ("disconnected", "Disconnected, mail kept"),
]
#: Days without news after which a mailbox is called quiet.
QUIET_DAYS = 7
#: Hours after which a mailbox that is due and not looked at is called failing.
OVERDUE_HOURS = 1


class CrmMailMirrorAdoption(models.Model):
    _name = "crm.mail.mirror.adoption"
    _description = "User and Mailbox"
    _auto = False
    _log_access = False
    _order = "name, user_id, address, id"
    _rec_name = "name"
    _depends = {
        "res.users": [
            *("active", "share", "company_id", "partner_id"),
            *("mirror_invited_at", "mirror_declined"),
        ],
        "res.partner": ["name"],
        "crm.mail.mirror.mailbox": [
            *("user_id", "company_id", "email", "provider", "state", "listing"),
            *("failure_count", "failing_since", "last_error", "last_sync_at"),
            *("last_change_at", "next_sync_at", "lease_until"),
            *("progress_done", "progress_total", "is_going"),
        ],
    }

    user_id = fields.Many2one(comodel_name="res.users", readonly=True)
    name = fields.Char(readonly=True)
    company_id = fields.Many2one(comodel_name="res.company", readonly=True)
    mailbox_id = fields.Many2one(comodel_name="crm.mail.mirror.mailbox", readonly=True)
    address = fields.Char(readonly=True)
    provider = fields.Selection(
        selection=lambda self: (
            self.env["crm.mail.mirror.mailbox"]._fields["provider"].selection
        ),
        readonly=True,
    )
    status = fields.Selection(selection=STATUS, readonly=True, group_expand=True)
    invited_at = fields.Datetime(string="Invited on", readonly=True)
    last_sync_at = fields.Datetime(string="Last check", readonly=True)
    last_change_at = fields.Datetime(string="Last change", readonly=True)
    next_sync_at = fields.Datetime(string="Next try", readonly=True)
    failing_since = fields.Datetime(readonly=True)
    code = fields.Char(readonly=True)
    kind = fields.Selection(
        selection=lambda self: [*error_labels.labels(self.env).items()],
        string="What is wrong",
        readonly=True,
    )
    progress = fields.Integer(string="First import (%)", readonly=True, aggregator=None)
    told = fields.Text(string="In words", compute="_compute_told")

    @property
    def _table_query(self):
        known = ", ".join(f"'{code}'" for code in sorted(error_labels.labels(self.env)))
        return f"""
            SELECT box.*,
                   CASE WHEN status = 'failing' AND failing_now IS NULL
                        THEN next_sync_at
                        WHEN status IN ('failing', 'needs_login', 'begun')
                        THEN failing_now END AS failing_since,
                   CASE WHEN code IN ({known}) THEN code
                        WHEN code IS NOT NULL THEN 'bug' END AS kind
              FROM (SELECT CASE WHEN m.id IS NULL THEN 2 * u.id
                                ELSE 2 * m.id + 1 END AS id,
                           u.id AS user_id, p.name, m.id AS mailbox_id,
                           coalesce(m.company_id, u.company_id) AS company_id,
                           m.email AS address, m.provider, m.last_sync_at,
                           m.last_change_at, u.mirror_invited_at AS invited_at,
                           m.last_error AS code,
                           CASE WHEN m.last_error IS NOT NULL
                                THEN m.failing_since END AS failing_now,
                           CASE WHEN m.state IN ('active', 'error')
                                THEN m.next_sync_at END AS next_sync_at,
                           CASE WHEN m.progress_total > 0 AND m.listing = 'first'
                                THEN least(100, 100 * m.progress_done::bigint
                                                / m.progress_total)::int
                                END AS progress,
                           CASE WHEN m.id IS NULL AND u.mirror_declined THEN 'declined'
                                WHEN m.id IS NULL AND u.mirror_invited_at IS NOT NULL
                                THEN 'invited'
                                WHEN m.id IS NULL THEN 'not_invited'
                                WHEN m.state = 'draft' AND m.last_sync_at IS NOT NULL
                                THEN 'disconnected'
                                WHEN m.state = 'draft' THEN 'begun'
                                WHEN m.state = 'ready' THEN 'linked'
                                WHEN m.state IN ('paused', 'needs_login') THEN m.state
                                WHEN m.state = 'error' OR m.failure_count > 0
                                  OR {self._overdue()} THEN 'failing'
                                WHEN m.listing = 'first' THEN 'importing'
                                WHEN coalesce(m.last_change_at, m.create_date)
                                     < now() AT TIME ZONE 'UTC'
                                       - interval '{QUIET_DAYS} days' THEN 'quiet'
                                ELSE 'healthy' END AS status
                      FROM res_users u
                      JOIN res_partner p ON p.id = u.partner_id
                      -- one that is being removed is no mailbox any more
                      LEFT JOIN crm_mail_mirror_mailbox m
                        ON m.user_id = u.id AND m.is_going IS NOT TRUE
                     WHERE u.active AND NOT u.share) AS box"""

    def _overdue(self):
        """Nobody looks at it: the scheduled jobs do not run, or there are too few."""
        limit = f"now() AT TIME ZONE 'UTC' - interval '{OVERDUE_HOURS} hours'"
        return f"""(m.next_sync_at < {limit} AND
                    (m.lease_until IS NULL OR m.lease_until < {limit}))"""

    @api.depends("status", "code", "invited_at", "last_change_at", "progress")
    @api.depends_context("lang", "tz")
    def _compute_told(self):
        for row in self:
            row.told = row._sentence()

    def _sentence(self):
        """How it stands, why, and what comes next."""
        reason = self.code and sentence(self.env, self.code)
        if self.status == "invited":
            day = format_date(self.env, self.invited_at.date())
            return self.env._(
                "Invited on %(day)s, has not linked a mailbox yet.", day=day
            )
        if self.status == "begun":
            return reason or self.env._(
                "Filled in an address, but has not signed in yet."
            )
        if self.status == "importing":
            return self.env._(
                "First import: %(done)s %% of it is here.", done=self.progress
            )
        if self.status == "quiet" and self.last_change_at:
            day = format_date(self.env, self.last_change_at.date())
            return self.env._(
                "Looked at as usual; nothing came since %(day)s.", day=day
            )
        if self.status == "needs_login":
            return reason or self.env._("Its owner has to sign in again.")
        if self.status == "failing":
            return self._sentence_failing(reason)
        return {
            "not_invited": self.env._("Nobody has asked for a mailbox here yet."),
            "declined": self.env._(
                "Said no when asked; can still link one in Preferences."
            ),
            "linked": self.env._("Signed in, but has not started the mirror yet."),
            "healthy": self.env._("Looked at as usual."),
            "quiet": self.env._("Looked at as usual; nothing came so far."),
            "paused": self.env._("Paused by its owner or by an administrator."),
            "disconnected": self.env._(
                "Disconnected by its owner or by an administrator: nothing new comes,"
                " what was mirrored stays."
            ),
        }[self.status]

    def _sentence_failing(self, reason):
        if not reason:
            return self.env._(
                "Should have been checked by now: are the scheduled actions running?"
            )
        if not self.next_sync_at:
            return reason
        return self.env._(
            "%(reason)s Next try: %(time)s.",
            reason=reason,
            time=format_datetime(self.env, self.next_sync_at, dt_format="short"),
        )

    # ---- actions --------------------------------------------------------------------

    def _check_administrator(self):
        if not self.env["crm.mail.mirror.mailbox"]._is_administrator():
            raise AccessError(
                self.env._("Only administrators of the mailbox mirror do that.")
            )

    def action_invite(self):
        """Invite the users of these rows, and say what came of it."""
        self._check_administrator()
        self.check_access("read")
        return self._tell_invited(self.user_id._mirror_invite())

    def action_invite_rest(self):
        """Invite everybody who has no mailbox, did not say no, and waited a week.

        A list's button calls it on the rows that are ticked; they do not matter.
        """
        self._check_administrator()
        rest = self.search([("status", "in", ("not_invited", "invited"))])
        return self._tell_invited(rest.user_id._mirror_invite())

    def action_open_mailbox(self):
        """The mailbox of this row, as its administrators see it."""
        self.ensure_one()
        self._check_administrator()
        self.check_access("read")
        return self.mailbox_id.action_open_form() if self.mailbox_id else False

    def _tell_invited(self, outcome):
        counts = {key: len(users) for key, users in outcome.items()}
        parts = [
            self.env._("Nobody was invited.")
            if not counts["invited"]
            else self.env._("1 user was invited.")
            if counts["invited"] == 1
            else self.env._("%(count)s users were invited.", count=counts["invited"])
        ]
        if counts["invited"] > AT_ONCE:
            parts.append(self.env._("That takes some minutes, in the background."))
        if counts["recent"]:
            parts.append(
                self.env._("Invited less than a week ago: %s.", counts["recent"])
            )
        if counts["linked"]:
            parts.append(self.env._("Have a mailbox already: %s.", counts["linked"]))
        if counts["declined"]:
            parts.append(self.env._("Said no: %s.", counts["declined"]))
        if counts["unreachable"]:
            parts.append(self.env._("Have no address: %s.", counts["unreachable"]))
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if counts["invited"] else "warning",
                "title": self.env._("Invitations"),
                "message": " ".join(parts),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }
