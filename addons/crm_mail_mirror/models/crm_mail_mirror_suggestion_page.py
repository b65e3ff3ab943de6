# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whom does a page of mail suggest? Asked in the transaction that stores it."""

from collections import defaultdict

from odoo import api, models
from odoo.tools import SQL

from ..engine import suggestions
from ..engine.identity import normalise_message_id
from .crm_mail_mirror_credential import keyring
from .lease import Lease, Page, naive


class CrmMailMirrorSuggestion(models.Model):
    _name = "crm.mail.mirror.suggestion"
    _inherit = ["crm.mail.mirror.suggestion"]

    @api.model
    def _look_through(self, lease: Lease, page: Page):
        """Suggest whom the owner asked to have suggested, after the page's rows.

        What the mailbox says now counts: its row is locked, and who switches this off
        waits until we are done, and removes what we wrote.
        """
        if lease.contact_mode == "never":
            return
        mailbox = self.env["crm.mail.mirror.mailbox"].browse(lease.mailbox_id)
        mode = mailbox.contact_mode
        if mode == "never":
            return
        emails = {e for item in page.judged for e in item.external}
        directory = self.env["crm.mail.mirror.directory"]._look_up(emails, mailbox.id)
        found = suggestions.candidates(page.judged, mode, lease.policy, directory)
        answered = self._answered(mailbox, found)
        people = []
        for candidate in found:
            reason = suggestions.why(candidate.outgoing, candidate in answered)
            if reason in suggestions.MODES[mode]:
                moment = naive(candidate.item.presence.received_at)
                people.append((candidate.address, reason, moment))
        if people:
            self._note(mailbox, people)

    def _answered(self, mailbox, candidates):
        """Which of these come from a mail that answers one of the same mailbox?

        Incoming mail: one that the owner wrote. Outgoing: one with the candidate on it.
        """
        names = {name for each in candidates for name in each.answers}
        if not names:
            return []
        written, people = self._by_traces(mailbox, names, candidates)
        self._by_messages(mailbox, names, candidates, written, people)
        return [
            each
            for each in candidates
            if any(
                each.address.email in people[name] if each.outgoing else name in written
                for name in each.answers
            )
        ]

    def _by_traces(self, mailbox, names, candidates):
        """Of mail of the last days that is not mirrored.

        :return: names of mails that the owner wrote; ``{name of a received one: those
            of the candidates who are on it}``
        """
        ring, written, people = keyring(), set(), defaultdict(set)
        digests = {d: n for n in names for d in ring.digests("trace", f"<{n}>")}
        self.env.cr.execute(
            SQL(
                """SELECT t.digest, c.id, c.direction FROM crm_mail_mirror_trace t
                     JOIN crm_mail_mirror_copy c ON c.id = t.copy_id
                    WHERE t.digest = ANY(%s) AND t.kind = 'message_id'
                      AND c.mailbox_id = %s
                      AND c.expires_at > now() AT TIME ZONE 'UTC'""",
                list(digests),
                mailbox.id,
            )
        )
        received = {}
        for digest, copy, direction in self.env.cr.fetchall():
            if direction == "out":
                written.add(digests[digest])
            else:
                received[copy] = digests[digest]
        emails = {
            digest: each.address.email
            for each in candidates
            for digest in ring.digests("trace", each.address.email)
        }
        self.env.cr.execute(
            SQL(
                """SELECT copy_id, digest FROM crm_mail_mirror_trace
                    WHERE copy_id = ANY(%s) AND digest = ANY(%s) AND kind = 'address'
                """,
                list(received),
                list(emails),
            )
        )
        for copy, digest in self.env.cr.fetchall():
            people[received[copy]].add(emails[digest])
        return written, people

    def _by_messages(self, mailbox, names, candidates, written, people):
        """The same of mirrored mail, added to ``written`` and ``people``."""
        spellings = {f"<{name}>" for name in names}
        for each in candidates:
            envelope = each.item.envelope
            spellings.update(envelope.in_reply_to, envelope.references)
        self.env.cr.execute(
            SQL(
                """SELECT m.internet_message_id, c.direction, a.email_normalized
                     FROM crm_mail_mirror_message m
                     JOIN crm_mail_mirror_copy c ON c.message_id = m.id
                          AND c.mailbox_id = %s
                     JOIN crm_mail_mirror_participant p ON p.message_id = m.id
                          AND (p.copy_id IS NULL OR p.copy_id = c.id)
                     JOIN crm_mail_mirror_address a ON a.id = p.address_id
                    WHERE m.internet_message_id = ANY(%s)""",
                mailbox.id,
                list(spellings),
            )
        )
        for message_id, direction, email in self.env.cr.fetchall():
            name = normalise_message_id(message_id)
            if direction == "out":
                written.add(name)
            else:
                people[name].add(email)
