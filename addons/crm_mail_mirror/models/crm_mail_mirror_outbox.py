# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What changed in the CRM that the mirror has not looked at yet?"""

from collections import Counter

from odoo import api, fields, models
from odoo.tools import SQL

from .crm_mail_mirror_credential import keyring


class CrmMailMirrorOutbox(models.Model):
    _name = "crm.mail.mirror.outbox"
    _description = "Address to Be Looked at Again"
    _log_access = False

    # written in the transaction of the change itself: seen if and only if it happened
    email_normalized = fields.Char(required=True)

    @api.model
    def _put(self, emails):
        """An address came to, or went from, a contact or lead: look at its mail again.

        :param emails: normalised addresses; empty ones are left out
        """
        emails = sorted({email for email in emails if email})
        if not emails:
            return
        self.env.cr.execute(
            SQL(
                "INSERT INTO crm_mail_mirror_outbox (email_normalized)"
                " SELECT unnest(%s::text[])",
                emails,
            )
        )
        self.env["crm.mail.mirror.sync"]._trigger_outbox()

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
        self.env["crm.mail.mirror.mailbox"].invalidate_model()

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
        mailboxes = self.env["crm.mail.mirror.mailbox"]
        for mailbox in sorted(days):
            self.env["crm.mail.mirror.page"]._count(
                mailboxes.browse(mailbox), days[mailbox]
            )
        return set(days)
