# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mails stand in a scope, newest first, for one reader?

Walked from the newest on, in windows (``crm_mail_mirror_conversation_window.py``).
Nothing that is given back, not even where a page ends, depends on mail that the reader
does not see.
"""

from datetime import datetime
from typing import NamedTuple

from odoo import models
from odoo.tools import SQL

from . import conversation_question as question
from .crm_mail_mirror_conversation_window import stands_below, stands_since
from .crm_mail_mirror_message import array, is_among

#: Words and people are looked for among the newest so many that are seen first;
NEAREST = 400
#: where none of these has them, everywhere: that is quick for what is rare, of which
#: all is listed at once up to here;
FOUND_AT_ONCE = 2000
#: what is found more often is looked for in mail after mail, so many a request.
TRIED = 800
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
            SQL(
                # of who reads many it is among the newest of all; else each is asked
                """SELECT coalesce(
                       (SELECT n.message_id FROM (
                               SELECT message_id, mailbox_id FROM crm_mail_mirror_copy
                                WHERE state = 'mirrored' AND message_id IS NOT NULL
                                ORDER BY message_id DESC LIMIT 500) AS n
                         WHERE %s ORDER BY n.message_id DESC LIMIT 1),
                       (SELECT max(n.message_id) FROM unnest(%s::int[]) AS m(id)
                         CROSS JOIN LATERAL (
                               SELECT c.message_id FROM crm_mail_mirror_copy c
                                WHERE c.mailbox_id = m.id AND c.state = 'mirrored'
                                  AND c.message_id IS NOT NULL
                                ORDER BY c.message_id DESC LIMIT 1) AS n),
                       1)""",
                is_among(SQL("n.mailbox_id"), look.mailboxes),
                array(look.mailboxes),
            )
        )
        return self.env.cr.fetchone()[0]

    def _stand_above(self, look, rows, start, top):
        """Threads, and mails, of these rows that stand above the place already."""
        threads = {row.thread for row in rows} - {f"id {row.id}" for row in rows}
        sames = {row.same for row in rows} - {f"id {row.id}" for row in rows}
        until = self._period(look.filters)[1]
        found = [
            SQL(
                """SELECT k.key FROM unnest(%s::text[]) AS k(key)
                    WHERE EXISTS (SELECT 1 FROM crm_mail_mirror_message t
                                   WHERE %s = k.key AND t.id <= %s
                                     AND %s AND %s AND %s)""",
                sorted(keys),
                SQL.identifier("t", column),
                top,
                SQL("(t.date, t.id) >= (%s, %s)", *start),
                SQL("t.date < %s", until) if until else SQL("TRUE"),
                self._is_in_scope_and_seen(look),
            )
            for column, keys in (("thread_key", threads), ("same_key", sames))
            if keys
        ]
        if not found:
            return set()
        self.env.cr.execute(SQL(" UNION ALL ").join(found))
        return {key for (key,) in self.env.cr.fetchall()}

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
                below=stands_below(below, SQL("t.date"), SQL("t.id")),
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

    def _filtered_rows(self, look, start=None, top=None, lower=None, size=None):
        """Mails that the reader sees and that pass the filters, newest first.

        :param start: (date, id): below it; None: from the newest on
        :param top: only mails with ids up to it; None: all
        :param lower: only mails since then; None: all
        :param size: so many will be asked for, if that is known
        :return: pairs: rows that pass, and the rows seen that were asked one by one
        """
        if not _is_dear(look):
            for rows in self._seen_rows(look, start, top, lower, size):
                yield rows, rows
            return
        seen = self._seen_rows(look, start, top, lower, NEAREST)
        is_sought = False
        # as many each time, however few of a window are seen: what is decided by them
        # tells nothing of others
        for rows in _in_blocks(seen, NEAREST):
            passing = self._passing(look, [row.id for row in rows])
            yield [row for row in rows if row.id in passing], rows
            if not (is_sought or passing) and len(rows) == NEAREST:
                few = self._found_at_once(look)
                if few is not None:
                    place, few = rows[-1].place, self._newest_first(few)
                    for at in range(0, len(few), NEAREST):
                        some = few[at : at + NEAREST]
                        yield self._among(look, some, place, top, lower), []
                    return
            is_sought = True

    def _newest_first(self, ids):
        self.env.cr.execute(
            """SELECT id FROM crm_mail_mirror_message WHERE id = ANY(%s)
                ORDER BY date DESC, id DESC""",
            [list(ids)],
        )
        return [ident for (ident,) in self.env.cr.fetchall()]

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
                stands_below(start, SQL("t.date"), SQL("t.id")),
                stands_since(lower, SQL("t.date")),
                self._is_in_scope_and_seen(look),
            )
        )
        return [Row(*row) for row in self.env.cr.fetchall()]

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
                        WHERE %s AND %s)""",
            is_among(SQL("p.address_id"), look.addresses),
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


def _in_blocks(lists, size):
    """The rows of these lists, so many at a time; the last ones may be fewer."""
    waiting = []
    for rows in lists:
        waiting += rows
        while len(waiting) >= size:
            yield waiting[:size]
            waiting = waiting[size:]
    if waiting:
        yield waiting


def _is_dear(look):
    """Do its filters have to read texts or people of each mail?"""
    return bool(look.filters.text or look.filters.person or look.found is not None)
