# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How much is mirrored a day, how soon after it arrived, and what fails? In numbers.

A page adds to the numbers of its mailbox and day with one statement, in the transaction
of its rows. After a day they are added up for all mailboxes of a company at one
provider: then nobody's are told apart any more, and ten thousand mailboxes leave a
hundred rows a day instead of a hundred thousand. After a year they go.
"""

from collections import Counter

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.providers.base import EPOCH
from ..engine.rules import State
from .lease import Lease, naive

#: Upper ends, in seconds, of what is counted together; later than the last is no delay
#: but a mail that was moved here.
STEPS = (
    *(10, 20, 30, 45, 60, 75, 90, 105, 120, 150, 180, 240, 300, 450, 600, 900),
    *(1800, 3600, 7200, 21600, 43200, 86400, 259200, 604800, 2592000),
)
#: Of mail whose delay tells nothing: first imports, contacts that came later.
NO_DELAY = -1
#: These numbers are kept so long.
KEPT_DAYS = 365


class CrmMailMirrorPulse(models.Model):
    _name = "crm.mail.mirror.pulse"
    _description = "Numbers of a Day, in Total"
    _log_access = False

    # UTC
    day = fields.Date(required=True)
    company_id = fields.Many2one(
        comodel_name="res.company", required=True, ondelete="cascade", index=True
    )
    provider = fields.Char(required=True)
    # empty once it is added up
    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox", ondelete="cascade"
    )
    # of a failed check; empty: mail that was mirrored
    code = fields.Char(required=True, default="")
    # one of STEPS, or NO_DELAY
    seconds = fields.Integer(required=True, default=NO_DELAY)
    count = fields.Integer(required=True)

    _mailbox_uniq = models.UniqueIndex(
        "(mailbox_id, day, code, seconds) WHERE mailbox_id IS NOT NULL"
    )
    _total_uniq = models.UniqueIndex(
        "(day, company_id, provider, code, seconds) WHERE mailbox_id IS NULL"
    )

    # ---- written with the page, or with the failure ---------------------------------

    @api.model
    def _delays(self, lease: Lease, page, new, again):
        """How soon was the mail of a page mirrored?

        Only what arrived after the first import tells; what waited for a contact, a
        rule or a look further back was late for reasons of its own.

        :param new: [(key, judged, values)] of mail that gets a row
        :param again: [(row, judged, values)] of mail that had one
        :return: ``Counter`` of STEPS and NO_DELAY
        """
        on_time = [(item, v) for _key, item, v in new if v]
        waited = [
            (row, item, v)
            for row, item, v in again
            if v and row["state"] != State.MIRRORED
        ]
        is_plain = not (page.sought or page.audit or lease.listing)
        seconds = Counter()
        for item, values in on_time:
            if values["state"] == State.MIRRORED:
                seconds[self._step(lease, item) if is_plain else NO_DELAY] += 1
        for row, item, values in waited:
            if values["state"] == State.MIRRORED:
                ours = row["state"] == "failed" or row["reason"] == "late"
                counts = is_plain and ours
                seconds[self._step(lease, item) if counts else NO_DELAY] += 1
        return seconds

    def _step(self, lease, item):
        received_at = item.presence.received_at
        if received_at == EPOCH or not lease.imported_at:
            return NO_DELAY
        received_at = naive(received_at)
        if received_at < lease.imported_at:
            return NO_DELAY
        delay = (fields.Datetime.now() - received_at).total_seconds()
        return next((step for step in STEPS if delay <= step), NO_DELAY)

    @api.model
    def _add_mail(self, lease: Lease, seconds):
        """:param seconds: ``Counter`` as ``_delays`` gives it"""
        self._add(lease.mailbox_id, [("", each, n) for each, n in seconds.items()])

    @api.model
    def _add_failure(self, mailbox, code):
        self._add(mailbox.id, [(code, NO_DELAY, 1)])

    def _add(self, mailbox_id, rows):
        if rows:
            self.env.cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_pulse
                              (day, company_id, provider, mailbox_id,
                               code, seconds, count)
                       SELECT (now() AT TIME ZONE 'UTC')::date, m.company_id,
                              m.provider, m.id, t.*
                         FROM crm_mail_mirror_mailbox m,
                              unnest(%s::text[], %s::int[], %s::int[]) AS t
                        WHERE m.id = %s
                       ON CONFLICT (mailbox_id, day, code, seconds)
                                   WHERE mailbox_id IS NOT NULL
                       DO UPDATE
                          SET count = crm_mail_mirror_pulse.count + EXCLUDED.count""",
                    *map(list, zip(*sorted(rows), strict=True)),
                    mailbox_id,
                )
            )

    # ---- once a day -----------------------------------------------------------------

    @api.autovacuum
    def _gc_pulse(self):
        """What is older than yesterday loses its mailbox, then, after a year, goes."""
        # nobody writes to days that are over: today's rows are left alone
        self.env.cr.execute(
            """WITH moved AS (
                   DELETE FROM crm_mail_mirror_pulse
                    WHERE mailbox_id IS NOT NULL
                      AND day < (now() AT TIME ZONE 'UTC')::date - 1
                RETURNING day, company_id, provider, code, seconds, count)
               INSERT INTO crm_mail_mirror_pulse
                      (day, company_id, provider, code, seconds, count)
               SELECT day, company_id, provider, code, seconds, sum(count)
                 FROM moved GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
               ON CONFLICT (day, company_id, provider, code, seconds)
                           WHERE mailbox_id IS NULL
               DO UPDATE SET count = crm_mail_mirror_pulse.count + EXCLUDED.count"""
        )
        self.env.cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_pulse
                    WHERE day < (now() AT TIME ZONE 'UTC')::date - %s""",
                KEPT_DAYS,
            )
        )
