# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What of a mailbox's searches is done next, and what came of it?

A run asks for a ``Task``, tells what was ``_found``, and has each page of what was
looked at ``_advance`` it: the rest of the places stands in the database, so that
whoever comes after a crash goes on there.
"""

import json
import logging

from odoo import api, models
from odoo.tools import SQL

from ..engine.providers.base import COUNTED_ROLES, Place, Query
from ..engine.search_words import spellings
from .lease import LEASE_SECONDS, Fenced, Lease
from .search_run import AT_ONCE, LOOKS, Task

_logger = logging.getLogger(__name__)

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
    # in a list: pylint-odoo would have this merged with the model itself
    _inherit = ["crm.mail.mirror.search"]

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
    def _found(self, lease: Lease, task: Task, places, whole=True, for_good=False):
        """What the search found and nobody has looked at yet waits with its first row.

        :param whole: else the provider may have left some out: fewer terms at once are
            searched for; for a single one that finds so much all is listed again
        :param for_good: fewer terms would find no more: all is listed again
        :raises Fenced: the mailbox was taken over
        """
        mailbox = self.env["crm.mail.mirror.mailbox"].browse(lease.mailbox_id)
        if not mailbox._is_held(lease.token):
            raise Fenced
        self._hold(lease)
        if not whole:
            if len(task.rows) == 1 or for_good:
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
        """Of these places, those where no mail was seen before, in folders we know.

        Mail whose row goes with the next hour is as mail whose row went.
        """
        places = [p for p in places if lease.roles.get(p.folder) in COUNTED_ROLES]
        self.env.cr.execute(
            SQL(
                """SELECT f.remote_ref, l.generation, l.ref
                     FROM unnest(%s::text[], %s::text[], %s::text[])
                          AS p(folder, generation, ref)
                     JOIN crm_mail_mirror_folder f ON f.mailbox_id = %s
                          AND f.remote_ref = p.folder
                     JOIN crm_mail_mirror_location l ON l.folder_id = f.id
                          AND l.generation = p.generation AND l.ref = p.ref
                     JOIN crm_mail_mirror_copy c ON c.id = l.copy_id
                          AND (c.expires_at IS NULL
                               OR c.expires_at > now() AT TIME ZONE 'UTC')""",
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


def _newest_first(places):
    """As far as places tell: each folder comes newest first, so take them in turn."""
    seen, turns = {}, {}
    for place in places:
        turns[place] = seen[place.folder] = seen.get(place.folder, -1) + 1
    return sorted(places, key=turns.get)
