# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What changed in the CRM that the mirror has not looked at yet?"""

import json
import time
from collections import Counter, defaultdict

from odoo import api, fields, models
from odoo.tools import SQL, email_normalize

from ..engine.domains import domain_of, lies_within
from .crm_mail_mirror_credential import keyring
from .jobs import trigger
from .slice import Slice

#: Mails that are noted in one row, and judged again in one transaction.
NOTED, SLICE = 1000, Slice()


class CrmMailMirrorOutbox(models.Model):
    _name = "crm.mail.mirror.outbox"
    _description = "Address to Be Looked at Again"
    _log_access = False

    # written in the transaction of the change itself: seen if and only if it happened
    email_normalized = fields.Char(required=True)
    # it was known before: its older mail is there
    settled = fields.Boolean()
    # what came of it: {"mailbox": id, "ids": copies that are to be judged again}
    copies = fields.Json()

    @api.model
    def _put(self, emails, settled=()):
        """An address came to, or went from, a contact or lead: look at its mail again.

        :param emails: normalised addresses, and domains as ``@domain``; empty ones are
            left out
        :param settled: what was known before this change; see ``_settled``
        """
        emails = sorted({email for email in emails if email})
        if not emails:
            return
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_outbox (email_normalized, settled)
                   SELECT * FROM unnest(%s::text[], %s::bool[])""",
                emails,
                [email in settled for email in emails],
            )
        )
        trigger(self.env, "outbox")

    @api.model
    def _settled(self, texts, domains=()):
        """Which addresses and domains are known already, before a change?

        Mailboxes are searched for older mail of what comes to be known only: most
        leads are of contacts whose mail is there.

        :param texts: addresses as people type them
        :param domains: as ``@domain``
        """
        emails = {email_normalize(text, strict=False) for text in texts if text}
        emails.discard(False)
        domains = {d.lstrip("@") for d in domains} | {domain_of(e) for e in emails}
        directory = self.env["crm.mail.mirror.directory"]
        known = {f"@{domain}" for domain in directory._known_domains(domains)}
        return known | directory._known(emails)

    # ---- rules and contacts act both ways in time -----------------------------------

    @api.model
    def _look_at(self, entries, fresh=frozenset()):
        """These came to, or went from, contacts and leads: the mail follows.

        :param entries: normalised addresses, and domains as ``@domain``
        :param fresh: of these, what was not known before
        """
        emails = {entry for entry in entries if not entry.startswith("@")}
        domains = {entry[1:] for entry in entries - emails}
        self.env["crm.mail.mirror.address"]._link(emails)
        directory = self.env["crm.mail.mirror.directory"]._look_up(entries)
        self.env["crm.mail.mirror.suggestion"]._forget(directory.known & emails)
        self._queue_matching(directory.known & emails, directory.known_domains)
        self._note_mirrored(emails, directory.known & emails, domains)
        self._search_for(fresh, directory)

    def _search_for(self, fresh, directory):
        """Older mail of these left nothing here: the mailboxes are searched for it."""
        searches = self.env["crm.mail.mirror.search"]
        emails = {
            email
            for email in directory.known & fresh
            if email not in directory.own
            and not lies_within(domain_of(email), directory.own_domains)
        }
        domains = {each for each in directory.known_domains if f"@{each}" in fresh}
        mailboxes = searches._reaching_back() if emails or domains else ()
        if emails:
            searches._ask(mailboxes, addresses=emails)
        if domains:
            matching = mailboxes.filtered("company_id.mirror_match_domains")
            searches._ask(matching, domains=domains)
        if mailboxes:
            searches._hurry(mailboxes)

    @api.model
    def _queue_matching(self, emails, domains=()):
        """Mail with these addresses that was kept out is wanted now: read it next.

        :param domains: of companies; only where mail is matched by them
        """
        digests = keyring().digests
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c
                      SET state = 'queued', reason = 'contact', expires_at = NULL,
                          next_try_at = now() AT TIME ZONE 'UTC'
                     FROM (SELECT k.id, k.state, k.reason FROM crm_mail_mirror_copy k
                            WHERE k.id IN (%s)) AS o
                    WHERE o.id = c.id
                RETURNING c.mailbox_id, c.received_at, o.state, o.reason""",
                self._wanted_query(
                    [d for email in emails for d in digests("trace", email)],
                    [d for one in domains for d in digests("trace", f"@{one}")],
                ),
            )
        )
        moved = self._move_days(
            ((*row, 1) for row in self.env.cr.fetchall()), ("queued", "contact")
        )
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_mailbox
                      SET next_sync_at = now() AT TIME ZONE 'UTC'
                    WHERE id = ANY(%s)""",
                list(moved),
            )
        )
        self.env["crm.mail.mirror.mailbox"].invalidate_model()

    def _wanted_query(self, addresses, domains):
        """Ids of copies that traces of these digests lead to.

        A mail that only functions of a company are on is not unmatched, but wanted all
        the same once one of them is a contact.
        """
        return SQL(
            """SELECT c.id FROM crm_mail_mirror_trace t
                 JOIN crm_mail_mirror_copy c ON c.id = t.copy_id
                WHERE t.digest = ANY(%s) AND t.kind = 'address'
                  AND c.expires_at > now() AT TIME ZONE 'UTC'
                  AND (c.state = 'unmatched'
                       OR c.state = 'excluded' AND c.reason = 'role_address')
               UNION
               SELECT c.id FROM crm_mail_mirror_trace t
                 JOIN crm_mail_mirror_copy c ON c.id = t.copy_id
                 JOIN crm_mail_mirror_mailbox m ON m.id = c.mailbox_id
                 JOIN res_company o ON o.id = m.company_id
                WHERE t.digest = ANY(%s) AND t.kind = 'domain'
                  AND c.expires_at > now() AT TIME ZONE 'UTC'
                  AND c.state = 'unmatched' AND o.mirror_match_domains""",
            addresses,
            domains,
        )

    @api.model
    def _note_mirrored(self, emails, known, domains=()):
        """Mirrored mail of these addresses and domains is to be judged again.

        :param known: those of the addresses that are a contact's: mail that matched by
            its domain alone matches by them now
        """
        copies, address = defaultdict(list), "b.email_normalized"
        self.env.cr.execute(
            SQL(
                "%s UNION %s UNION %s ORDER BY mailbox_id, id",
                self._mirrored_query(address, emails - known),
                self._mirrored_query("b.domain", domains, "c.reason != 'contact'"),
                self._mirrored_query(address, known, "c.reason = 'domain'"),
            )
        )
        for mailbox, copy in self.env.cr.fetchall():
            copies[mailbox].append(copy)
        notes = [
            {"mailbox": mailbox, "ids": ids[start : start + NOTED]}
            for mailbox, ids in copies.items()
            for start in range(0, len(ids), NOTED)
        ]
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_outbox (email_normalized, copies)
                   SELECT '', * FROM unnest(%s::jsonb[])""",
                list(map(json.dumps, notes)),
            )
        )

    @api.model
    def _judge_some(self):
        """A few of the mails that were noted go unless they still match.

        Judged copy by copy: a Bcc counts for the copy that shows it alone.

        :return: whether there were any
        """
        self.env.cr.execute(
            """SELECT id, copies FROM crm_mail_mirror_outbox WHERE copies IS NOT NULL
                ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"""
        )
        for note, copies in self.env.cr.fetchall():
            mailbox = self.env["crm.mail.mirror.mailbox"].browse(copies["mailbox"])
            some, rest = copies["ids"][: SLICE.size], copies["ids"][SLICE.size :]
            review = self.env["crm.mail.mirror.review"]
            # from here on no rule or contact comes between verdict and deed
            review._hold(mailbox)
            began = time.monotonic()
            if mailbox.exists():
                among = SQL("c.id = ANY(%s)", some)
                review._apply(mailbox, review._judge(mailbox, where=among, limit=None))
            self.env.cr.execute(
                SQL(
                    "UPDATE crm_mail_mirror_outbox SET copies = %s WHERE id = %s",
                    json.dumps({**copies, "ids": rest}),
                    note,
                )
                if rest
                else SQL("DELETE FROM crm_mail_mirror_outbox WHERE id = %s", note)
            )
            SLICE.took(len(some), time.monotonic() - began)
            return True
        return False

    @staticmethod
    def _mirrored_query(column, values, condition="TRUE"):
        """Copies of mail that addresses ``b`` with one of these values are on."""
        return SQL(
            """SELECT c.mailbox_id, c.id FROM crm_mail_mirror_address b
                 JOIN crm_mail_mirror_participant q ON q.address_id = b.id
                 JOIN crm_mail_mirror_copy c ON c.message_id = q.message_id
                WHERE %s = ANY(%s) AND %s""",
            SQL(column),
            sorted(values),
            SQL(condition),
        )

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
        mailboxes = self.env["crm.mail.mirror.mailbox"]
        for mailbox in sorted(days):
            self.env["crm.mail.mirror.day"]._add(
                mailboxes.browse(mailbox), days[mailbox]
            )
        return set(days)
