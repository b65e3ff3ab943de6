# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mails stand in a scope, newest first, for one reader?

Walked from the newest on, by the index of each address, in windows: a company with
100,000 mails costs no more than one with a hundred. Who sees few of them is answered
the other way round, from the copies in the mailboxes they may read. Nothing that is
given back, not even where a page ends, depends on mail that the reader does not see.
"""

from datetime import datetime
from typing import NamedTuple

from odoo import models
from odoo.tools import SQL

from . import conversation_question as question

#: Rows of the first window, of the largest one, and when windows are given up: of a
#: record's addresses, and of all mail, which is walked ten times as fast.
WINDOW, WIDEST, ENOUGH, ENOUGH_OF_ALL = 200, 3200, 4000, 40_000
#: Mails in the mailboxes of a reader who is answered from these; and of one for whom
#: they are few in each window.
FEW_COPIES, SOME_COPIES = 5000, 60_000
#: Mails found by a word are listed at once up to here; else they are tried one by one,
FOUND_AT_ONCE = 2000
#: so many in a request.
TRIED = 2000
#: Mails of one conversation that are looked at.
IN_THREAD = 1001


class Row(NamedTuple):
    """A mail that the reader sees in a scope."""

    date: datetime
    id: int
    thread: str
    same: str

    @property
    def place(self):
        return (self.date, self.id)


_ROW = SQL(
    "t.date, t.id, coalesce(t.thread_key, 'id ' || t.id),"
    " coalesce(t.same_key, 'id ' || t.id)"
)


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    # ---- conversations --------------------------------------------------------------

    def _heads(self, look, below, limit):
        """The newest mail of each conversation, below a position.

        :return: rows, and where to go on (None: that was all)
        """
        top = below.top if below else self._newest_seen(look)
        start = (below.date, below.id) if below else None
        lower, upper = self._bounds(look)
        if upper and (start is None or start[0] > upper):
            start = (upper, 0)
        heads, seen, tried = [], set(), 0
        for rows, asked in self._filtered_rows(look, start, top, lower):
            above = self._stand_above(look, rows, start, top) if start else set()
            for row in rows:
                keys = {row.thread, row.same}
                if not keys & (seen | above):
                    heads.append(row)
                seen |= keys
                if len(heads) == limit:
                    return heads, question.Position(*row.place, top)
            tried += len(asked)
            if tried >= TRIED and _is_dear(look):
                return heads, question.Position(*asked[-1].place, top)
        return heads, None

    def _bounds(self, look):
        """From when (included) to when (excluded) heads may stand."""
        since, until = self._period(look.filters)
        if look.made and look.scope.earlier:
            until = min(until or look.made, look.made)
        elif look.made:
            since = max(since or look.made, look.made)
        return since, until

    def _newest_seen(self, look):
        """What comes after the first page was asked for is not in the next ones."""
        self.env.cr.execute(
            """SELECT max(n.message_id) FROM unnest(%s::int[]) AS m(id)
                CROSS JOIN LATERAL (
                      SELECT c.message_id FROM crm_mail_mirror_copy c
                       WHERE c.mailbox_id = m.id AND c.state = 'mirrored'
                         AND c.message_id IS NOT NULL
                       ORDER BY c.message_id DESC LIMIT 1) AS n""",
            [look.mailboxes],
        )
        return self.env.cr.fetchone()[0] or 1

    def _stand_above(self, look, rows, start, top):
        """Threads, and mails, of these rows that stand above the place already."""
        threads = {row.thread for row in rows} - {f"id {row.id}" for row in rows}
        sames = {row.same for row in rows} - {f"id {row.id}" for row in rows}
        until = self._period(look.filters)[1]
        found = set()
        for column, keys in (("thread_key", threads), ("same_key", sames)):
            if not keys:
                continue
            name = SQL.identifier("t", column)
            self.env.cr.execute(
                SQL(
                    """SELECT k.key FROM unnest(%s::text[]) AS k(key)
                        WHERE EXISTS (SELECT 1 FROM crm_mail_mirror_message t
                                       WHERE %s = k.key AND t.id <= %s
                                         AND %s AND %s AND %s)""",
                    sorted(keys),
                    name,
                    top,
                    SQL("(t.date, t.id) >= (%s, %s)", *start),
                    SQL("t.date < %s", until) if until else SQL("TRUE"),
                    self._is_in_scope_and_seen(look),
                )
            )
            found |= {key for (key,) in self.env.cr.fetchall()}
        return found

    def _threads(self, look, threads, below=None):
        """The newest mails of conversations in this scope, whatever the filters.

        :return: ``{thread: rows}``, newest first
        """
        whole = look.whole
        alone = [int(each[3:]) for each in threads if each.startswith("id ")]
        self.env.cr.execute(
            SQL(
                """SELECT n.* FROM unnest(%(threads)s::text[]) AS k(thread)
                    CROSS JOIN LATERAL (
                          SELECT %(row)s FROM crm_mail_mirror_message t
                           WHERE t.thread_key = k.thread AND %(below)s AND %(seen)s
                           ORDER BY t.date DESC, t.id DESC LIMIT %(most)s) AS n
                   UNION ALL
                   SELECT %(row)s FROM crm_mail_mirror_message t
                    WHERE t.id = ANY(%(alone)s) AND %(below)s AND %(seen)s
                    ORDER BY 1 DESC, 2 DESC""",
                threads=sorted(each for each in threads if not each.startswith("id ")),
                alone=alone,
                row=_ROW,
                below=_below(below, SQL("t.date"), SQL("t.id")),
                seen=self._is_in_scope_and_seen(whole),
                most=IN_THREAD,
            )
        )
        found = {}
        for row in map(Row._make, self.env.cr.fetchall()):
            found.setdefault(row.thread, []).append(row)
        return found

    def _thread_of(self, look, message_id):
        """The thread of a mail in this scope, None for who does not see that mail."""
        self.env.cr.execute(
            SQL(
                """SELECT coalesce(t.thread_key, 'id ' || t.id)
                     FROM crm_mail_mirror_message t WHERE t.id = %s AND %s""",
                message_id,
                self._is_seen(look.whole),
            )
        )
        found = self.env.cr.fetchone()
        return found and found[0]

    # ---- mails ----------------------------------------------------------------------

    def _filtered_rows(self, look, start=None, top=None, lower=None):
        """Mails that the reader sees and that pass the filters, newest first.

        :param start: (date, id): below it; None: from the newest on
        :param top: only mails with ids up to it; None: all
        :param lower: only mails since then; None: all
        :return: pairs: rows that pass, and the rows seen among which they are
        """
        if not _is_dear(look):
            for rows in self._seen_rows(look, start, top, lower):
                yield rows, rows
            return
        few = self._found_at_once(look)
        if few is not None:
            rows = self._among(look, few, start, top, lower)
            yield rows, rows
            return
        for rows in self._seen_rows(look, start, top, lower):
            for begin in range(0, len(rows), TRIED):
                bite = rows[begin : begin + TRIED]
                passing = self._passing(look, [row.id for row in bite])
                yield [row for row in bite if row.id in passing], bite

    def _seen_rows(self, look, start, top, lower):
        """Lists of mails by level, direction, owner and attachments alone."""
        if not look.mailboxes or look.addresses == []:
            return
        copies, is_record = self._count_copies(look), look.addresses is not None
        window, size, examined = self._window, WINDOW, 0
        if copies < FEW_COPIES:
            window = self._from_copies
        elif copies < SOME_COPIES and is_record:
            window = self._shared_window
        while True:
            ids, last = window(look, start, size, lower)
            yield self._among(look, ids, None, top, None)
            if last is None:
                return
            start, examined, size = last, examined + size, min(size * 4, WIDEST)
            if window == self._window:
                if is_record and examined > ENOUGH:
                    window = self._shared_window
                elif examined > ENOUGH_OF_ALL:
                    window = self._from_copies

    def _count_copies(self, look):
        """Mails in the mailboxes that are looked into, as far as it matters."""
        self.env.cr.execute(
            """SELECT count(*) FROM (
                   SELECT 1 FROM crm_mail_mirror_copy
                    WHERE mailbox_id = ANY(%s) AND state = 'mirrored'
                    LIMIT %s) AS few""",
            [look.mailboxes, SOME_COPIES],
        )
        return self.env.cr.fetchone()[0]

    def _window(self, look, start, size, lower):
        """The next mails of a scope, whoever sees them: to be asked who does.

        :return: ids, and the place of the last (None: there is nothing more)
        """
        if look.addresses is None:
            query = SQL(
                """SELECT t.date, t.id FROM crm_mail_mirror_message t
                    WHERE %s AND %s ORDER BY t.date DESC, t.id DESC LIMIT %s""",
                _below(start, SQL("t.date"), SQL("t.id")),
                _since(lower, SQL("t.date")),
                size,
            )
        else:
            query = SQL(
                # the newest two of each address tell how far back the window can reach
                # at most, so that of a thousand addresses only few rows are read
                """WITH a AS MATERIALIZED (SELECT unnest(%(addresses)s::int[]) AS id),
                   head AS MATERIALIZED (
                       SELECT h.date FROM a CROSS JOIN LATERAL (
                              SELECT p.date FROM crm_mail_mirror_participant p
                               WHERE p.address_id = a.id AND %(below)s AND %(since)s
                               ORDER BY p.date DESC, p.message_id DESC LIMIT 2) AS h),
                   bound AS MATERIALIZED (
                       SELECT CASE WHEN count(*) = %(size)s THEN min(n.date)
                                   ELSE '-infinity' END AS date
                         FROM (SELECT date FROM head
                                ORDER BY date DESC LIMIT %(size)s) AS n)
                   SELECT n.date, n.message_id FROM a CROSS JOIN LATERAL (
                          SELECT p.date, p.message_id FROM crm_mail_mirror_participant p
                           WHERE p.address_id = a.id AND %(below)s AND %(since)s
                             AND p.date >= (SELECT date FROM bound)
                           ORDER BY p.date DESC, p.message_id DESC
                           FETCH FIRST %(size)s ROWS WITH TIES) AS n
                    ORDER BY n.date DESC, n.message_id DESC
                    FETCH FIRST %(size)s ROWS WITH TIES""",
                addresses=look.addresses,
                below=_below(start, SQL("p.date"), SQL("p.message_id")),
                since=_since(lower, SQL("p.date")),
                size=size,
            )
        self.env.cr.execute(query)
        rows = self.env.cr.fetchall()
        ids = list(dict.fromkeys(message for _date, message in rows))
        return ids, rows[-1] if len(rows) >= size else None

    def _shared_window(self, look, start, size, lower):
        """The same, of those in mailboxes that the reader may read: where windows of
        all mail hold little that is seen."""
        self.env.cr.execute(
            SQL(
                """SELECT p.date, p.message_id FROM crm_mail_mirror_participant p
                    WHERE p.address_id = ANY(%s) AND %s AND %s
                      AND p.message_id IN (
                          SELECT c.message_id FROM crm_mail_mirror_copy c
                           WHERE c.mailbox_id = ANY(%s) AND c.state = 'mirrored')
                    ORDER BY p.date DESC, p.message_id DESC
                    FETCH FIRST %s ROWS WITH TIES""",
                look.addresses,
                _below(start, SQL("p.date"), SQL("p.message_id")),
                _since(lower, SQL("p.date")),
                look.mailboxes,
                size,
            )
        )
        rows = self.env.cr.fetchall()
        ids = list(dict.fromkeys(message for _date, message in rows))
        return ids, rows[-1] if len(rows) >= size else None

    def _among(self, look, ids, start, top, lower):
        """Rows of those of these mails that the reader sees here, newest first."""
        if not ids:
            return []
        self.env.cr.execute(
            SQL(
                """SELECT %s FROM crm_mail_mirror_message t
                    WHERE t.id = ANY(%s) AND %s AND %s AND %s AND %s
                    ORDER BY t.date DESC, t.id DESC""",
                _ROW,
                list(ids),
                SQL("t.id <= %s", top) if top else SQL("TRUE"),
                _below(start, SQL("t.date"), SQL("t.id")),
                _since(lower, SQL("t.date")),
                self._is_in_scope_and_seen(look),
            )
        )
        return [Row(*row) for row in self.env.cr.fetchall()]

    def _from_copies(self, look, start, size, lower):
        """The same, found from the mailboxes that the reader may read."""
        self.env.cr.execute(
            SQL(
                """WITH mine AS MATERIALIZED (
                       SELECT DISTINCT c.message_id FROM crm_mail_mirror_copy c
                        WHERE c.mailbox_id = ANY(%s) AND c.state = 'mirrored')
                   SELECT t.date, t.id
                     FROM mine JOIN crm_mail_mirror_message t ON t.id = mine.message_id
                    WHERE %s AND %s AND %s
                    ORDER BY t.date DESC, t.id DESC LIMIT %s""",
                look.mailboxes,
                _below(start, SQL("t.date"), SQL("t.id")),
                _since(lower, SQL("t.date")),
                self._is_of_addresses(look, SQL("TRUE")),
                size,
            )
        )
        rows = self.env.cr.fetchall()
        return [ident for _date, ident in rows], rows[-1] if len(rows) >= size else None

    # ---- conditions on a message ``t`` ----------------------------------------------

    def _is_in_scope_and_seen(self, look):
        """It is of the scope by somebody whom the reader sees on it, and seen."""
        return SQL(
            "%s AND %s",
            self._is_of_addresses(look, self._participant_is_visible(look.sight)),
            self._is_seen(look),
        )

    def _is_of_addresses(self, look, is_visible):
        """:param is_visible: SQL condition on ``p``, who is on it"""
        if look.addresses is None:
            return SQL("TRUE")
        return SQL(
            # OFFSET 0: from the mail to its people, never from a company to its mail
            """EXISTS (SELECT 1 FROM (
                           SELECT address_id, copy_id FROM crm_mail_mirror_participant
                            WHERE message_id = t.id OFFSET 0) AS p
                        WHERE p.address_id = ANY(%s) AND %s)""",
            look.addresses,
            is_visible,
        )

    def _is_seen(self, look):
        """The reader sees a copy, of such a direction, owner and with attachments."""
        filters, conditions = look.filters, []
        if filters.direction:
            conditions.append(SQL("v.direction = %s", filters.direction))
        if filters.owner:
            conditions.append(SQL("v.owner_id = %s", filters.owner))
        if filters.attachments:
            conditions.append(
                SQL(
                    """v.shown = 'everything' AND EXISTS (
                           SELECT 1 FROM crm_mail_mirror_body b
                            WHERE b.id = v.body_id AND b.attachment_count > 0)"""
                )
            )
        copies = self._visible_copies(SQL("c.message_id = t.id"), SQL("1"), look.sight)
        if not conditions:
            return SQL("EXISTS (%s)", copies)
        return SQL("EXISTS (%s WHERE %s)", copies, SQL(" AND ").join(conditions))


def _is_dear(look):
    """Do its filters have to read texts or people of each mail?"""
    return bool(look.filters.text or look.filters.person or look.found is not None)


def _below(start, date, ident):
    if start is None:
        return SQL("TRUE")
    return SQL("(%s, %s) < (%s, %s)", date, ident, *start)


def _since(lower, date):
    return SQL("%s >= %s", date, lower) if lower else SQL("TRUE")
