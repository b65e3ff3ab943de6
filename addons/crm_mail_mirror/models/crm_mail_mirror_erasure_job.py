# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does a person's mail go, and how may it come again? In short steps, by a job.

First the suppression, so that nothing comes back meanwhile; then the mail, then what
stands in clear besides mail.
"""

import json
import time
from collections import Counter, defaultdict

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.reasons import Reason
from ..engine.rules import Decision
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_day import line
from .few import sum_of
from .jobs import BUDGET, one_run
from .lease import WRITERS_LOCK
from .slice import Slice

#: Mails that one transaction removes.
SLICE = Slice()
#: Rules that speak before the one that keeps erased persons out: their verdict stays.
_SPOKE_BEFORE = (
    Reason.FOLDER,
    Reason.TOO_OLD,
    Reason.NO_ADDRESS,
    Reason.PRIVATE_WORD,
    Reason.SENSITIVITY,
    Reason.EXCLUDED_ADDRESS,
    Reason.EXCLUDED_DOMAIN,
)


class CrmMailMirrorErasure(models.Model):
    _name = "crm.mail.mirror.erasure"
    _inherit = ["crm.mail.mirror.erasure"]

    @api.model
    def _cron_erasures(self):
        """One run of the job."""
        one_run(self.env, self._run)

    @api.model
    def _run(self, budget=BUDGET):
        """Erase, and lift, until all is done or time is up.

        :return: whether anything is left
        """
        end = time.monotonic() + budget
        write = self.env["crm.mail.mirror.sync"]._in_transaction
        while True:
            ids = write(lambda env: env[self._name]._open().ids)
            if not ids:
                return False
            for erasure in ids:
                write(lambda env, one=erasure: env[self._name].browse(one)._step())
                if time.monotonic() > end:
                    return True

    def _open(self):
        return self.search([("state", "in", ("running", "lifting"))], order="id")

    def _step(self):
        if self.state == "running":
            self._erase_some()
        elif self.state == "lifting":
            self._lift_some()

    def _erase_some(self):
        """One short step. The first keeps the person out: what a page writes before it
        is found by the steps after, what one writes later knows of it."""
        emails = json.loads(keyring().decrypt(self.sealed))
        counts = Counter(self.counts or {})
        if "addresses" not in counts:
            self.env.cr.execute("SELECT pg_advisory_xact_lock(%s)", [WRITERS_LOCK])
            self.env["crm.mail.mirror.suppression"]._add("address", emails)
            counts["addresses"] = 0
        elif not (
            self._erase_mirrored(emails, counts) or self._erase_traces(emails, counts)
        ):
            self._erase_rest(emails, counts)
            self.write(
                {"state": "done", "ended_at": fields.Datetime.now(), "sealed": False}
            )
        self.counts = dict(counts)

    @api.model
    def _copies_query(self, emails, more=None):
        """Mirrored copies that show one of these addresses.

        :param more: a column, of ``crm_mail_mirror_address`` as ``a``
        """
        return SQL(
            """SELECT DISTINCT c.mailbox_id, c.id, c.message_id %s
                 FROM crm_mail_mirror_address a
                 JOIN crm_mail_mirror_participant p ON p.address_id = a.id
                 JOIN crm_mail_mirror_copy c ON c.message_id = p.message_id
                      AND (p.copy_id IS NULL OR p.copy_id = c.id)
                WHERE a.email_normalized = ANY(%s)""",
            SQL(", %s", more) if more else SQL(),
            list(emails),
        )

    def _erase_mirrored(self, emails, counts):
        """Some mails go, whoever's they are. :return: how many"""
        self.env.cr.execute(
            SQL("%s ORDER BY 1, 2 LIMIT %s", self._copies_query(emails), SLICE.size)
        )
        rows = self.env.cr.fetchall()
        by_mailbox = defaultdict(list)
        for mailbox, copy, _message in rows:
            by_mailbox[mailbox].append(copy)
        messages = sorted({message for _b, _c, message in rows})
        began = time.monotonic()
        before = self._shared_rows(messages)
        self.removed_of = sum_of(
            self.removed_of,
            self._count_mails(emails, [copy for _b, copy, _m in rows]),
        )
        for mailbox, copies in by_mailbox.items():
            self._erase_copies(
                self.env["crm.mail.mirror.mailbox"].browse(mailbox), copies
            )
        counts["copies"] += len(rows)
        counts.update(before - self._shared_rows(messages))
        SLICE.took(len(rows), time.monotonic() - began)
        return len(rows)

    def _erase_copies(self, mailbox, copies):
        review = self.env["crm.mail.mirror.review"]
        # nothing comes between verdict and deed
        review._hold(mailbox)
        erased = Decision(Reason.ERASED.state, Reason.ERASED)
        judged = review._judge(mailbox, where=SQL("c.id = ANY(%s)", copies), limit=None)
        review._apply(
            mailbox,
            [
                (copy, decision if _goes(decision) else erased)
                for copy, decision in judged
            ],
        )

    def _shared_rows(self, messages):
        """How many rows there are of these messages, by table."""
        self.env.cr.execute(
            SQL(
                """SELECT (SELECT count(*) FROM crm_mail_mirror_message
                            WHERE id = ANY(%(ids)s)) AS messages,
                          (SELECT count(*) FROM crm_mail_mirror_body
                            WHERE message_id = ANY(%(ids)s)) AS bodies,
                          (SELECT count(*) FROM crm_mail_mirror_participant
                            WHERE message_id = ANY(%(ids)s)) AS participants""",
                ids=messages,
            )
        )
        return Counter(self.env.cr.dictfetchone())

    def _erase_traces(self, emails, counts):
        """Keyed hashes of mail that was kept out with these addresses. :return: mails

        The mail is as one that comes now: kept out because of the person, unless a rule
        spoke that stands before.
        """
        digests = [d for email in emails for d in keyring().digests("trace", email)]
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT c.mailbox_id, c.id FROM crm_mail_mirror_trace t
                     JOIN crm_mail_mirror_copy c ON c.id = t.copy_id
                    WHERE t.digest = ANY(%s) AND t.kind = 'address'
                    ORDER BY 1, 2 LIMIT %s""",
                digests,
                SLICE.size,
            )
        )
        rows = self.env.cr.fetchall()
        for mailbox in sorted({mailbox for mailbox, _copy in rows}):
            self._rejudge_kept_out(
                self.env["crm.mail.mirror.mailbox"].browse(mailbox),
                [copy for box, copy in rows if box == mailbox],
            )
        self.env.cr.execute(
            "DELETE FROM crm_mail_mirror_trace WHERE copy_id = ANY(%s)",
            [[copy for _mailbox, copy in rows]],
        )
        counts["traces"] += self.env.cr.rowcount
        return len(rows)

    def _rejudge_kept_out(self, mailbox, copies):
        self.env["crm.mail.mirror.review"]._hold(mailbox)
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c SET state = %(state)s, reason = %(why)s
                     FROM crm_mail_mirror_copy o
                    WHERE o.id = c.id AND c.id = ANY(%(copies)s)
                      AND c.state IN ('unmatched', 'excluded')
                      AND NOT c.reason = ANY(%(before)s)
                RETURNING c.received_at, o.state, o.reason""",
                state=str(Reason.ERASED.state),
                why=str(Reason.ERASED),
                copies=copies,
                before=[str(reason) for reason in _SPOKE_BEFORE],
            )
        )
        days = Counter()
        for row in self.env.cr.dictfetchall():
            days[line(row)] -= 1
            days[line({**row, "state": "excluded", "reason": "erased"})] += 1
        self.env["crm.mail.mirror.day"]._add(mailbox, days)

    def _erase_rest(self, emails, counts):
        """What stands in clear besides mail."""
        cr = self.env.cr
        for what, statement in {
            "ties": """DELETE FROM crm_mail_mirror_address_partner_rel
                        WHERE address_id IN (SELECT id FROM crm_mail_mirror_address
                                              WHERE email_normalized = ANY(%s))""",
            "addresses": """DELETE FROM crm_mail_mirror_address
                             WHERE email_normalized = ANY(%s)""",
            "suggestions": """DELETE FROM crm_mail_mirror_suggestion
                               WHERE email_normalized = ANY(%s)""",
        }.items():
            cr.execute(statement, [emails])
            counts[what] += cr.rowcount
        counts["searches"] += self.env["crm.mail.mirror.search"]._forget(emails)
        self.env["crm.mail.mirror.change"]._forget(emails)
        # not looked at yet: nothing was kept of them; and lists that somebody opened
        for statement in (
            "DELETE FROM crm_mail_mirror_outbox WHERE email_normalized = ANY(%s)",
            """DELETE FROM crm_mail_mirror_former_address
                WHERE email_normalized = ANY(%s)""",
            "DELETE FROM crm_mail_mirror_dry_run_contact WHERE email = ANY(%s)",
            """UPDATE crm_mail_mirror_dry_run SET found = found - %s::text[]
                WHERE found IS NOT NULL""",
        ):
            cr.execute(statement, [emails])
        self.env.invalidate_all()

    def _lift_some(self):
        """One short step: first they may come, then mail is looked for."""
        suppressions = self.env["crm.mail.mirror.suppression"]
        if not self.at_mailbox:
            # what a page decided without this is stored before, or decided again
            self.env.cr.execute("SELECT pg_advisory_xact_lock(%s)", [WRITERS_LOCK])
            suppressions._lift_digests("address", self._own_digests())
            self.at_mailbox = 1
            return
        mailbox = self._mailbox_with_erased()
        if mailbox:
            began, limit = time.monotonic(), SLICE.size
            count = self.env["crm.mail.mirror.review"]._requeue(
                mailbox, [Reason.ERASED], limit=limit
            )
            SLICE.took(count, time.monotonic() - began)
            self.at_mailbox = mailbox.id + (count < limit)
            return
        emails = suppressions._known_with(self._own_digests())
        self.env["crm.mail.mirror.outbox"]._put(emails)
        self.env["crm.mail.mirror.search"]._ask(
            self.env["crm.mail.mirror.mailbox"].search([("state", "!=", "draft")]),
            addresses=emails,
        )
        self.write({"state": "lifted"})

    def _own_digests(self):
        """Of its addresses, those that no other erasure keeps out as well."""
        others = self.search(
            [("id", "!=", self.id), ("state", "in", ("running", "done"))]
        )
        held = {digest for other in others for digest in other.digests or ()}
        return [digest for digest in self.digests if digest not in held]

    def _mailbox_with_erased(self):
        """The next mailbox in which mail of erased persons waits for its expiry."""
        self.env.cr.execute(
            """SELECT min(mailbox_id) FROM crm_mail_mirror_copy
                WHERE expires_at IS NOT NULL AND state = 'excluded'
                  AND reason = 'erased' AND mailbox_id >= %s""",
            [self.at_mailbox],
        )
        return self.env["crm.mail.mirror.mailbox"].browse(self.env.cr.fetchone()[0])


def _goes(decision):
    return isinstance(decision, Decision) and decision.reason.state != "mirrored"
