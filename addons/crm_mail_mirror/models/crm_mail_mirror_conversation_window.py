# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where does one look for a scope's next mails? In windows, newest first.

By the index of each address a company with 100,000 mails costs no more than one with a
hundred; by that of each mailbox a reader of few finds theirs among a million of others.
Each way tells all mails of the scope that the reader may see, and some they may not:
who sees which is asked afterwards (``_among``). As all go by date, another way may take
over at any place.
"""

from odoo import models
from odoo.tools import SQL

from .crm_mail_mirror_message import array, is_among

#: Rows of the first window, and of the largest one.
WINDOW, WIDEST = 200, 3200
#: Rows of the first window of few mailboxes, of which a record has its share.
OF_FEW = 1600
#: Mailboxes that are gone through one by one.
FEW_MAILBOXES = 250
#: From so many rows on a record's addresses are too many to be all looked at, unless
#: more mails than these are wanted.
MANY_ROWS, FEW_ROWS = 5000, 400
#: Rows until another way is taken: of a record's addresses, and of all mail, which is
#: walked ten times as fast.
ENOUGH, ENOUGH_OF_ALL = 4000, 40_000
#: The same of a few mailboxes, and more for each of them: the other way takes longer.
ENOUGH_OF_FEW, OF_EACH = 3200, 100


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    def _seen_rows(self, look, start, top, lower, size=None):
        """Lists of mails by level, direction, owner and attachments alone.

        :param size: rows of the first window
        """
        if not look.mailboxes or look.addresses == []:
            return
        asked = size or WINDOW
        ways = self._ways(look, asked)
        window, size, enough = next(ways)
        examined = 0
        while True:
            ids, last = window(look, start, size, lower)
            # no more than the page may need: asking who sees them is what is dear
            at = 0
            while at < len(ids):
                some = ids[at : at + asked]
                rows = self._among(look, some, None, top, None)
                yield rows
                at += asked
                if len(rows) * 2 < len(some):
                    asked = min(asked * 2, WIDEST)
            if last is None:
                return
            start, examined, size = last, examined + size, min(size * 4, WIDEST)
            if enough and examined >= enough:
                window, size, enough = next(ways)
                examined = 0

    def _ways(self, look, size):
        """One after the other, each looked for once the one before is given up:
        (window, rows of the first one, rows until the next way is taken)."""
        few = len(look.mailboxes) <= FEW_MAILBOXES
        if look.addresses is None:
            if not few:
                yield self._window, size, ENOUGH_OF_ALL
            yield self._mailbox_window, size, None
            return
        if not few:
            yield self._window, size, ENOUGH
        elif not self._has_many_rows(look):
            yield self._window, size, size
        elif size <= FEW_ROWS:
            enough = ENOUGH_OF_FEW + OF_EACH * len(look.mailboxes)
            yield self._mailbox_window, OF_FEW, enough
        yield self._shared_window, WIDEST, None

    def _has_many_rows(self, look):
        self.env.cr.execute(
            """SELECT count(*) FROM (SELECT FROM crm_mail_mirror_participant
                                      WHERE address_id = ANY(%s::int[]) LIMIT %s)
                       AS p""",
            [array(look.addresses), MANY_ROWS],
        )
        return self.env.cr.fetchone()[0] == MANY_ROWS

    def _window(self, look, start, size, lower):
        """The next mails of a scope, whoever sees them: to be asked who does.

        :return: ids, and the place of the last (None: there is nothing more)
        """
        if look.addresses is None:
            return self._of_window(
                SQL(
                    """SELECT t.date, t.id FROM crm_mail_mirror_message t
                        WHERE %s AND %s ORDER BY t.date DESC, t.id DESC LIMIT %s""",
                    stands_below(start, SQL("t.date"), SQL("t.id")),
                    stands_since(lower, SQL("t.date")),
                    size,
                ),
                size,
            )
        return self._of_window(
            _newest_of_each(
                SQL("crm_mail_mirror_participant"),
                SQL("r.address_id = k.id"),
                look.addresses,
                start,
                size,
                lower,
            ),
            size,
        )

    def _mailbox_window(self, look, start, size, lower):
        """The next mails in the mailboxes that are looked into, which have somebody of
        the scope on them."""
        newest = _newest_of_each(
            SQL("crm_mail_mirror_copy"),
            SQL("r.mailbox_id = k.id AND r.state = 'mirrored'"),
            look.mailboxes,
            start,
            size,
            lower,
        )
        if look.addresses is None:
            return self._of_window(newest, size)
        return self._of_window(
            SQL(
                # OFFSET 0: from the mail to its people, as in ``_is_of_addresses``
                """SELECT n.*, EXISTS (
                          SELECT 1 FROM (
                              SELECT address_id FROM crm_mail_mirror_participant
                               WHERE message_id = n.message_id OFFSET 0) AS p
                           WHERE %s)
                     FROM (%s) AS n ORDER BY 1 DESC, 2 DESC""",
                is_among(SQL("p.address_id"), look.addresses),
                newest,
            ),
            size,
        )

    def _shared_window(self, look, start, size, lower):
        """The next mails of a record in these mailboxes, by looking at all of them:
        where windows hold little that is both."""
        return self._of_window(
            SQL(
                """SELECT p.date, p.message_id FROM crm_mail_mirror_participant p
                    WHERE p.address_id = ANY(%s::int[]) AND %s AND %s
                      AND p.message_id IN (
                          SELECT c.message_id FROM crm_mail_mirror_copy c
                           WHERE c.mailbox_id = ANY(%s::int[])
                             AND c.state = 'mirrored')
                    ORDER BY p.date DESC, p.message_id DESC
                    FETCH FIRST %s ROWS WITH TIES""",
                array(look.addresses),
                stands_below(start, SQL("p.date"), SQL("p.message_id")),
                stands_since(lower, SQL("p.date")),
                array(look.mailboxes),
                size,
            ),
            size,
        )

    def _of_window(self, query, size):
        self.env.cr.execute(query)
        rows = self.env.cr.fetchall()
        ids = list(dict.fromkeys(row[1] for row in rows if row[-1] is not False))
        return ids, rows[-1][:2] if len(rows) >= size else None


def _newest_of_each(table, condition, keys, start, size, lower):
    """(date, message id) of rows ``r`` of a table, the newest of all keys together."""
    return SQL(
        # the newest few of each key tell how far back the window can reach at most, so
        # that of a thousand keys only those are read again that have more in it
        """WITH k AS MATERIALIZED (SELECT unnest(%(keys)s::int[]) AS id),
           head AS MATERIALIZED (
               SELECT k.id, h.date, h.message_id FROM k CROSS JOIN LATERAL (
                      SELECT r.date, r.message_id FROM %(table)s r
                       WHERE %(condition)s AND %(below)s AND %(since)s
                       ORDER BY r.date DESC, r.message_id DESC LIMIT %(few)s) AS h),
           bound AS MATERIALIZED (
               SELECT CASE WHEN count(*) = %(size)s THEN min(n.date)
                           ELSE '-infinity' END AS date
                 FROM (SELECT date FROM head ORDER BY date DESC LIMIT %(size)s) AS n),
           more AS MATERIALIZED (
               SELECT id FROM head GROUP BY id
               HAVING count(*) = %(few)s AND min(date) >= (SELECT date FROM bound))
           SELECT n.date, n.message_id
             FROM (SELECT date, message_id FROM head
                    WHERE date >= (SELECT date FROM bound)
                      AND id NOT IN (SELECT id FROM more)
                   UNION ALL
                   SELECT m.date, m.message_id FROM more k CROSS JOIN LATERAL (
                          SELECT r.date, r.message_id FROM %(table)s r
                           WHERE %(condition)s AND %(below)s AND %(since)s
                             AND r.date >= (SELECT date FROM bound)
                           ORDER BY r.date DESC, r.message_id DESC
                           FETCH FIRST %(size)s ROWS WITH TIES) AS m) AS n
            ORDER BY n.date DESC, n.message_id DESC
            FETCH FIRST %(size)s ROWS WITH TIES""",
        table=table,
        condition=condition,
        keys=array(keys),
        few=min(size, max(2, 2 * size // len(keys))),
        below=stands_below(start, SQL("r.date"), SQL("r.message_id")),
        since=stands_since(lower, SQL("r.date")),
        size=size,
    )


def stands_below(start, date, ident):
    """SQL condition: a mail stands below this place; ``None``: any does."""
    if start is None:
        return SQL("TRUE")
    return SQL("(%s, %s) < (%s, %s)", date, ident, *start)


def stands_since(lower, date):
    return SQL("%s >= %s", date, lower) if lower else SQL("TRUE")
