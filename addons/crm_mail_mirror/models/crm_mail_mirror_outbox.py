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
        """Mail of these addresses goes unless somebody else on it is still known.

        Judged copy by copy: a Bcc counts for the copy that shows it alone.
        """
        cr = self.env.cr
        cr.execute(
            SQL(
                """SELECT c.id, c.message_id, c.mailbox_id, c.received_at, c.state,
                          c.reason, array_agg(a.email_normalized) AS emails
                     FROM crm_mail_mirror_copy c
                     JOIN crm_mail_mirror_participant p ON p.message_id = c.message_id
                          AND (p.copy_id IS NULL OR p.copy_id = c.id)
                     JOIN crm_mail_mirror_address a ON a.id = p.address_id
                    WHERE (c.state = 'mirrored'
                           OR c.state = 'hidden' AND c.reason = 'brake')
                      AND c.message_id IN (
                          SELECT q.message_id FROM crm_mail_mirror_participant q
                            JOIN crm_mail_mirror_address b ON b.id = q.address_id
                           WHERE b.email_normalized = ANY(%s))
                    GROUP BY c.id""",
                list(emails),
            )
        )
        copies = cr.dictfetchall()
        everybody = {email for copy in copies for email in copy["emails"]}
        directory = self.env["crm.mail.mirror.directory"]._look_up(everybody)
        gone = [c for c in copies if not directory.known.intersection(c["emails"])]
        if not gone:
            return
        cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy
                      SET state = 'unmatched', reason = 'no_contact', message_id = NULL,
                          body_id = NULL,
                          expires_at = now() AT TIME ZONE 'UTC' + interval '7 days'
                    WHERE id = ANY(%s)""",
                [copy["id"] for copy in gone],
            )
        )
        # its Bcc goes with it: nothing of the mail is left but keyed hashes
        cr.execute(
            "DELETE FROM crm_mail_mirror_participant WHERE copy_id = ANY(%s)",
            [[copy["id"] for copy in gone]],
        )
        digest = keyring().digest
        traces = {
            (copy["id"], digest("trace", email))
            for copy in gone
            for email in set(copy["emails"]) - directory.own
        }
        if traces:
            cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_trace (copy_id, kind, digest)
                       SELECT c, 'address', d FROM unnest(%s::int[], %s::text[])
                              AS t(c, d)""",
                    *map(list, zip(*sorted(traces), strict=True)),
                )
            )
        self._move_days(
            (
                (c["mailbox_id"], c["received_at"], c["state"], c["reason"], 1)
                for c in gone
            ),
            ("unmatched", "no_contact"),
        )
        self.env["crm.mail.mirror.page"]._forget_unseen(
            {copy["message_id"] for copy in gone}
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
