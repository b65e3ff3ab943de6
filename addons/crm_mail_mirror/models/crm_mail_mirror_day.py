# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How many mails came to which end? A log in numbers that outlives the rows.

In each line, after each commit: ``count`` mails were seen, of ``expired`` of them there
is no row any more, so that ``count - expired`` rows are there.
"""

from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.reasons import Reason
from .crm_mail_mirror_copy import STATES
from .crm_mail_mirror_listing import SHORT
from .reason_sentences import labels, sentences
from .sentences import sentence

#: Traces of mail that is not mirrored are kept so long.
TRACE_DAYS = 7


class CrmMailMirrorDay(models.Model):
    _name = "crm.mail.mirror.day"
    _description = "Mails of a Day by Outcome"
    _log_access = False
    _order = "day desc, id"
    _rec_name = "day"

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox", required=True, ondelete="cascade"
    )
    # the day on which the mailbox received the mail (UTC)
    day = fields.Date(required=True)
    state = fields.Selection(selection=STATES, required=True)
    reason = fields.Char(required=True)
    count = fields.Integer(string="Mails", required=True, aggregator="sum")
    expired = fields.Integer(
        string="Only the number is kept",
        required=True,
        default=0,
        aggregator="sum",
        help="Mail that is not mirrored leaves nothing but its number after a week",
    )
    reason_label = fields.Char(compute="_compute_reason_label", string="Why")
    reason_sentence = fields.Char(compute="_compute_reason_label", string="In words")

    _outcome_uniq = models.UniqueIndex("(mailbox_id, day, state, reason)")

    def init(self):
        # lines that were written before, by SQL that does not know the column
        self.env.cr.execute(
            "ALTER TABLE crm_mail_mirror_day ALTER COLUMN expired SET DEFAULT 0"
        )

    @api.depends("reason")
    @api.depends_context("lang")
    def _compute_reason_label(self):
        self._tell_reasons(self)

    @api.model
    def _tell_reasons(self, records):
        """In words; of mail that failed, the error."""
        short, long = labels(self.env), sentences(self.env)
        for each in records:
            told = long.get(each.reason) or sentence(self.env, each.reason)
            each.reason_label = short.get(each.reason, told)
            each.reason_sentence = told

    # ---- written with the rows, in one transaction ----------------------------------

    @api.model
    def _recount(self, mailbox):
        """Begin the log anew from the rows there are: all mail will be listed again."""
        self.env["crm.mail.mirror.copy"].flush_model()
        self.env.cr.execute(
            "DELETE FROM crm_mail_mirror_day WHERE mailbox_id = %s", [mailbox.id]
        )
        self.env.cr.execute(
            """INSERT INTO crm_mail_mirror_day
                      (mailbox_id, day, state, reason, count, expired)
               SELECT mailbox_id, received_at::date, state, coalesce(reason, ''),
                      count(*), 0
                 FROM crm_mail_mirror_copy WHERE mailbox_id = %s GROUP BY 1, 2, 3, 4""",
            [mailbox.id],
        )

    @api.model
    def _begin_anew(self, mailbox):
        """The same, from the log itself: as many rows as each line says, none expired.

        A few lines a day instead of all rows, since somebody waits for it.
        """
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_day SET count = count - expired, expired = 0
                WHERE mailbox_id = %s AND expired != 0""",
            [mailbox.id],
        )
        self.env.cr.execute(
            "DELETE FROM crm_mail_mirror_day WHERE mailbox_id = %s AND count = 0",
            [mailbox.id],
        )

    @api.model
    def _mend(self, mailbox_id, since):
        """Lines that rows were taken from, or put into, behind the addon's back.

        What vanished is no longer counted: if it is found again, it counts again.

        :param since: only days from this one on
        """
        self.env.cr.execute(
            SQL(
                """WITH rows AS (
                       SELECT received_at::date AS day, state,
                              coalesce(reason, '') AS reason, count(*) AS rows
                         FROM crm_mail_mirror_copy
                        WHERE mailbox_id = %(mailbox)s AND received_at >= %(since)s
                        GROUP BY 1, 2, 3),
                   added AS (
                       INSERT INTO crm_mail_mirror_day
                              (mailbox_id, day, state, reason, count, expired)
                       SELECT %(mailbox)s, r.day, r.state, r.reason, r.rows, 0
                         FROM rows r
                           ON CONFLICT (mailbox_id, day, state, reason) DO UPDATE
                          SET count = EXCLUDED.count + crm_mail_mirror_day.expired
                        WHERE crm_mail_mirror_day.count - crm_mail_mirror_day.expired
                              != EXCLUDED.count)
                   UPDATE crm_mail_mirror_day d SET count = d.expired
                    WHERE d.mailbox_id = %(mailbox)s AND d.day >= %(since)s
                      AND d.count != d.expired
                      AND NOT EXISTS (
                          SELECT 1 FROM rows r
                           WHERE (r.day, r.state, r.reason)
                                 = (d.day, d.state, d.reason))""",
                mailbox=mailbox_id,
                since=since,
            )
        )

    def _add(self, mailbox, days, expired=None):
        """Add to the lines of a mailbox.

        :param mailbox: Lease or record
        :param days: ``{line(copy): how many more, or fewer}``
        :param expired: the same of those without row
        """
        expired = expired or {}
        rows = sorted(
            (*each, days.get(each, 0), expired.get(each, 0))
            for each in {*days, *expired}
            if days.get(each) or expired.get(each)
        )
        if rows:
            self.env.cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_day
                              (mailbox_id, day, state, reason, count, expired)
                       SELECT %s, d, s, r, n, e
                         FROM unnest(%s::date[], %s::text[], %s::text[], %s::int[],
                                     %s::int[]) AS t(d, s, r, n, e)
                       ON CONFLICT (mailbox_id, day, state, reason) DO UPDATE
                          SET count = crm_mail_mirror_day.count + EXCLUDED.count,
                              expired = crm_mail_mirror_day.expired + EXCLUDED.expired
                    """,
                    getattr(mailbox, "mailbox_id", None) or mailbox.id,
                    *map(list, zip(*rows, strict=True)),
                )
            )

    def _take_back(self, lease, lines, days, expired):
        """Mail that is seen again though its row went is counted already.

        It is taken out of what expired in the line it belongs to, else in another one
        of its day, else of what a first import passed by.

        :param lines: ``Counter`` of the lines of its new rows
        :param days, expired: what will be added to the log; changed in place
        """
        if not lines:
            return
        self.env.cr.execute(
            SQL(
                """SELECT day, state, reason, expired FROM crm_mail_mirror_day
                    WHERE mailbox_id = %s AND expired > 0
                      AND (day = ANY(%s) OR reason = %s) ORDER BY day, id""",
                lease.mailbox_id,
                sorted({day for day, _state, _reason in lines}),
                str(Reason.NOT_LISTED),
            )
        )
        left = {
            donor: count + expired.get(donor, 0)
            for *donor, count in self.env.cr.fetchall()
            for donor in (tuple(donor),)
        }
        for each, count in sorted(lines.items()):
            for donor in sorted(left, key=lambda d: (d != each, d[0] != each[0], d)):
                passed_by = donor[2] == Reason.NOT_LISTED and donor[0] >= each[0]
                if donor[0] != each[0] and not passed_by:
                    continue
                taken = min(count, left[donor])
                if taken > 0:
                    left[donor] -= taken
                    days[donor] -= taken
                    expired[donor] -= taken
                    count -= taken

    # ---- rows that go in time -------------------------------------------------------

    @api.model
    def _expire(self, limit=5000):
        """Rows of mail that is not mirrored go; their number stays.

        While all of a mailbox is listed, it is noted which they were: what is told of
        them from now on is counted already.

        :return: how many rows went
        """
        cr = self.env.cr
        cr.execute(
            SQL(
                """SELECT id, mailbox_id FROM crm_mail_mirror_copy
                    WHERE expires_at < now() AT TIME ZONE 'UTC' LIMIT %s""",
                limit,
            )
        )
        rows = cr.fetchall()
        if not rows:
            return 0
        # who writes a mailbox's rows or log holds its row, in this order
        cr.execute(
            """SELECT 1 FROM crm_mail_mirror_mailbox WHERE id = ANY(%s)
                ORDER BY id FOR NO KEY UPDATE""",
            [sorted({mailbox for _copy, mailbox in rows})],
        )
        cr.execute(
            SQL(
                """WITH gone AS (
                       DELETE FROM crm_mail_mirror_copy
                        WHERE id = ANY(%s) AND expires_at < now() AT TIME ZONE 'UTC'
                    RETURNING mailbox_id, key, received_at::date AS day, state,
                              coalesce(reason, '') AS reason),
                   lines AS (
                       SELECT mailbox_id, day, state, reason, count(*) AS gone
                         FROM gone GROUP BY 1, 2, 3, 4),
                   counted AS (
                       UPDATE crm_mail_mirror_day d SET expired = d.expired + l.gone
                         FROM lines l
                        WHERE (d.mailbox_id, d.day, d.state, d.reason)
                              = (l.mailbox_id, l.day, l.state, l.reason)),
                   noted AS (
                       INSERT INTO crm_mail_mirror_listing (mailbox_id, counted)
                       SELECT m.id, jsonb_agg(left(g.key, %s))
                         FROM gone g JOIN crm_mail_mirror_mailbox m
                              ON m.id = g.mailbox_id AND m.listing IS NOT NULL
                        GROUP BY m.id)
                   SELECT count(*) FROM gone""",
                [copy for copy, _mailbox in rows],
                SHORT,
            )
        )
        cr.fetchone()
        return len(rows)


def line(copy):
    """The line in which a copy (its row) counts: (day, state, reason)"""
    return copy["received_at"].date(), copy["state"], copy["reason"] or ""


def is_long_ago(received_at, now):
    """Was it received so long ago that its row may have gone in time?

    :param now: by the database's clock, by which rows go
    """
    return now - received_at > timedelta(days=TRACE_DAYS)
