# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mailboxes are linked, by whom, how do they fare, and who may read them?"""

import random
from collections import Counter
from datetime import UTC, datetime, time, timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, email_normalize

from ..engine.keyring import KeyUnusable
from ..engine.providers import open_mailbox
from ..engine.providers.base import Place, ProviderError
from ..engine.rules import DEFAULT_PRIVATE_WORDS, Policy
from .crm_mail_mirror_copy import SHARING
from .crm_mail_mirror_credential import keyring, setting
from .lease import Lease
from .sentences import sentence

#: Seconds until a mailbox is looked at again: after activity in the last hour, and else.
DUE_ACTIVE, DUE_QUIET = 60, 110
#: Seconds to the next look when a mail lost its place and may turn up elsewhere.
DUE_ORPHANS = 10
#: Seconds to the next look after rules changed under a page.
DUE_FENCED = 3
#: Most seconds of waiting after errors.
LONGEST_WAIT = 3600
#: Before the generation of places that were told before the cursor was lost.
VOID = "void:"
#: Departures in one pass beyond this share need a second look (DESIGN 4).
BRAKE_SHARE = 0.1
BRAKE_COUNT = 50


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _description = "Linked Mailbox"
    _inherit = ["mail.activity.mixin"]
    _rec_name = "email"
    _order = "email, id"

    user_id = fields.Many2one(
        comodel_name="res.users",
        string="Owner",
        required=True,
        index=True,
        default=lambda self: self.env.user,
        ondelete="restrict",
    )
    company_id = fields.Many2one(
        comodel_name="res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
    )
    email = fields.Char(string="Address", required=True)
    email_normalized = fields.Char(compute="_compute_email_normalized", store=True)
    aliases = fields.Char(
        help="Other addresses of the same mailbox, separated by commas"
    )
    provider = fields.Selection(
        selection=[("imap", "IMAP")], required=True, default="imap"
    )
    state = fields.Selection(
        selection=[
            ("draft", "Not connected"),
            ("active", "Mirrored"),
            ("paused", "Paused"),
            ("needs_login", "Needs you to sign in"),
            ("error", "Needs the administrator"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
    )
    sharing_in = fields.Selection(
        selection=SHARING,
        string="Of mail I received, share",
        required=True,
        default=lambda self: self.env.company.mirror_sharing_in or "metadata",
    )
    sharing_out = fields.Selection(
        selection=SHARING,
        string="Of mail I sent, share",
        required=True,
        default=lambda self: self.env.company.mirror_sharing_out or "metadata",
    )
    mode = fields.Selection(
        selection=[("two_way", "Sent and received"), ("one_way", "Sent only")],
        required=True,
        default="two_way",
    )
    sync_from = fields.Date(
        string="Mail since",
        default=lambda self: fields.Date.today() - timedelta(days=7),
        help="Mail received before that day stays out; empty: all mail",
    )

    imap_host = fields.Char(string="Server")
    imap_port = fields.Integer(string="Port", default=993)
    imap_security = fields.Selection(
        selection=[("tls", "TLS"), ("starttls", "STARTTLS"), ("none", "None")],
        string="Encryption",
        default="tls",
    )
    imap_login = fields.Char(string="Login")
    password = fields.Char(
        compute="_compute_password", inverse="_inverse_password", store=False
    )

    # where the mirror stands; written by the sync alone, in SQL
    cursor = fields.Json(readonly=True, copy=False, groups=fields.NO_ACCESS)
    cursor_seq = fields.Integer(
        default=0, required=True, readonly=True, copy=False, groups=fields.NO_ACCESS
    )
    policy_seq = fields.Integer(
        default=0, required=True, readonly=True, copy=False, groups=fields.NO_ACCESS
    )
    pass_no = fields.Integer(
        default=0, required=True, readonly=True, copy=False, groups=fields.NO_ACCESS
    )
    next_sync_at = fields.Datetime(string="Next check", readonly=True, copy=False)
    lease_until = fields.Datetime(readonly=True, copy=False, groups=fields.NO_ACCESS)
    lease_token = fields.Char(readonly=True, copy=False, groups=fields.NO_ACCESS)
    failure_count = fields.Integer(readonly=True, copy=False)
    last_sync_at = fields.Datetime(string="Last check", readonly=True, copy=False)
    last_change_at = fields.Datetime(readonly=True, copy=False)
    last_error = fields.Char(readonly=True, copy=False)
    last_error_sentence = fields.Char(
        compute="_compute_last_error_sentence", string="What is wrong"
    )
    progress_done = fields.Integer(readonly=True, copy=False)
    progress_total = fields.Integer(readonly=True, copy=False)
    brake = fields.Selection(
        selection=[("waiting", "Second look"), ("asked", "Owner asked")],
        readonly=True,
        copy=False,
        help="Much mail went at once: it is hidden until that is sure",
    )

    is_readable = fields.Boolean(
        compute="_compute_is_readable", search="_search_is_readable"
    )
    is_mine = fields.Boolean(compute="_compute_is_mine")
    mirrored_count = fields.Integer(compute="_compute_counts", compute_sudo=True)
    seen_count = fields.Integer(compute="_compute_counts", compute_sudo=True)
    ledger = fields.Char(compute="_compute_counts", compute_sudo=True)

    _email_uniq = models.UniqueIndex(
        "(email_normalized)", "This mailbox is linked already."
    )
    _due_idx = models.Index("(next_sync_at) WHERE state = 'active'")

    # ---- computes -------------------------------------------------------------------

    @api.depends("email")
    def _compute_email_normalized(self):
        for mailbox in self:
            mailbox.email_normalized = email_normalize(mailbox.email or "")

    def _compute_password(self):
        # write-only: nobody reads a password back
        self.password = False

    def _inverse_password(self):
        for mailbox in self.filtered("password"):
            mailbox._check_owner()
            try:
                self.env["crm.mail.mirror.credential"]._store(mailbox, mailbox.password)
            except KeyUnusable as error:
                raise UserError(sentence(self.env, error.code)) from None

    @api.depends("last_error")
    @api.depends_context("lang")
    def _compute_last_error_sentence(self):
        for mailbox in self:
            mailbox.last_error_sentence = (
                sentence(self.env, mailbox.last_error) if mailbox.last_error else False
            )

    @api.depends_context("uid")
    def _compute_is_mine(self):
        for mailbox in self:
            mailbox.is_mine = mailbox.user_id.id == self.env.uid

    def _compute_counts(self):
        totals = {}
        for mailbox, state, count in self.env["crm.mail.mirror.day"]._read_group(
            [("mailbox_id", "in", self.ids)], ["mailbox_id", "state"], ["count:sum"]
        ):
            totals.setdefault(mailbox.id, {})[state] = count
        labels = dict(
            self.env["crm.mail.mirror.copy"]._fields["state"]._description_selection(
                self.env
            )
        )
        for mailbox in self:
            by_state = totals.get(mailbox.id, {})
            mailbox.mirrored_count = by_state.get("mirrored", 0)
            mailbox.seen_count = sum(by_state.values())
            mailbox.ledger = (
                self.env._(
                    "%(seen)s seen = %(parts)s",
                    seen=mailbox.seen_count,
                    parts=" + ".join(
                        f"{count} {labels[state].lower()}"
                        for state, count in sorted(
                            by_state.items(), key=lambda item: -item[1]
                        )
                        if count
                    ),
                )
                if mailbox.seen_count
                else False
            )

    # ---- who may read ---------------------------------------------------------------

    @api.model
    def _readable_domain(self):
        """Mailboxes that ``env.uid`` may read by level, worked out afresh each time.

        Decided by ``env.uid`` even under sudo: record rules ask under sudo for
        the user. Companies named in the context count only if they are the user's.
        """
        user = self.env["res.users"].browse(self.env.uid).sudo()
        allowed = user._get_company_ids()
        asked = self.env.context.get("allowed_company_ids") or [user.company_id.id]
        companies = [company for company in asked if company in allowed]
        owners = user._mirror_visible_owners(companies)
        by_level = Domain("company_id", "in", companies)
        if owners is not None:
            by_level &= Domain("user_id", "in", owners)
        return Domain("user_id", "=", self.env.uid) | by_level

    def _search_is_readable(self, operator, value):
        if operator != "in":
            return NotImplemented
        return self._readable_domain()

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_is_readable(self):
        found = self.sudo().with_context(active_test=False)
        readable = found.search(Domain("id", "in", self.ids) & self._readable_domain())
        for mailbox in self:
            mailbox.is_readable = mailbox in readable

    # ---- CRUD -----------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        mailboxes = super().create(vals_list)
        for mailbox in mailboxes:
            if not self.env.su and mailbox.user_id != self.env.user:
                raise AccessError(
                    self.env._("Only its owner can link a mailbox.")
                )
            if not mailbox.email_normalized:
                raise UserError(
                    self.env._("%(value)s is not a mail address.", value=mailbox.email)
                )
        return mailboxes

    def write(self, vals):
        if "user_id" in vals and not self.env.su:
            raise UserError(self.env._("The owner of a mailbox stays the same."))
        before = {mailbox: mailbox.sync_from for mailbox in self}
        result = super().write(vals)
        if {"sync_from", "mode", "aliases", "email"} & set(vals):
            self._bump_policy(self.user_id.ids)
        for mailbox, since in before.items():
            if mailbox.sync_from != since:
                mailbox._list_again()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_only_own(self):
        for mailbox in self:
            mailbox._check_owner()

    def unlink(self):
        messages = self.env["crm.mail.mirror.page"]._messages_of(self)
        result = super().unlink()
        self.env["crm.mail.mirror.page"]._forget_unseen(messages)
        return result

    # ---- actions of the owner -------------------------------------------------------

    def _check_owner(self):
        self.ensure_one()
        if not self.env.su and self.user_id.id != self.env.uid:
            raise AccessError(self.env._("This mailbox belongs to somebody else."))

    def _connection(self):
        """What ``open_mailbox`` needs, but for the secret."""
        self.ensure_one()
        return {
            "host": (self.imap_host or "").strip(),
            "port": self.imap_port or 993,
            "security": self.imap_security or "tls",
            "login": (self.imap_login or self.email or "").strip(),
            "address": self.email_normalized or "",
            "allowed_hosts": self._allowed_hosts(),
            "ca_file": setting("ca_file"),
        }

    @api.model
    def _allowed_hosts(self):
        hosts = self.env["ir.config_parameter"].sudo()
        hosts = hosts.get_param("crm_mail_mirror.allowed_hosts") or ""
        return tuple(hosts.replace(",", " ").split())

    def action_connect(self):
        """Test the connection; when it works, start to mirror."""
        self._check_owner()
        if not self.imap_host:
            raise UserError(self.env._("Which server? Please fill in its name."))
        try:
            secret = self.env["crm.mail.mirror.credential"]._read_secret(self.id)
        except KeyUnusable as error:
            raise UserError(sentence(self.env, error.code)) from None
        if not secret:
            raise UserError(self.env._("Please fill in the password."))
        kind, settings = self.provider, self._connection()
        # no transaction stays open while the network is waited for; what the owner
        # typed is saved before, so that nothing has to be typed again
        self.env.cr.commit()  # pylint: disable=invalid-commit
        try:
            with open_mailbox(kind, settings, secret) as provider:
                identity = provider.identify()
        except ProviderError as error:
            raise UserError(sentence(self.env, error.code)) from None
        known = {self.email_normalized, *(self.aliases or "").split(",")}
        aliases = {alias.lower() for alias in identity.aliases} | known
        self.sudo().write(
            {
                "state": "active",
                "failure_count": 0,
                "last_error": False,
                "next_sync_at": fields.Datetime.now(),
                "aliases": ",".join(
                    sorted(a for a in aliases if a and a != self.email_normalized)
                ),
            }
        )
        self.activity_unlink(["mail.mail_activity_data_todo"])
        self.env["crm.mail.mirror.sync"]._trigger()
        return self._notify(
            self.env._("Connected"),
            self.env._("Your newest mail will be there in a moment."),
        )

    def action_pause(self):
        for mailbox in self:
            mailbox._check_owner()
        self.sudo().write({"state": "paused"})

    def action_resume(self):
        for mailbox in self:
            mailbox._check_owner()
        self.sudo().write({"state": "active", "next_sync_at": fields.Datetime.now()})
        self.env["crm.mail.mirror.sync"]._trigger()

    def action_sync_now(self):
        for mailbox in self:
            mailbox._check_owner()
        active = self.filtered(lambda mailbox: mailbox.state == "active")
        if not active:
            raise UserError(self.env._("Connect this mailbox first."))
        active.sudo().write({"next_sync_at": fields.Datetime.now()})
        self.env["crm.mail.mirror.sync"]._trigger()
        return self._notify(
            self.env._("On its way"), self.env._("The mailbox is looked at now.")
        )

    def action_disconnect(self):
        self._check_owner()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Disconnect %(address)s", address=self.email),
            "res_model": "crm.mail.mirror.disconnect",
            "view_mode": "form",
            "target": "new",
            "context": {"default_mailbox_id": self.id},
        }

    def action_confirm_removal(self):
        """Answer of the owner to the brake: that mail is really gone."""
        self._check_owner()
        self.env["crm.mail.mirror.page"]._remove_braked(self)
        self.sudo().write({"brake": False})
        self.activity_unlink(["mail.mail_activity_data_todo"])

    def action_open_form(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.email,
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "current",
        }

    def _notify(self, title, message):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "title": title,
                "message": message,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    # ---- what the sync asks and tells -----------------------------------------------

    @api.model
    def _bump_policy(self, user_ids=None):
        """The rules of these owners changed (None: of all): decide pages again."""
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_mailbox SET policy_seq = policy_seq + 1
                    WHERE %s""",
                SQL("TRUE") if user_ids is None else SQL("user_id = ANY(%s)", user_ids),
            )
        )
        self.invalidate_model(["policy_seq"])

    def _policy(self):
        """The rules of this mailbox: its owner's and the company's."""
        self.ensure_one()
        exclusions = {"address": set(), "domain": set(), "word": set()}
        for rule in self.env["crm.mail.mirror.exclusion"].search(
            [("user_id", "in", [False, self.user_id.id])]
        ):
            exclusions[rule.kind].add(rule.value)
        own = {self.email_normalized, *(self.aliases or "").lower().split(",")}
        return Policy(
            own_addresses=frozenset(filter(None, own)),
            sync_from=self._since(),
            one_way=self.mode == "one_way",
            private_words=(*DEFAULT_PRIVATE_WORDS, *sorted(exclusions["word"])),
            excluded_addresses=frozenset(exclusions["address"]),
            excluded_domains=frozenset(exclusions["domain"]),
        )

    def _since(self):
        if not self.sync_from:
            return None
        return datetime.combine(self.sync_from, time.min, tzinfo=UTC)

    def _lease(self, token, secret):
        self.ensure_one()
        folders = self.env["crm.mail.mirror.folder"].search(
            [("mailbox_id", "=", self.id)]
        )
        return Lease(
            mailbox_id=self.id,
            token=token,
            kind=self.provider,
            settings=self._connection(),
            secret=secret,
            cursor=self.cursor or None,
            cursor_seq=self.cursor_seq,
            policy_seq=self.policy_seq,
            pass_no=self.pass_no,
            since=self._since(),
            policy=self._policy(),
            roles={f.remote_ref: f.role if f.selected else "unselected" for f in folders},
            due_at=self.next_sync_at,
        )

    def _queued(self, limit):
        """Places of mail that waits to be read, or to be tried again."""
        self.ensure_one()
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT ON (c.id) f.remote_ref, l.generation, l.ref
                     FROM (SELECT id FROM crm_mail_mirror_copy
                            WHERE mailbox_id = %s AND state IN ('queued', 'failed')
                              AND next_try_at <= now() AT TIME ZONE 'UTC'
                            ORDER BY next_try_at LIMIT %s) AS c
                     JOIN crm_mail_mirror_location l ON l.copy_id = c.id
                          AND NOT starts_with(l.generation, %s)
                     JOIN crm_mail_mirror_folder f ON f.id = l.folder_id""",
                self.id,
                limit,
                VOID,
            )
        )
        return [Place(*row) for row in self.env.cr.fetchall()]

    def _is_held(self, token):
        """Lock the row; is the lease still the one with this token?"""
        self.env.cr.execute(
            SQL(
                """SELECT 1 FROM crm_mail_mirror_mailbox
                    WHERE id = %s AND lease_token = %s FOR NO KEY UPDATE""",
                self.id,
                token,
            )
        )
        return bool(self.env.cr.fetchone())

    def _release(self):
        self.sudo().write({"lease_until": False, "lease_token": False})

    def _rest(self, lease, more, orphans=False, fenced=False):
        """A good run ended: when is the next?"""
        now = fields.Datetime.now()
        lively = self.last_change_at and now - self.last_change_at < timedelta(hours=1)
        pause = DUE_ACTIVE if lively else DUE_QUIET
        if orphans:
            pause = DUE_ORPHANS
        if more or self.next_sync_at != lease.due_at or self._queued(1):
            pause = 0
        if fenced:
            pause = DUE_FENCED
        was_failing = self.last_error
        self.sudo().write(
            {
                # spread, so that a thousand mailboxes do not come due in one second
                "next_sync_at": now + _seconds(pause * random.uniform(0.9, 1)),
                "last_sync_at": now,
                "failure_count": 0,
                "last_error": False,
                "lease_until": False,
                "lease_token": False,
            }
        )
        if was_failing:
            self.activity_unlink(["mail.mail_activity_data_todo"])
        if self.brake == "asked":
            self._tell_owner(
                self.env._(
                    "Much mail disappeared from %(address)s at once. Is that right?",
                    address=self.email,
                )
            )

    def _fail(self, code, state=None, wait=None):
        """A run failed: try again later, or wait for a person.

        :param code: of the engine's error
        :param state: set when trying on is no use
        :param wait: seconds the server asked for
        """
        failures = self.failure_count + 1
        pause = wait or min(LONGEST_WAIT, 30 * 2 ** min(failures, 10))
        values = {
            "failure_count": failures,
            "last_error": code,
            "next_sync_at": fields.Datetime.now()
            + _seconds(pause * random.uniform(1, 1.2)),
            "lease_until": False,
            "lease_token": False,
        }
        if code == "cursor_expired" and self.cursor:
            values |= {"cursor": False, "next_sync_at": fields.Datetime.now()}
            self.env["crm.mail.mirror.page"]._void_places(self)
            self.env["crm.mail.mirror.page"]._recount(self)
        if state:
            values["state"] = state
        self.sudo().write(values)
        if state:
            self._tell_owner(
                self.env._(
                    "%(address)s: %(problem)s",
                    address=self.email,
                    problem=sentence(self.env, code),
                )
            )

    # ---- rules and contacts act both ways in time -----------------------------------

    @api.model
    def _queue_matching(self, emails):
        """Unmatched mail with these addresses is wanted now: read it next."""
        digests = [d for email in emails for d in keyring().digests("trace", email)]
        if not digests:
            return
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy
                      SET state = 'queued', reason = 'contact', expires_at = NULL,
                          next_try_at = now() AT TIME ZONE 'UTC'
                    WHERE state = 'unmatched' AND id IN (
                          SELECT copy_id FROM crm_mail_mirror_trace
                           WHERE digest = ANY(%s) AND kind = 'address')
                RETURNING mailbox_id, received_at""",
                digests,
            )
        )
        moved = self._move_days(
            ((m, r, "unmatched", "no_contact", 1) for m, r in self.env.cr.fetchall()),
            ("queued", "contact"),
        )
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_mailbox
                      SET next_sync_at = now() AT TIME ZONE 'UTC'
                    WHERE id = ANY(%s)""",
                list(moved),
            )
        )
        self.invalidate_model()

    @api.model
    def _remove_unmatched(self, emails):
        """Mail of these addresses goes unless somebody else on it is still known."""
        cr = self.env.cr
        cr.execute(
            SQL(
                """SELECT DISTINCT p.message_id, p.address_id, a.email_normalized
                     FROM crm_mail_mirror_participant p
                     JOIN crm_mail_mirror_address a ON a.id = p.address_id
                    WHERE p.message_id IN (
                          SELECT q.message_id FROM crm_mail_mirror_participant q
                            JOIN crm_mail_mirror_address b ON b.id = q.address_id
                           WHERE b.email_normalized = ANY(%s))""",
                list(emails),
            )
        )
        people = {}
        for message, _address, email in cr.fetchall():
            people.setdefault(message, set()).add(email)
        everybody = set().union(*people.values()) if people else set()
        directory = self.env["crm.mail.mirror.directory"]._look_up(everybody)
        gone = [m for m, them in people.items() if not them & directory.known]
        if not gone:
            return
        cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c
                      SET state = 'unmatched', reason = 'no_contact', message_id = NULL,
                          body_id = NULL,
                          expires_at = now() AT TIME ZONE 'UTC' + interval '7 days'
                     FROM crm_mail_mirror_copy o
                    WHERE o.id = c.id AND c.message_id = ANY(%s)
                      AND c.state = 'mirrored'
                RETURNING c.id, o.message_id, c.mailbox_id, c.received_at, o.reason""",
                gone,
            )
        )
        rows = cr.fetchall()
        digest = keyring().digest
        traces = [
            (copy, digest("trace", email))
            for copy, message, *_rest in rows
            for email in people[message] - directory.own
        ]
        if traces:
            cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_trace (copy_id, kind, digest)
                       SELECT c, 'address', d FROM unnest(%s::int[], %s::text[])
                              AS t(c, d)""",
                    *map(list, zip(*traces, strict=True)),
                )
            )
        self._move_days(
            ((m, r, "mirrored", reason, 1) for _c, _m, m, r, reason in rows),
            ("unmatched", "no_contact"),
        )
        self.env["crm.mail.mirror.page"]._forget_unseen({row[1] for row in rows})

    def _move_days(self, rows, to):
        """Copies that changed their line in the log.

        :param rows: (mailbox id, received_at, state and reason before, count)
        :param to: (state, reason) now
        :return: ids of the mailboxes
        """
        days = {}
        for mailbox, received_at, state, reason, count in rows:
            mine = days.setdefault(mailbox, Counter())
            mine[received_at.date(), state, reason] -= count
            mine[received_at.date(), *to] += count
        for mailbox in sorted(days):
            self.env["crm.mail.mirror.page"]._count(self.browse(mailbox), days[mailbox])
        return set(days)

    def _list_again(self):
        """From the beginning: what is known is found again, not downloaded again."""
        self.env["crm.mail.mirror.page"]._forget_before(self, self._since())
        self.env["crm.mail.mirror.page"]._void_places(self)
        self.env["crm.mail.mirror.page"]._recount(self)
        now = fields.Datetime.now()
        self.sudo().write({"cursor": False, "next_sync_at": now})

    # what activities call on their record: without a thread there is nobody to tell, to
    # subscribe, and nowhere to post

    def message_notify(self, **_values):
        return self.env["mail.message"]

    def message_subscribe(self, partner_ids=None, subtype_ids=None):
        return True

    def message_post_with_source(self, _source, **_values):
        return self.env["mail.message"]

    def _tell_owner(self, summary):
        """One activity for the owner, not one more each time."""
        for mailbox in self.sudo():
            if not mailbox.activity_ids:
                mailbox.activity_schedule(
                    "mail.mail_activity_data_todo",
                    summary=summary,
                    user_id=mailbox.user_id.id,
                )

    @api.autovacuum
    def _gc_drafts(self):
        """Mailboxes that were never connected, a week after."""
        limit = fields.Datetime.now() - timedelta(days=7)
        self.sudo().search(
            [
                ("state", "=", "draft"),
                ("last_sync_at", "=", False),
                ("create_date", "<", limit),
            ]
        ).unlink()


def _seconds(pause):
    # whole ones: Odoo's datetimes have no microseconds
    return timedelta(seconds=round(pause))
