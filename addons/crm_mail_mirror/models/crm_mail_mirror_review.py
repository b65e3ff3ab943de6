# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Would mail that is mirrored be mirrored today? And what may come back?

Rules act both ways in time. What they take away is judged from what is stored, without
asking the mailbox; what they give back is read again from there.
"""

from collections import Counter
from dataclasses import dataclass

from odoo import api, models
from odoo.tools import SQL

from ..engine import rules
from ..engine.envelope import Address, Envelope, Part
from ..engine.providers.base import COUNTED_ROLES, Presence
from ..engine.reasons import Reason
from ..engine.rules import Decision, Need, State
from .crm_mail_mirror_day import line
from .lease import WRITERS_LOCK

#: Of mail that rule 9 let pass nobody knows whether rules 10 to 12 would: it is read
#: again once rule 9 lets it pass no more.
_WAVED_THROUGH = (Reason.ALLOWED, Reason.DROPBOX)
#: A mail that is mirrored had a text and nothing of bulk on it: so it is judged.
_PLAIN = {"headers": {}, "parts": (Part("1", "text/plain", 1),)}
_ROLES = {"from": "authors", "to": "to", "cc": "cc", "bcc": "bcc"} | {
    "reply_to": "reply_to"
}


@dataclass(frozen=True)
class _Stored:
    """A mirrored mail as the writer of traces takes one."""

    envelope: Envelope
    external: frozenset[str]


class CrmMailMirrorReview(models.AbstractModel):
    _name = "crm.mail.mirror.review"
    _description = "Review of Mirrored Mail"

    @api.model
    def _judge(self, mailbox, policy=None, where=None, after=0, limit=500):
        """Judge mirrored mail anew, from what is stored of it.

        Today's directory counts, and mail that the brake hid is judged as well.

        :param policy: the rules to judge by; None: today's
        :param where: a condition on the copy ``c`` and its message ``m``
        :param after: only copies with a greater id
        :return: ``[(copy id, Decision or Need)]`` in the order of their ids; ``Need``
            stands for "read it again"
        """
        judged = self._judge_rows(mailbox, policy, where, after, limit)
        return [(row["id"], decision) for row, decision in judged]

    def _judge_rows(self, mailbox, policy, where, after, limit):
        """:return: ``[(row of _stored, Decision or Need)]``"""
        rows = self._stored(mailbox, where, after, limit)
        emails = {email for row in rows for email in row["emails"]}
        directory = self.env["crm.mail.mirror.directory"]._look_up(emails, mailbox.id)
        policy = policy or mailbox._policy()
        return [(row, _decide(row, policy, directory)) for row in rows]

    def _stored(self, mailbox, where, after=0, limit=None):
        """What is known of the mirrored mails of a mailbox."""
        self.env.cr.execute(
            SQL(
                """SELECT c.id, c.state, c.reason, c.received_at, c.direction,
                          c.message_id, m.subject_raw, m.internet_message_id,
                          coalesce(p.roles, '{}') AS roles,
                          coalesce(p.emails, '{}') AS emails,
                          (SELECT bool_or(f.selected AND f.role = ANY(%s))
                             FROM crm_mail_mirror_location l
                             JOIN crm_mail_mirror_folder f ON f.id = l.folder_id
                            WHERE l.copy_id = c.id) AS counts
                     FROM crm_mail_mirror_copy c
                     JOIN crm_mail_mirror_message m ON m.id = c.message_id
                     LEFT JOIN LATERAL (
                          SELECT array_agg(q.role::text) AS roles,
                                 array_agg(a.email_normalized::text) AS emails
                            FROM crm_mail_mirror_participant q
                            JOIN crm_mail_mirror_address a ON a.id = q.address_id
                           WHERE q.message_id = c.message_id
                             AND (q.copy_id IS NULL OR q.copy_id = c.id)) p ON TRUE
                    WHERE c.mailbox_id = %s AND c.id > %s AND c.message_id IS NOT NULL
                      AND %s AND %s
                    ORDER BY c.id LIMIT %s""",
                list(COUNTED_ROLES),
                mailbox.id,
                after,
                _IS_MIRRORED,
                where or SQL("TRUE"),
                limit,
            )
        )
        return self.env.cr.dictfetchall()

    @api.model
    def _apply(self, mailbox, decisions, policy=None):
        """Let mirrored mail go that is mirrored no more.

        State, reason and expiry; message and text go unless another copy holds them;
        keyed hashes are left, as of mail that never was mirrored.

        :param decisions: as ``_judge`` gives them
        :param policy: the rules they were judged by; None: today's
        :return: how many mails went
        """
        self._hold(mailbox)
        decided, policy = dict(decisions), policy or mailbox._policy()
        rows = self._stored(mailbox, SQL("c.id = ANY(%s)", list(decided)))
        rows = [row for row in rows if changes(row, decided[row["id"]], policy)]
        kept = [row for row in rows if not goes(decided[row["id"]])]
        gone = [row for row in rows if goes(decided[row["id"]])]
        days = Counter()
        self._rename(kept, decided, days, policy)
        self._let_go(mailbox, gone, decided, days, policy)
        self.env["crm.mail.mirror.day"]._add(mailbox, days)
        return len(gone)

    def _rename(self, rows, decided, days, policy):
        """Mirrored as before, for another reason or by another sender."""
        rows = [row for row in rows if row["state"] == "mirrored"]
        if not rows:
            return
        reasons = [str(decided[row["id"]].reason) for row in rows]
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c
                      SET reason = r.reason, direction = r.direction
                     FROM unnest(%s::int[], %s::text[], %s::text[])
                          AS r(id, reason, direction) WHERE c.id = r.id""",
                [row["id"] for row in rows],
                reasons,
                ["out" if _is_outgoing(row, policy) else "in" for row in rows],
            )
        )
        for row, reason in zip(rows, reasons, strict=True):
            days[line(row)] -= 1
            days[line({**row, "reason": reason})] += 1

    def _let_go(self, mailbox, rows, decided, days, policy):
        pages = self.env["crm.mail.mirror.page"]
        leaving = [row for row in rows if _leaves_row(decided[row["id"]])]
        pages._delete_copies(
            [row["id"] for row in rows if not _leaves_row(decided[row["id"]])], days
        )
        if not leaving:
            return
        outcomes = [_outcome(decided[row["id"]]) for row in leaving]
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c
                      SET state = d.state, reason = d.reason, message_id = NULL,
                          body_id = NULL, attempts = 0,
                          expires_at = CASE WHEN d.state = 'queued' THEN NULL ELSE
                              now() AT TIME ZONE 'UTC' + interval '7 days' END,
                          next_try_at = CASE WHEN d.state = 'queued'
                              THEN now() AT TIME ZONE 'UTC' END
                     FROM unnest(%s::int[], %s::text[], %s::text[])
                          AS d(id, state, reason) WHERE c.id = d.id""",
                [row["id"] for row in leaving],
                [state for state, _reason in outcomes],
                [reason for _state, reason in outcomes],
            )
        )
        # a Bcc is shown by the copy it came with
        self.env.cr.execute(
            "DELETE FROM crm_mail_mirror_participant WHERE copy_id = ANY(%s)",
            [[row["id"] for row in leaving]],
        )
        emails = {email for row in leaving for email in row["emails"]}
        directory = self.env["crm.mail.mirror.directory"]._look_up(emails, mailbox.id)
        judged = []
        for row, (state, reason) in zip(leaving, outcomes, strict=True):
            days[line(row)] -= 1
            days[line({**row, "state": state, "reason": reason})] += 1
            envelope = _envelope(row)
            external = rules.external(envelope, policy, directory)
            judged.append((row["id"], _Stored(envelope, external), {"state": state}))
        pages._write_traces(None, judged)
        pages._forget_unseen({row["message_id"] for row in leaving})
        if any(state == "queued" for state, _reason in outcomes):
            self._make_due(mailbox)

    @api.model
    def _requeue(self, mailbox, reasons, where=None, limit=None):
        """Mail of the last days that was kept out may come in now: read it next.

        :param reasons: why it was kept out, of unmatched and excluded mail
        :param where: a condition on the copy ``c``
        :param limit: at most so many
        :return: how many mails
        """
        self._hold(mailbox)
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c
                      SET state = 'queued', reason = 'rule', expires_at = NULL,
                          attempts = 0, next_try_at = now() AT TIME ZONE 'UTC'
                     FROM (SELECT c.id, c.state, c.reason FROM crm_mail_mirror_copy c
                            WHERE c.mailbox_id = %s
                              AND c.expires_at > now() AT TIME ZONE 'UTC'
                              AND c.state IN ('excluded', 'unmatched')
                              AND c.reason = ANY(%s) AND %s LIMIT %s) AS o
                    WHERE o.id = c.id
                RETURNING c.received_at, o.state, o.reason""",
                mailbox.id,
                [str(reason) for reason in reasons],
                where or SQL("TRUE"),
                limit,
            )
        )
        rows, days = self.env.cr.dictfetchall(), Counter()
        for row in rows:
            days[line(row)] -= 1
            days[row["received_at"].date(), "queued", "rule"] += 1
        self.env["crm.mail.mirror.day"]._add(mailbox, days)
        if rows:
            self._make_due(mailbox)
        return len(rows)

    def _hold(self, mailbox):
        """Pages and jobs write a mailbox one after the other; so does the outbox."""
        self.env.cr.execute("SELECT pg_advisory_xact_lock_shared(%s)", [WRITERS_LOCK])
        self.env.cr.execute(
            "SELECT 1 FROM crm_mail_mirror_mailbox WHERE id = %s FOR NO KEY UPDATE",
            [mailbox.id],
        )

    def _make_due(self, mailbox):
        mailbox.sudo().write({"next_sync_at": self.env.cr.now()})
        self.env["crm.mail.mirror.sync"]._trigger()


def _decide(row, policy, directory):
    """:return: Decision, or ``Need``: nobody knows before it is read again"""
    decision = rules.decide(
        _envelope(row),
        policy,
        directory,
        role="unselected" if row["counts"] is False else "other",
        received_at=row["received_at"],
        outgoing=_is_outgoing(row, policy),
    )
    if decision.state is not State.MIRRORED or row["reason"] == decision.reason:
        return decision
    if row["reason"] == Reason.ALLOWED and decision.reason not in _WAVED_THROUGH:
        return Need()
    if row["reason"] in (Reason.DROPBOX, "brake"):
        return Decision(State.MIRRORED, row["reason"], decision.matched)
    return decision


def _is_outgoing(row, policy):
    """The mailbox said so, or its sender tells."""
    said = True if row["direction"] == "out" else None
    presence = Presence(
        None, row["received_at"], envelope=_envelope(row), outgoing=said
    )
    return rules.outgoing(presence, policy)


#: A condition on the copy ``c``: it is shown, or was until the brake hid it.
_IS_MIRRORED = SQL(
    "(c.state = 'mirrored' OR c.state = 'hidden' AND c.reason = 'brake')"
)


def _outcome(decision):
    """(state, reason) of the row that a decision makes."""
    if isinstance(decision, Need):
        return "queued", "rule"
    return str(decision.state), str(decision.reason)


def goes(decision):
    return isinstance(decision, Need) or decision.state is not State.MIRRORED


def changes(row, decision, policy):
    """Does the decision make another row than there is?"""
    if row["state"] == "hidden":
        return goes(decision)
    return _outcome(decision) != (row["state"], row["reason"]) or (
        row["direction"] == "in" and _is_outgoing(row, policy)
    )


def _leaves_row(decision):
    return isinstance(decision, Need) or decision.reason.leaves_row


def _envelope(row):
    people = {name: [] for name in _ROLES.values()}
    for role, email in zip(row["roles"], row["emails"], strict=True):
        people[_ROLES[role]].append(Address("", email))
    return Envelope(
        message_id=row["internet_message_id"] or "",
        subject=row["subject_raw"] or "",
        **{name: tuple(many) for name, many in people.items()},
        **_PLAIN,
    )
