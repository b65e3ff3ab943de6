# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does an owner take a mail out of Odoo, and how does it come back?

Text, people and subject go at once. What is left is a keyed hash for each mailbox of
the owner, so that the mail stays out however it is listed again, and for seven days
this row: it knows the mail under encryption, so that its owner finds it in a list and
takes it back. The mailbox itself is never touched.
"""

import json
import time
from collections import Counter, defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..engine.keyring import KeyUnusable
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_day import line
from .jobs import BUDGET
from .sentences import sentence
from .slice import Slice

#: Mails that one transaction takes out, or back.
SLICE = Slice()
#: Days in which a mail can be taken back.
UNDO_DAYS = 7


class CrmMailMirrorRemoval(models.Model):
    _name = "crm.mail.mirror.removal"
    _description = "Mail Removed by Its Owner"
    _log_access = False
    # mails removed together stand as they stood in the list
    _order = "removed_at desc, received_at desc, id desc"

    user_id = fields.Many2one(
        comodel_name="res.users", required=True, index=True, ondelete="cascade"
    )
    removed_at = fields.Datetime(string="Removed", required=True)
    received_at = fields.Datetime(string="Received", required=True)
    undone_at = fields.Datetime()
    # subject, identities and accounts, encrypted: {"subject":, "identities":, ...}
    sealed = fields.Text(required=True, groups=fields.NO_ACCESS, prefetch=False)
    subject = fields.Char(compute="_compute_subject")
    accounts = fields.Char(compute="_compute_subject", string="Mailbox")
    can_undo = fields.Boolean(compute="_compute_outcome")
    undo_until = fields.Datetime(
        compute="_compute_undo_until", string="Can be taken back until"
    )
    outcome = fields.Char(compute="_compute_outcome", string="State")

    @api.depends("user_id", "sealed")
    @api.depends_context("uid")
    def _compute_subject(self):
        for removal in self:
            mine = removal.user_id.id == self.env.uid
            known = removal._unsealed() if mine else {}
            removal.subject = known.get("subject") or False
            removal.accounts = ", ".join(known.get("accounts", ())) or False

    @api.depends("removed_at")
    def _compute_undo_until(self):
        for removal in self:
            removal.undo_until = removal.removed_at + timedelta(days=UNDO_DAYS)

    @api.depends("removed_at", "undone_at")
    @api.depends_context("lang", "uid")
    def _compute_outcome(self):
        for removal in self:
            removal.can_undo = not removal.undone_at and removal._is_in_time()
            removal.outcome = (
                removal._came_of_undo()
                if removal.undone_at
                else self.env._("Removed from Odoo")
            )

    @api.depends("received_at")
    def _compute_display_name(self):
        for removal in self:
            removal.display_name = self.env._("Removed mail")

    def _is_in_time(self):
        return fields.Datetime.now() <= self.removed_at + timedelta(days=UNDO_DAYS)

    def _unsealed(self):
        try:
            return json.loads(keyring().decrypt(self.sudo().sealed))
        except KeyUnusable:
            return {}

    # ---- out ------------------------------------------------------------------------

    @api.model
    def _remove(self, user, messages):
        """Take these mails out of all mailboxes of this user, and keep them out.

        In short transactions of their own at READ COMMITTED, one page writer at a time:
        what is being written is waited for, what comes later finds the suppression.

        :param user: id
        :param messages: ids; of those that are not in a mailbox of this user nothing
            changes
        :return: ids of the removals, one for each mail; and of the messages for which
            there was no time any more
        :raises KeyUnusable: no usable key on this server
        """
        removals, rest = self._in_steps(
            "_take_out", list(messages), user, fields.Datetime.now()
        )
        return [removal for some in removals for removal in some], rest

    def _in_steps(self, step, ids, *args):
        """Call a method with some of these ids, and with the next, each time in a
        transaction of its own.

        :return: what it gave each time, and the ids for which no time was left
        """
        end, given, done = time.monotonic() + BUDGET, [], 0
        for some in SLICE.of(ids):
            if time.monotonic() > end:
                break
            began = time.monotonic()
            given.append(
                self.env["crm.mail.mirror.sync"]._in_transaction(
                    lambda env, some=some: getattr(
                        env[self._name].with_context(lang=self.env.lang), step
                    )(some, *args)
                )
            )
            SLICE.took(len(some), time.monotonic() - began)
            done += len(some)
        return given, ids[done:]

    def _take_out(self, messages, user, now):
        mailboxes = self._held_mailboxes(self.env["res.users"].browse(user))
        shown, rows = self._shown_as_one(mailboxes, messages), []
        for mails in shown:
            identities = {mail["identity"] for mail in mails}
            rows.append(
                {
                    "user_id": user,
                    "removed_at": now,
                    "received_at": min(mail["received_at"] for mail in mails),
                    "sealed": keyring().encrypt(
                        json.dumps(
                            {
                                "subject": mails[0]["subject_raw"] or "",
                                "identities": sorted(identities),
                                "accounts": mailboxes.mapped("email_normalized"),
                            }
                        )
                    ),
                }
            )
        if shown:
            self._keep_out(
                mailboxes, {mail["identity"] for mails in shown for mail in mails}
            )
        return self.create(rows).ids

    def _held_mailboxes(self, user):
        """The user's mailboxes, in the order of their ids, each with its row locked."""
        mailboxes = self.env["crm.mail.mirror.mailbox"].search(
            [("user_id", "=", user.id), ("is_going", "=", False)], order="id"
        )
        for mailbox in mailboxes:
            self.env["crm.mail.mirror.review"]._hold(mailbox)
        return mailboxes

    def _shown_as_one(self, mailboxes, messages):
        """Of these messages those in these mailboxes, with all that look the same.

        :return: ``[[row of a message, ...], ...]``, a list for each mail people see
        """
        asked = self._own_rows(mailboxes, SQL("m.id = ANY(%s)", list(messages)))
        keys = sorted({row["same_key"] for row in asked if row["same_key"]})
        rows = asked + self._own_rows(mailboxes, SQL("m.same_key = ANY(%s)", keys))
        mails = defaultdict(dict)
        for row in rows:
            mails[row["same_key"] or row["id"]].setdefault(row["id"], row)
        return [list(many.values()) for many in mails.values()]

    def _own_rows(self, mailboxes, where):
        self.env.cr.execute(
            SQL(
                """SELECT m.id, m.identity, m.same_key, m.subject_raw,
                          min(c.received_at) AS received_at
                     FROM crm_mail_mirror_message m
                     JOIN crm_mail_mirror_copy c ON c.message_id = m.id
                    WHERE c.mailbox_id = ANY(%s) AND %s GROUP BY m.id""",
                mailboxes.ids,
                where,
            )
        )
        return self.env.cr.dictfetchall()

    @api.model
    def _keep_out(self, mailboxes, identities):
        """These mails are hidden in these mailboxes from now on; text and people go.

        The rows of the mailboxes are to be locked.
        """
        cr, suppressions = self.env.cr, self.env["crm.mail.mirror.suppression"]
        for mailbox in mailboxes:
            suppressions._add("mail", identities, account=mailbox.email_normalized)
        ring = keyring()
        hashes = [
            (digest, ring.digest("suppression", identity))
            for identity in identities
            for digest in ring.digests("identity", identity)
        ]
        cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c
                      SET state = 'hidden', reason = 'owner', message_id = NULL,
                          body_id = NULL, sharing = NULL, expires_at = NULL,
                          next_try_at = NULL, hidden_at = now() AT TIME ZONE 'UTC',
                          identity_hash = o.suppression, removal_id = NULL
                     FROM (SELECT c.id, c.state, c.reason, c.message_id,
                                  c.removal_id, h.suppression
                             FROM crm_mail_mirror_copy c
                             JOIN crm_mail_mirror_message m ON m.id = c.message_id
                             JOIN unnest(%(identities)s::text[], %(now)s::text[])
                                  AS h(identity, suppression)
                               ON h.identity = m.identity
                            WHERE c.mailbox_id = ANY(%(mailboxes)s)
                           UNION ALL
                           -- kept out in another mailbox: the same as if it came now
                           SELECT c.id, c.state, c.reason, NULL, NULL, h.suppression
                             FROM crm_mail_mirror_copy c
                             JOIN unnest(%(hashes)s::text[], %(hashed)s::text[])
                                  AS h(hash, suppression) ON h.hash = c.identity_hash
                            WHERE c.mailbox_id = ANY(%(mailboxes)s)
                              AND c.state IN ('unmatched', 'excluded')) AS o
                    WHERE o.id = c.id
                RETURNING c.id, c.mailbox_id, c.received_at, o.state, o.reason,
                          o.message_id, o.removal_id""",
                identities=list(identities),
                now=[ring.digest("suppression", each) for each in identities],
                hashes=[old for old, _new in hashes],
                hashed=[new for _old, new in hashes],
                mailboxes=mailboxes.ids,
            )
        )
        rows = cr.dictfetchall()
        copies = [row["id"] for row in rows]
        cr.execute(
            "DELETE FROM crm_mail_mirror_participant WHERE copy_id = ANY(%s)", [copies]
        )
        cr.execute(
            "DELETE FROM crm_mail_mirror_trace WHERE copy_id = ANY(%s)", [copies]
        )
        # taken back before: what came of that is over
        self.browse({row["removal_id"] for row in rows} - {None}).unlink()
        self._move_lines(rows, "hidden", "owner")
        self.env["crm.mail.mirror.page"]._forget_unseen(
            {row["message_id"] for row in rows} - {None}
        )

    def _move_lines(self, rows, state, reason):
        """The ledger follows copies that came from other states.

        :param rows: with ``mailbox_id``, ``received_at``, and state and reason before
        """
        days = defaultdict(Counter)
        for row in rows:
            days[row["mailbox_id"]][line(row)] -= 1
            now = line({**row, "state": state, "reason": reason})
            days[row["mailbox_id"]][now] += 1
        mailboxes = self.env["crm.mail.mirror.mailbox"]
        for mailbox in sorted(days):
            self.env["crm.mail.mirror.day"]._add(
                mailboxes.browse(mailbox), days[mailbox]
            )

    # ---- and back -------------------------------------------------------------------

    def action_undo(self):
        """The owner takes these mails back: they are fetched from the mailbox again."""
        if any(removal.user_id.id != self.env.uid for removal in self):
            raise UserError(self.env._("Somebody else removed this mail."))
        if not all(removal._is_in_time() for removal in self if not removal.undone_at):
            raise UserError(
                self.env._(
                    "This mail was removed more than %(days)s days ago: it stays out.",
                    days=UNDO_DAYS,
                )
            )
        try:
            # told from there: this transaction does not see yet what that one did
            outcomes, rest = self._in_steps("_take_back", self.ids)
        except KeyUnusable as error:
            raise UserError(sentence(self.env, error.code)) from None
        self.invalidate_recordset()
        self.env["crm.mail.mirror.sync"]._trigger()
        told = Counter(outcome for some in outcomes for outcome in some)
        if rest:
            told[self.env._("Not yet: press it once more")] += len(rest)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "info",
                "title": self.env._("Taken back"),
                "message": "\n".join(
                    text if count == 1 else f"{text}: {count}"
                    for text, count in told.items()
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _take_back(self, ids):
        """:return: what to tell of each"""
        removals = self.browse(ids).exists()
        for user in removals.user_id:
            mailboxes = self._held_mailboxes(user)
            for removal in removals.filtered(lambda r, user=user: r.user_id == user):
                removal._come_back(mailboxes)
        return [removal.outcome for removal in removals]

    def _come_back(self, mailboxes):
        if self.undone_at:
            return
        known = json.loads(keyring().decrypt(self.sealed))
        suppressions = self.env["crm.mail.mirror.suppression"]
        for account in known["accounts"]:
            suppressions._lift("mail", known["identities"], account=account)
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy
                      SET state = 'queued', reason = 'late', attempts = 0,
                          hidden_at = NULL, removal_id = %s,
                          next_try_at = now() AT TIME ZONE 'UTC'
                    WHERE mailbox_id = ANY(%s) AND identity_hash = ANY(%s)
                      AND state = 'hidden' AND reason = 'owner'
                RETURNING mailbox_id, received_at, 'hidden' AS state,
                          'owner' AS reason""",
                self.id,
                mailboxes.ids,
                list(suppressions._digests(known["identities"])),
            )
        )
        rows = self.env.cr.dictfetchall()
        self._move_lines(rows, "queued", "late")
        due = mailboxes.browse({row["mailbox_id"] for row in rows})
        due.write({"next_sync_at": self.env.cr.now()})
        self.undone_at = fields.Datetime.now()

    @api.model
    def _forget_account(self, mailbox):
        """A mailbox becomes another's: its owner takes nothing back there any more."""
        for removal in self.search([("user_id", "=", mailbox.user_id.id)]):
            known = removal._unsealed()
            left = [
                account
                for account in known.get("accounts", ())
                if account != mailbox.email_normalized
            ]
            if left:
                known["accounts"] = left
                removal.sealed = keyring().encrypt(json.dumps(known))
            else:
                removal.unlink()

    @api.autovacuum
    def _gc_removals(self):
        """After seven days nothing is left but the keyed hash that keeps it out."""
        over = fields.Datetime.now() - timedelta(days=UNDO_DAYS)
        past = self.search([("removed_at", "<", over)], limit=1000)
        past.unlink()
        return len(past), len(past) == 1000
