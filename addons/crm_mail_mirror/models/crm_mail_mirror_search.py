# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is a mailbox to be searched for, and how far is that?

A contact that came, or a rule that went, may want mail that is older than our memory of
what we did not want. Its terms wait here until the mailbox's next run has asked the
provider for them (``crm_mail_mirror_search_steps.py``). Where terms are many, the whole
mailbox is listed again instead: mail that is known is found by its key, and not fetched
again.
"""

from odoo import api, fields, models
from odoo.tools import SQL

from .jobs import trigger
from .lease import Lease

#: Terms that one mailbox may have waiting; beyond them it is listed again.
MOST_TERMS = 300
#: Rows that one question may make, over all mailboxes.
MOST_ROWS = 20_000


class CrmMailMirrorSearch(models.Model):
    _name = "crm.mail.mirror.search"
    _description = "Term That a Mailbox Is Searched For"
    _log_access = False

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox", required=True, ondelete="cascade"
    )
    kind = fields.Selection(
        selection=[
            ("address", "Address"),
            ("domain", "Domain"),
            ("word", "Word"),
            ("message_id", "Message-ID"),
            ("all", "Everything, listed again"),
        ],
        required=True,
    )
    term = fields.Char(required=True)
    reason = fields.Char(required=True)
    asked_at = fields.Datetime(required=True)
    # the row that holds what was found for this term and those searched with it; its
    # own id: this one. Empty: it still waits
    leader_id = fields.Integer()
    # asked for once more while it was under way: what was looked at before counts not
    again = fields.Boolean()
    # of a leader: where mail lies that nobody has looked at yet, newest first
    places = fields.Json()
    done = fields.Integer()
    total = fields.Integer()
    tries = fields.Integer()
    done_at = fields.Datetime()

    _term_uniq = models.UniqueIndex("(mailbox_id, kind, term)")
    _term_idx = models.Index("(term, kind)")
    _waiting_idx = models.Index("(mailbox_id) WHERE done_at IS NULL")

    # ---- asking ---------------------------------------------------------------------

    @api.model
    def _ask(
        self,
        mailboxes,
        addresses=(),
        domains=(),
        words=(),
        message_ids=(),
        reason="contact",
    ):
        """Search these mailboxes for older mail, back to where each looks.

        Only what the rules then want is stored. Paused mailboxes keep it for later;
        those that are not connected are not searched.

        :param reason: ``contact``: its progress is told on the contact
        """
        terms = sorted(
            {
                *(("address", each) for each in addresses if each),
                *(("domain", each) for each in domains if each),
                *(("word", each) for each in words if each),
                *(("message_id", each) for each in message_ids if each),
            }
        )
        ids = sorted(mailboxes.ids)
        if not terms or not ids:
            return
        self.flush_model()
        if len(terms) > MOST_TERMS or len(terms) * len(ids) > MOST_ROWS:
            self._list(ids, reason)
            return
        self._insert(ids, terms, reason)
        self.env.cr.execute(
            SQL(
                """SELECT mailbox_id FROM crm_mail_mirror_search
                    WHERE mailbox_id = ANY(%s) AND done_at IS NULL
                    GROUP BY 1 HAVING count(*) > %s""",
                ids,
                MOST_TERMS,
            )
        )
        self._list([mailbox for (mailbox,) in self.env.cr.fetchall()], reason)

    def _insert(self, ids, terms, reason):
        """Terms that wait are one row; those that are under way come once more."""
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_search AS s
                          (mailbox_id, kind, term, reason, asked_at)
                   SELECT m.id, t.kind, t.term, %(reason)s, now() AT TIME ZONE 'UTC'
                     FROM crm_mail_mirror_mailbox m,
                          unnest(%(kinds)s::text[], %(terms)s::text[]) AS t(kind, term)
                    WHERE m.id = ANY(%(ids)s) AND m.state NOT IN ('draft', 'ready')
                      -- all of its mail has the mailbox's own address
                      AND NOT (t.kind = 'address' AND t.term = ANY(
                          m.email_normalized
                          || string_to_array(coalesce(m.aliases, ''), ',')))
                      AND (t.kind = 'all' OR NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_search w
                           WHERE w.mailbox_id = m.id AND w.kind = 'all'
                             AND w.done_at IS NULL AND w.leader_id IS NULL))
                    ORDER BY m.id, t.kind, t.term
                   ON CONFLICT (mailbox_id, kind, term) DO UPDATE
                      SET asked_at = EXCLUDED.asked_at, tries = 0, done_at = NULL,
                          reason = CASE WHEN s.reason = 'contact' AND s.done_at IS NULL
                                        THEN s.reason ELSE EXCLUDED.reason END,
                          again = s.leader_id IS NOT NULL AND s.done_at IS NULL,
                          leader_id = CASE WHEN s.done_at IS NULL THEN s.leader_id END
                """,
                reason=reason,
                kinds=[kind for kind, _term in terms],
                terms=[term for _kind, term in terms],
                ids=ids,
            )
        )
        self.invalidate_model()

    def _list(self, ids, reason):
        """List these mailboxes again: that finds whatever any term would find."""
        if not ids:
            return
        self._insert(ids, [("all", "")], reason)
        self.env.cr.execute(
            """DELETE FROM crm_mail_mirror_search
                WHERE mailbox_id = ANY(%s) AND kind != 'all'""",
            [ids],
        )
        trigger(self.env, "outbox")

    @api.model
    def _drop(self, mailboxes):
        """These mailboxes are no longer ours to search."""
        self.env.cr.execute(
            "DELETE FROM crm_mail_mirror_search WHERE mailbox_id = ANY(%s)",
            [list(mailboxes.ids)],
        )
        self.invalidate_model()

    @api.model
    def _forget(self, emails):
        """Nobody is to be searched for by these addresses, or remembered by them.

        :return: how many rows went
        """
        cr, terms = self.env.cr, sorted(emails)
        # who is searched for together with one of them is searched for anew
        cr.execute(
            """UPDATE crm_mail_mirror_search SET leader_id = NULL, places = NULL
                WHERE done_at IS NULL AND leader_id IN (
                      SELECT id FROM crm_mail_mirror_search
                       WHERE kind = 'address' AND term = ANY(%s))""",
            [terms],
        )
        cr.execute(
            """DELETE FROM crm_mail_mirror_search
                WHERE kind = 'address' AND term = ANY(%s)""",
            [terms],
        )
        self.invalidate_model()
        return cr.rowcount

    @api.model
    def _hurry(self, mailboxes):
        """Those of them that are well are looked at soon, a few hundred at once."""
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_mailbox SET next_sync_at =
                          now() AT TIME ZONE 'UTC'
                    WHERE id IN (
                          SELECT id FROM crm_mail_mirror_mailbox m
                           WHERE id = ANY(%s) AND state = 'active'
                             AND failure_count = 0 AND EXISTS (
                                 SELECT 1 FROM crm_mail_mirror_search s
                                  WHERE s.mailbox_id = m.id AND s.done_at IS NULL)
                           ORDER BY id LIMIT 300 FOR NO KEY UPDATE SKIP LOCKED)""",
                list(mailboxes.ids),
            )
        )
        mailboxes.invalidate_model(["next_sync_at"])

    @api.model
    def _reaching_back(self):
        """Mailboxes with mail that is older than the traces of what was not wanted."""
        return self.env["crm.mail.mirror.mailbox"].search(
            [
                ("state", "not in", ("draft", "ready")),
                "|",
                ("sync_from", "=", False),
                ("sync_from", "<", fields.Date.subtract(fields.Date.today(), days=6)),
            ]
        )

    # ---- listed again ---------------------------------------------------------------

    @api.model
    def _begin_listing(self):
        """Begin to list one mailbox again. :return: whether there was one"""
        self.env.cr.execute(
            """SELECT s.id, s.mailbox_id FROM crm_mail_mirror_search s
                 JOIN crm_mail_mirror_mailbox m ON m.id = s.mailbox_id
                WHERE s.kind = 'all' AND s.done_at IS NULL AND s.leader_id IS NULL
                  AND m.state = 'active'
                LIMIT 1 FOR NO KEY UPDATE OF m SKIP LOCKED"""
        )
        row = self.env.cr.fetchone()
        if not row:
            return False
        search, mailbox = row
        self.env["crm.mail.mirror.mailbox"].browse(mailbox)._list_again()
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_search SET leader_id = id, again = FALSE
                WHERE id = %s""",
            [search],
        )
        self.invalidate_model()
        return True

    @api.model
    def _listed(self, lease: Lease):
        """All of the mailbox was listed, and stored."""
        self.env.cr.execute(
            """SELECT id FROM crm_mail_mirror_search
                WHERE mailbox_id = %s AND kind = 'all' AND leader_id = id""",
            [lease.mailbox_id],
        )
        for (leader,) in self.env.cr.fetchall():
            self._finish(leader)
            trigger(self.env, "outbox")

    # ---- telling --------------------------------------------------------------------

    @api.model
    def _progress(self, emails):
        """How far is the search for older mail with these addresses?

        Tells nothing about which mailboxes these are or what they hold: those that have
        nothing are done as well.

        :return: (done, total) mailboxes that are looked through just now; (0, 0): none
        """
        emails = sorted({email for email in emails if email})
        if not emails:
            return 0, 0
        self.env.cr.execute(
            SQL(
                """SELECT count(*) FILTER (WHERE is_done), count(*) FROM (
                       SELECT bool_and(s.done_at IS NOT NULL) AS is_done
                         FROM crm_mail_mirror_search s
                         JOIN crm_mail_mirror_mailbox m ON m.id = s.mailbox_id
                        WHERE s.reason = 'contact' AND m.state = 'active'
                          AND (s.kind = 'address' AND s.term = ANY(%s)
                               OR s.kind = 'all' AND s.term = '')
                        GROUP BY s.mailbox_id) AS mailboxes""",
                emails,
            )
        )
        done, total = self.env.cr.fetchone()
        return (done, total) if done < total else (0, 0)

    @api.autovacuum
    def _gc_done(self):
        """Terms that are done go, though a mailbox that is paused waits for them."""
        self.env.cr.execute(
            """DELETE FROM crm_mail_mirror_search WHERE id IN (
                   SELECT id FROM crm_mail_mirror_search
                    WHERE done_at < now() AT TIME ZONE 'UTC' - interval '1 day'
                    LIMIT 5000)"""
        )
        done = self.env.cr.rowcount
        return done, done == 5000
