# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is a mailbox to be searched for, and how far is that?

A contact that came, or a rule that went, may want mail that is older than our memory of
what we did not want. Its terms wait here until the mailbox's next run has asked the
provider for them (``search_run.py``). Where terms are many, the whole mailbox is listed
again instead: mail that is known is found by its key and not fetched again.
"""

import json
import logging

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.providers.base import COUNTED_ROLES, Place, Query
from ..engine.search_words import spellings
from .crm_mail_mirror_page import LEASE_SECONDS
from .lease import Fenced, Lease
from .search_run import AT_ONCE, LOOKS, Task

_logger = logging.getLogger(__name__)

#: Terms that one mailbox may have waiting; beyond them it is listed again.
MOST_TERMS = 300
#: Rows that one question may make, over all mailboxes.
MOST_ROWS = 20_000
#: Failed tries of a search before the mailbox is listed instead.
TRIES = 3
#: And of looking at what was found: by then one mail at a time is looked at.
LOOK_TRIES = 6
#: What the kinds of terms are in a question to a provider. A domain goes without ``@``:
#: its subdomains are meant as well.
_QUERY = {
    "address": "addresses",
    "domain": "addresses",
    "word": "subject_words",
    "message_id": "message_ids",
}


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
                      AND NOT (t.kind = 'address' AND (t.term = m.email_normalized
                               OR t.term = ANY(string_to_array(coalesce(m.aliases, ''), ','))))
                      AND (t.kind = 'all' OR NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_search w
                           WHERE w.mailbox_id = m.id AND w.kind = 'all'
                             AND w.done_at IS NULL AND w.leader_id IS NULL))
                    ORDER BY m.id, t.kind, t.term
                   ON CONFLICT (mailbox_id, kind, term) DO UPDATE
                      SET asked_at = EXCLUDED.asked_at, tries = 0, done_at = NULL,
                          reason = CASE WHEN s.reason = 'contact' THEN s.reason
                                        ELSE EXCLUDED.reason END,
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
        self.env["crm.mail.mirror.sync"]._trigger_outbox()

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
        """Nobody is to be searched for by these addresses, or remembered by them."""
        self.env.cr.execute(
            """DELETE FROM crm_mail_mirror_search
                WHERE kind = 'address' AND term = ANY(%s)""",
            [sorted(emails)],
        )
        self.invalidate_model()

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

    # ---- a run of the mailbox -------------------------------------------------------

    @api.model
    def _is_waiting(self, mailbox):
        """Is there anything to search this mailbox for?"""
        self.env.cr.execute(
            """SELECT 1 FROM crm_mail_mirror_search
                WHERE mailbox_id = %s AND done_at IS NULL AND kind != 'all' LIMIT 1""",
            [mailbox.id],
        )
        return bool(self.env.cr.fetchone())

    @api.model
    def _next(self, lease: Lease, most=AT_ONCE):
        """The next thing to do, or None. :param most: terms at once"""
        cr = self.env.cr
        cr.execute(
            SQL(
                """SELECT id, (SELECT jsonb_agg(p) FROM (
                          SELECT p FROM jsonb_array_elements(places)
                                 WITH ORDINALITY AS e(p, n) ORDER BY n LIMIT %s) AS x)
                     FROM crm_mail_mirror_search
                    WHERE mailbox_id = %s AND done_at IS NULL AND leader_id = id
                      AND kind != 'all'
                    ORDER BY id LIMIT 1""",
                LOOKS,
                lease.mailbox_id,
            )
        )
        row = cr.fetchone()
        if row and row[1]:
            leader, places = row
            return Task((leader,), places=tuple(Place(*each) for each in places))
        cr.execute(
            SQL(
                """SELECT id, kind, term FROM crm_mail_mirror_search
                    WHERE mailbox_id = %s AND done_at IS NULL AND leader_id IS NULL
                      AND kind != 'all'
                    ORDER BY tries, asked_at, id LIMIT %s""",
                lease.mailbox_id,
                most,
            )
        )
        rows = cr.fetchall()
        if not rows:
            return None
        terms = {}
        for _id, kind, term in rows:
            found = spellings(term) if kind == "word" else (term,)
            terms.setdefault(_QUERY[kind], []).extend(found)
        query = Query(**{name: tuple(found) for name, found in terms.items()})
        return Task(tuple(row[0] for row in rows), query)

    @api.model
    def _found(self, lease: Lease, task: Task, places, whole=True):
        """What the search found and nobody has looked at yet waits with its first row.

        :param whole: else the provider may have left some out: fewer terms at once are
            searched for; for a single one that finds so much all is listed again
        :raises Fenced: the mailbox was taken over
        """
        mailbox = self.env["crm.mail.mirror.mailbox"].browse(lease.mailbox_id)
        if not mailbox._is_held(lease.token):
            raise Fenced
        self._hold(lease)
        if not whole:
            if len(task.rows) == 1:
                self._list([lease.mailbox_id], self._reason_of(task))
            return
        unknown = _newest_first(self._without_row(lease, places))
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_search
                      SET leader_id = %(leader)s, again = FALSE, tries = 0, done = 0,
                          total = CASE WHEN id = %(leader)s THEN %(total)s END,
                          places = CASE WHEN id = %(leader)s THEN %(places)s::jsonb END
                    WHERE id = ANY(%(rows)s) AND leader_id IS NULL
                RETURNING id""",
                leader=task.rows[0],
                total=len(unknown),
                places=json.dumps([[p.folder, p.generation, p.ref] for p in unknown]),
                rows=list(task.rows),
            )
        )
        if (task.rows[0],) not in self.env.cr.fetchall():
            # dropped meanwhile: what is left of the others is searched for again
            self._begin_again(task.rows)
        elif not unknown:
            self._finish(task.rows[0])

    def _without_row(self, lease: Lease, places):
        """Of these places, those where no mail was seen before, in folders we know."""
        places = [p for p in places if lease.roles.get(p.folder) in COUNTED_ROLES]
        self.env.cr.execute(
            SQL(
                """SELECT f.remote_ref, l.generation, l.ref
                     FROM unnest(%s::text[], %s::text[], %s::text[])
                          AS p(folder, generation, ref)
                     JOIN crm_mail_mirror_folder f ON f.mailbox_id = %s
                          AND f.remote_ref = p.folder
                     JOIN crm_mail_mirror_location l ON l.folder_id = f.id
                          AND l.generation = p.generation AND l.ref = p.ref""",
                [place.folder for place in places],
                [place.generation for place in places],
                [place.ref for place in places],
                lease.mailbox_id,
            )
        )
        known = {Place(*row) for row in self.env.cr.fetchall()}
        return [place for place in dict.fromkeys(places) if place not in known]

    @api.model
    def _advance(self, task: Task):
        """These places were looked at; called in the transaction that stores them."""
        leader, done = task.rows[0], list(task.places)
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_search s
                      SET done = coalesce(s.done, 0) + %(count)s,
                          places = coalesce((
                              SELECT jsonb_agg(e.p ORDER BY e.n)
                                FROM jsonb_array_elements(s.places)
                                     WITH ORDINALITY AS e(p, n)
                               WHERE e.p NOT IN (
                                     SELECT unnest(%(places)s::jsonb[]))), '[]'::jsonb)
                    WHERE s.id = %(leader)s AND s.leader_id = s.id
                RETURNING s.places = '[]'::jsonb""",
                count=len(done),
                places=[json.dumps([p.folder, p.generation, p.ref]) for p in done],
                leader=leader,
            )
        )
        row = self.env.cr.fetchone()
        if row and row[0]:
            self._finish(leader)

    def _finish(self, leader):
        """All that was found is looked at. Terms that were asked for again wait again;
        the others go once no mailbox waits for them, so that progress can be told."""
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_search
                      SET done_at = CASE WHEN NOT coalesce(again, FALSE)
                                         THEN now() AT TIME ZONE 'UTC' END,
                          again = FALSE, leader_id = NULL, places = NULL
                    WHERE leader_id = %s RETURNING kind, term""",
                leader,
            )
        )
        kinds, terms = zip(*self.env.cr.fetchall() or [("", "")], strict=True)
        self.env.cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_search WHERE id IN (
                       SELECT s.id FROM crm_mail_mirror_search s
                         JOIN unnest(%s::text[], %s::text[]) AS t(kind, term)
                              ON s.kind = t.kind AND s.term = t.term
                        WHERE s.done_at IS NOT NULL AND NOT EXISTS (
                              SELECT 1 FROM crm_mail_mirror_search o
                               WHERE o.kind = s.kind AND o.term = s.term
                                 AND o.done_at IS NULL)
                          FOR UPDATE OF s SKIP LOCKED)""",
                list(kinds),
                list(terms),
            )
        )

    def _begin_again(self, rows):
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_search SET leader_id = NULL, places = NULL
                WHERE id = ANY(%s) AND done_at IS NULL""",
            [list(rows)],
        )

    def _hold(self, lease: Lease):
        """Searching takes its time: the lease lives on."""
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_mailbox
                      SET lease_until = now() AT TIME ZONE 'UTC'
                                        + %s * interval '1 second'
                    WHERE id = %s""",
                LEASE_SECONDS,
                lease.mailbox_id,
            )
        )

    def _reason_of(self, task: Task):
        self.env.cr.execute(
            """SELECT reason FROM crm_mail_mirror_search WHERE id = ANY(%s)
                ORDER BY reason != 'contact' LIMIT 1""",
            [list(task.rows)],
        )
        row = self.env.cr.fetchone()
        return row[0] if row else "contact"

    @api.model
    def _failed(self, mailbox, task: Task):
        """A step failed. What fails ever again must not keep the rest from being done.

        A search gives way to a listing. Of mail that is looked at fewer and fewer are
        looked at together, so at last the one that fails comes first: it is passed by.
        """
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_search SET tries = coalesce(tries, 0) + 1
                    WHERE id = ANY(%s) AND done_at IS NULL RETURNING tries""",
                list(task.rows),
            )
        )
        tries = max((tries for (tries,) in self.env.cr.fetchall()), default=0)
        if task.query and tries >= TRIES:
            self._list([mailbox.id], self._reason_of(task))
        elif task.places and tries >= LOOK_TRIES:
            _logger.warning("mailbox %s: a mail that was found hangs", mailbox.id)
            self._advance(Task(task.rows, places=task.places[:1]))

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
            self.env["crm.mail.mirror.sync"]._trigger_outbox()

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


def _newest_first(places):
    """As far as places tell: each folder comes newest first, so take them in turn."""
    seen, turns = {}, {}
    for place in places:
        turns[place] = seen[place.folder] = seen.get(place.folder, -1) + 1
    return sorted(places, key=turns.get)
