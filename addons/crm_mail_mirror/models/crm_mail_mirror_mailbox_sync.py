# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the sync ask a mailbox, and what does it tell it?"""

import random
from datetime import UTC, datetime, time, timedelta

from odoo import api, models
from odoo.tools import SQL

from ..engine.providers.base import LoginRequired, Place
from .lease import LEASE_SECONDS, Lease
from .politeness import LONGEST_PAUSE, spread
from .sentences import sentence

#: Seconds until a mailbox is looked at again: after an hour with activity, and else.
DUE_ACTIVE, DUE_QUIET = 60, 110
#: Seconds to the next look when a mail lost its place and may turn up elsewhere.
DUE_ORPHANS = 10
#: Seconds to the next look after rules changed under a page.
DUE_FENCED = 3
#: Most seconds of waiting after errors.
LONGEST_WAIT = 3600
#: ... when the server itself named a time: Google's quota is one of a day.
LATEST = 2 * 24 * 3600
#: What an administrator mends in the settings of a provider's OAuth client.
CLIENT_CODES = (
    "api_disabled",
    "blocked_by_company",
    "client_missing",
    "client_refused",
    "endpoint_refused",
    "no_mailbox",
)


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    def _since(self):
        if not self.sync_from:
            return None
        return datetime.combine(self.sync_from, time.min, tzinfo=UTC)

    def _lease(self, token, secret, secret_seq=0, calm_folders=None, stamp=None):
        """What a worker holds while it mirrors this mailbox.

        :param calm_folders: [(ref, name, role, parent, selected)] where nothing is to
            be done unless there is news: then the lease is not whole
        :param stamp: of its rules, read before anything of the mailbox was; without,
            nothing was
        :raises NotAllowed: there is no OAuth client for it, or it is switched off
        """
        self.ensure_one()
        stamp = stamp or self._policy_stamp()
        values = {
            "mailbox_id": self.id,
            "token": token,
            "kind": self.provider,
            "settings": self._connection(),
            "secret": secret,
            "secret_seq": secret_seq,
            "cursor": self.cursor or None,
            "cursor_seq": self.cursor_seq,
            "pass_no": self.pass_no,
            "since": self._since(),
            "due_at": self.next_sync_at,
            "failures": self.failure_count,
            "server": (self.imap_host or "").strip().lower()
            if self.provider == "imap"
            else self.provider,
        }
        if calm_folders is not None:
            return Lease(
                **values,
                policy_seq=(),
                policy=None,
                roles={
                    ref: role if selected else "unselected"
                    for ref, _name, role, _parent, selected in calm_folders
                },
                folders=frozenset(row[:4] for row in calm_folders),
            )
        folders = self.env["crm.mail.mirror.folder"].search(
            [("mailbox_id", "=", self.id)]
        )
        return Lease(
            **values,
            policy_seq=stamp,
            policy=self._policy(),
            roles={
                f.remote_ref: f.role if f.selected else "unselected" for f in folders
            },
            contact_mode=self.contact_mode,
            addresses=self._listed_by(),
            listing=self.sudo().listing or None,
            listing_mark=self.sudo().listing_mark,
            counted=self.env["crm.mail.mirror.listing"]._counted(self.id),
            imported_at=self._imported_at(),
            removed=self.env["crm.mail.mirror.suppression"]._removed_from(
                self.email_normalized
            ),
        )

    def _listed_by(self):
        """The addresses by which old mail may be listed instead of one by one."""
        is_filled = self.cursor and not self.cursor.get("fill")
        if self.provider != "gmail" or is_filled:
            return None
        return self.env["crm.mail.mirror.directory"]._all_known(
            domains=self.company_id.mirror_match_domains
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
                     JOIN crm_mail_mirror_folder f ON f.id = l.folder_id""",
                self.id,
                limit,
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

    def _now(self):
        """By the database's clock, which tells what is due: those of hosts differ."""
        return self.env.cr.now().replace(microsecond=0)

    @api.model
    def _mend_times(self):
        """Later than any job puts it: the clock was wrong when that was written.

        Else a mailbox would wait, and nobody would hear of it, until the date that a
        database's host once took for today.
        """
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_mailbox
                      SET next_sync_at = least(next_sync_at, now() AT TIME ZONE 'UTC'),
                          lease_until = least(lease_until, now() AT TIME ZONE 'UTC')
                    WHERE id IN (
                          SELECT id FROM crm_mail_mirror_mailbox
                           WHERE state IN ('active', 'error')
                             AND (next_sync_at > now() AT TIME ZONE 'UTC'
                                      + CASE WHEN last_error = 'throttled' THEN %s
                                             ELSE %s END * interval '1 second'
                                  OR lease_until > now() AT TIME ZONE 'UTC'
                                                   + %s * interval '1 second')
                             FOR NO KEY UPDATE SKIP LOCKED)""",
                LATEST,
                2 * LONGEST_WAIT,
                2 * LEASE_SECONDS,
            )
        )
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_server SET quiet_until = now() AT TIME ZONE 'UTC'
                WHERE quiet_until > now() AT TIME ZONE 'UTC' + %s * interval '1 second'
            """,
            [2 * LONGEST_PAUSE],
        )

    def _rest(self, lease, more, orphans=False, fenced=False):
        """A good run ended: when is the next?"""
        now = self._now()
        lively = self.last_change_at and now - self.last_change_at < timedelta(hours=1)
        pause = DUE_ACTIVE if lively else DUE_QUIET
        if orphans:
            pause = DUE_ORPHANS
        if fenced:
            pause = DUE_FENCED
        elif more or self._queued(1):
            pause = 0
        if self.next_sync_at != lease.due_at:
            # somebody asked for one more look meanwhile, and sits in front of it
            pause = 0
        part = spread((now - lease.due_at).total_seconds() if lease.due_at else 0)
        was_failing = self.last_error
        if self.last_sync_at and now - self.last_sync_at > timedelta(days=1):
            self.env["crm.mail.mirror.audit"]._doubt(self, "trouble")
        self.sudo().write(
            {
                "next_sync_at": now + _seconds(pause * random.uniform(*part)),  # nosec B311
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
                lambda mailbox: mailbox.env._(
                    "Much mail disappeared from %(address)s at once. Is that right?",
                    address=mailbox.email,
                )
            )

    def _fail(self, code, state=None, wait=None):
        """A run failed: try again later, or wait for a person.

        :param code: of the engine's error
        :param state: set when trying on is no use
        :param wait: seconds the server asked for
        """
        # to be told to wait is no failure: smaller pages would not help
        failures = self.failure_count + (wait is None)
        pause = wait or min(LONGEST_WAIT, 30 * 2 ** min(failures, 10))
        if state == "error":
            # whoever mends the server need not know which mailboxes wait for it
            pause = LONGEST_WAIT
        values = {
            "failure_count": failures,
            "last_error": code,
            "next_sync_at": self._now() + _seconds(pause * random.uniform(1, 1.2)),  # nosec B311
            "lease_until": False,
            "lease_token": False,
        }
        if code == "cursor_expired" and self.cursor:
            values |= {"cursor": False, "next_sync_at": self._now()}
            self.env["crm.mail.mirror.listing"]._begin(self, recounts=True)
            # it is listed again anyway
            self.env["crm.mail.mirror.audit"]._doubt(self, "cursor")._run_all()
        if self.state not in ("active", "error"):
            # paused, say, while it was looked at: that stays as somebody decided
            state = None
        if state:
            values["state"] = state
        self.sudo().write(values)
        self.env["crm.mail.mirror.pulse"]._add_failure(self, code)
        if state:
            self._tell_problem(code)

    @api.model
    def _resume_client(self, provider):
        """There is a working OAuth client now: go on with what waited for one."""
        waiting = self.sudo().search(
            [
                ("provider", "=", provider),
                ("state", "=", "error"),
                ("last_error", "in", CLIENT_CODES),
            ]
        )
        waiting._resume()
        if waiting:
            self.env["crm.mail.mirror.sync"]._trigger()

    def _resume_login(self, token):
        """A renewed secret was saved: a verdict on the one before it counts no more.

        Where secrets rotate, the one that another worker began with was void from the
        renewal on: it may have asked the owner to sign in before this one was saved.

        :param token: of the lease under which it was renewed; while that holds, nobody
            else judged
        """
        self.env.cr.execute(
            SQL(
                """SELECT state, last_error FROM crm_mail_mirror_mailbox
                    WHERE id = %s AND lease_token IS DISTINCT FROM %s
                      FOR NO KEY UPDATE""",
                self.id,
                token,
            )
        )
        state, error = self.env.cr.fetchone() or (None, None)
        if state == "needs_login" and error in LoginRequired.codes:
            self._resume()

    def _resume(self):
        """What they waited for is there: as if nothing had happened, and at once."""
        self.sudo().write(
            {
                "state": "active",
                "failure_count": 0,
                "last_error": False,
                "next_sync_at": self.env.cr.now(),
            }
        )
        self.activity_unlink(["mail.mail_activity_data_todo"])

    def _list_again(self, recounts=False):
        """From the beginning: what is known is found again, not downloaded again.

        :param recounts: see ``listing._begin``
        """
        values = {"cursor": False, "next_sync_at": self.env.cr.now()}
        # first: a page that is under way is of the cursor that was, and comes too late
        self.sudo().write({**values, "cursor_seq": self.sudo().cursor_seq + 1})
        self.sudo().flush_recordset()
        self._forget_old_at_once()
        self.env["crm.mail.mirror.listing"]._begin(self, recounts)

    def _tell_problem(self, code):
        """What only its owner can mend."""
        self._tell_owner(
            lambda mailbox: mailbox.env._(
                "%(address)s: %(problem)s",
                address=mailbox.email,
                problem=sentence(mailbox.env, code),
            )
        )

    def _tell_owner(self, summary):
        """One activity for the owner, not one more each time.

        :param summary: makes it, given a mailbox in its owner's language
        """
        for mailbox in self.sudo():
            if not mailbox.activity_ids:
                mailbox.activity_schedule(
                    "mail.mail_activity_data_todo",
                    summary=summary(mailbox.with_context(lang=mailbox.user_id.lang)),
                    user_id=mailbox.user_id.id,
                )


def _seconds(pause):
    # whole ones: Odoo's datetimes have no microseconds
    return timedelta(seconds=round(pause))
