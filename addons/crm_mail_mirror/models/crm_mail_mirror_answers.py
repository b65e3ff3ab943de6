# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is known of a mail that its owner asks for: mirrored, a trace, or just seen?

Each answer is a line: plain values that hold content of the owner's own mail. Who calls
this has made sure that it is the owner who asks, and keeps lines under the server's key
alone.
"""

from odoo import fields, models
from odoo.tools import SQL

from ..engine import identity, rules
from ..engine.rules import Decision, Reason, State
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_review import _envelope as envelope_of
from .lease import naive

#: Mirrored mails that are explained.
MOST_HERE = 15
#: Rules in which values of a former owner may speak.
FORMER = ("private_word", "excluded_address", "excluded_domain")


class CrmMailMirrorAnswers(models.AbstractModel):
    _name = "crm.mail.mirror.answers"
    _description = "Answers to Why a Mail Is Here, or Not"

    # ---- among what is mirrored -----------------------------------------------------

    def _from_mirror(self, question, mailboxes):
        found = {}
        if question.message_id:
            found |= self._copies(
                SQL("m.internet_message_id = ANY(%s)", list(question.message_ids)),
                mailboxes,
            )
        if question.address and not found:
            found |= self._copies(
                SQL(
                    # the first finds them by the address, the second leaves out
                    # those that name it in another copy's Bcc alone
                    """c.message_id IN (
                       SELECT p.message_id FROM crm_mail_mirror_participant p
                         JOIN crm_mail_mirror_address a ON a.id = p.address_id
                        WHERE a.email_normalized = %s)
                   AND EXISTS (
                       SELECT 1 FROM crm_mail_mirror_participant p
                         JOIN crm_mail_mirror_address a ON a.id = p.address_id
                        WHERE p.message_id = c.message_id AND a.email_normalized = %s
                          AND (p.copy_id IS NULL OR p.copy_id = c.id))""",
                    question.address,
                    question.address,
                ),
                mailboxes,
            )
        if question.words:
            pattern = question.words.replace("\\", r"\\")
            pattern = pattern.replace("%", r"\%").replace("_", r"\_")
            found |= self._copies(
                SQL("m.subject_raw ILIKE %s", f"%{pattern}%"), mailboxes
            )
        return self._explain_stored(mailboxes, found)

    def _copies(self, where, mailboxes=None):
        """Mirrored copies of one's own, the newest: ``{mailbox id: [copy id]}``"""
        self.env["crm.mail.mirror.copy"].flush_model()
        self.env.cr.execute(
            SQL(
                """SELECT c.mailbox_id, c.id FROM crm_mail_mirror_copy c
                     JOIN crm_mail_mirror_message m ON m.id = c.message_id
                    WHERE c.mailbox_id IN (SELECT id FROM crm_mail_mirror_mailbox
                                            WHERE user_id = %s)
                      AND %s AND %s ORDER BY m.date DESC, c.id LIMIT %s""",
                self.env.uid,
                SQL("TRUE")
                if mailboxes is None
                else SQL("c.mailbox_id = ANY(%s)", mailboxes.ids),
                where,
                MOST_HERE,
            )
        )
        found = {}
        for mailbox, copy in self.env.cr.fetchall():
            found.setdefault(mailbox, []).append(copy)
        return found

    def _explain_stored(self, mailboxes, copies):
        """Lines for mirrored mail, judged by today's rules from what is stored."""
        lines, review = [], self.env["crm.mail.mirror.review"].sudo()
        for mailbox in mailboxes.filtered(lambda m: m.id in copies):
            rows = review._stored(mailbox, SQL("c.id = ANY(%s)", copies[mailbox.id]))
            emails = {email for row in rows for email in row["emails"]}
            policy, directory = mailbox._policy(), self._look_up(emails, mailbox)
            for row in rows:
                facts = {
                    "role": "unselected" if row["counts"] is False else "other",
                    "received_at": row["received_at"],
                    "outgoing": row["direction"] == "out",
                }
                case = (envelope_of(row), policy, directory)
                lines.append(
                    {
                        "kind": "here",
                        "mailbox": mailbox.id,
                        "message": row["message_id"],
                        "state": row["state"],
                        "reason": row["reason"],
                        "date": _written(row["received_at"]),
                        "subject": row["subject_raw"] or "",
                        "sender": _first(row["roles"], row["emails"]),
                        "steps": self._steps(mailbox, case, facts),
                    }
                )
        return sorted(lines, key=lambda line: line["date"], reverse=True)

    def _steps(self, mailbox, case, facts):
        """What each rule says; of a former owner's rules not what they are."""
        steps = rules.explain(*case, **facts)
        if not mailbox.former_rules:
            return _plain(steps)
        envelope, _policy, directory = case
        own = rules.explain(envelope, mailbox._policy(former=False), directory, **facts)
        return [
            _discreet(step, mine.what)
            for step, mine in zip(_plain(steps), own, strict=True)
        ]

    def _look_up(self, emails, mailbox):
        """Whose are these? In a transaction whose statements stand in no log."""
        return self.env["crm.mail.mirror.sync"]._in_transaction(
            lambda env: env["crm.mail.mirror.directory"]._look_up(emails, mailbox.id)
        )

    # ---- among the traces -----------------------------------------------------------

    def _from_traces(self, question, mailboxes):
        """What the last seven days kept out, by the keyed hashes it left."""
        ring, digests = keyring(), []
        if question.message_id:
            name = identity.normalise_message_id(question.message_id)
            digests += ring.digests("trace", f"<{name}>")
        if question.address:
            digests += ring.digests("trace", question.address)
        if not digests:
            return []
        self.env.cr.execute(
            SQL(
                """SELECT c.mailbox_id, c.state, c.reason, count(DISTINCT c.id),
                          max(c.received_at), min(c.expires_at),
                          bool_or(t.kind = 'address')
                     FROM crm_mail_mirror_trace t
                     JOIN crm_mail_mirror_copy c ON c.id = t.copy_id
                    WHERE t.digest = ANY(%s) AND t.kind IN ('address', 'message_id')
                      AND c.mailbox_id = ANY(%s)
                      AND c.expires_at > now() AT TIME ZONE 'UTC'
                    GROUP BY 1, 2, 3 ORDER BY 5 DESC""",
                digests,
                mailboxes.ids,
            )
        )
        found = self.env.cr.fetchall()
        return [
            {
                "kind": "trace",
                "mailbox": mailbox,
                "state": state,
                "reason": reason,
                "count": count,
                "date": _written(newest),
                "until": _written(goes),
                "sender": question.address if is_theirs else "",
                "steps": _plain(_steps_to(reason)),
            }
            for mailbox, state, reason, count, newest, goes, is_theirs in found
        ]

    # ---- what was just seen in the mailbox -------------------------------------------

    def _explain_seen(self, mailbox, lease, seen, shown):
        mails, off = {}, {}
        for presence in seen.presences:
            key = identity.mail_key(presence)
            off[key] = sorted(presence.labels & lease.skip)
            role = lease.roles.get(presence.place.folder, "other")
            role = "unselected" if off[key] else role
            # of several places the one that counts
            if key not in mails or mails[key][1] == "unselected":
                mails[key] = presence, role
        emails = {
            e for presence, _role in mails.values() for e in presence.envelope.emails
        }
        directory = self._look_up(emails, mailbox)
        names = self._names_of_folders(mailbox, off)
        rows = self._rows(mailbox, mails)
        hidden = self._hidden(mailbox, mails)
        lines = []
        for key, (presence, role) in mails.items():
            row = rows.get(key, {})
            if row.get("message_id") in shown:
                continue
            facts = {
                "role": role,
                "received_at": presence.received_at,
                "outgoing": rules.outgoing(presence, lease.policy),
            }
            case = (presence.envelope, lease.policy, directory)
            lines.append(
                {
                    "kind": "found",
                    "mailbox": mailbox.id,
                    "date": _written(presence.received_at),
                    "subject": presence.envelope.subject[:200],
                    "sender": getattr(presence.envelope.sender, "email", ""),
                    "people": sorted(rules.external(*case)),
                    "labels": [names[ref] for ref in off[key] if ref in names],
                    "steps": self._steps(mailbox, case, facts),
                    **_verdict(row, key in hidden, rules.decide(*case, **facts)),
                }
            )
        lines.sort(key=lambda line: line["date"], reverse=True)
        if seen.found > len(seen.presences) and lines:
            lines.append({"kind": "more", "mailbox": mailbox.id, "count": seen.found})
        return lines

    def _names_of_folders(self, mailbox, off):
        """``{ref: name}`` of the labels that keep one of these mails out."""
        refs = {ref for labels in off.values() for ref in labels}
        folders = self.env["crm.mail.mirror.folder"].sudo()
        found = folders.search(
            [("mailbox_id", "=", mailbox.id), ("remote_ref", "in", list(refs))]
        )
        return {folder.remote_ref: folder.name for folder in found}

    def _rows(self, mailbox, keys):
        """What the mirror knows of these mails: ``{key in clear: row}``"""
        ring = keyring()
        digests = {d: key for key in keys for d in ring.digests("key", key)}
        self.env.cr.execute(
            SQL(
                """SELECT key, state, reason, message_id, next_try_at, expires_at
                     FROM crm_mail_mirror_copy WHERE mailbox_id = %s AND key = ANY(%s)
                """,
                mailbox.id,
                list(digests),
            )
        )
        return {digests[row["key"]]: row for row in self.env.cr.dictfetchall()}

    def _hidden(self, mailbox, mails):
        """Keys of the mails that the owner removed from this mirror."""
        names = {
            identity.identity(presence.envelope, key): key
            for key, (presence, _role) in mails.items()
        }
        suppressions = self.env["crm.mail.mirror.suppression"].sudo()
        found = suppressions._hidden(mailbox.email_normalized, set(names))
        return {names[name] for name in found}


def _verdict(row, is_hidden, decision):
    """State and reason of a mail that lies in the mailbox."""
    state, reason = row.get("state"), row.get("reason")
    if is_hidden or state == "hidden":
        return {"state": "hidden", "reason": "owner" if is_hidden else reason}
    if state in ("failed", "queued"):
        at = row["next_try_at"]
        return {"state": state, "reason": reason, "next": at and _written(at)}
    if state == "mirrored":
        return {"state": state, "reason": reason, "message": row["message_id"]}
    if reason == Reason.IGNORED:
        return {"state": state, "reason": reason}
    if not isinstance(decision, Decision):
        return {"state": "unknown", "reason": "message_broken"}
    if decision.state is State.MIRRORED:
        # it belongs here and is not: the next look, or the audit, brings it
        return {"state": "missing", "reason": str(decision.reason)}
    return {"state": str(decision.state), "reason": str(decision.reason)}


def _steps_to(reason):
    return rules.steps_to(Reason(reason)) if reason in set(Reason) else ()


def _plain(steps):
    return [
        [step.rule, str(step.outcome), step.reason and str(step.reason), step.what]
        for step in steps
    ]


def _discreet(step, known):
    """A step in which a rule spoke that may be a former owner's.

    :param known: what the rule found by the rules that the owner knows
    :return: the step; with a fifth value: a rule of the former owner spoke
    """
    rule, outcome, reason, what = step
    if not reason or rule not in FORMER:
        return step
    what = [value for value in what if value in known]
    return [rule, outcome, reason, what] if what else [rule, outcome, reason, [], True]


def _first(roles, emails):
    senders = (e for role, e in zip(roles, emails, strict=True) if role == "from")
    return next(senders, "")


def _written(moment):
    return fields.Datetime.to_string(naive(moment))
