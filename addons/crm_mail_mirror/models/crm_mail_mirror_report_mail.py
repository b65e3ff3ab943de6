# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How much mail a day, and how soon is it here? For graphs and pivot tables.

Of a hundred mails a median and a 95th percentile can be told, of ten days' medians
neither: so both are worked out anew for whatever is grouped, from ``pulse``.

Mail that tells no delay is told in tens: it comes back when a rule goes, or with a new
contact, so that who makes one and takes it back would learn how many there are.
"""

from odoo import api, fields, models
from odoo.tools import SQL

from .crm_mail_mirror_pulse import NO_DELAY
from .few import FEW

#: Measure -> the share of mail that is here within it.
SHARES = {"median": 0.5, "slowest": 0.95}


class CrmMailMirrorReportMail(models.Model):
    _name = "crm.mail.mirror.report.mail"
    _description = "Mirrored Mail and Its Delay"
    _auto = False
    _log_access = False
    _order = "day desc, id"
    _rec_name = "day"
    _depends = {
        "crm.mail.mirror.pulse": [
            *("day", "company_id", "provider", "mailbox_id"),
            *("code", "seconds", "count"),
        ]
    }

    day = fields.Date(readonly=True)
    company_id = fields.Many2one(comodel_name="res.company", readonly=True)
    provider = fields.Selection(
        selection=lambda self: self._providers(),
        readonly=True,
    )
    seconds = fields.Integer(
        string="Here within (seconds)",
        readonly=True,
        aggregator=None,
        help="Empty: first imports, and mail that waited for a contact",
    )
    count = fields.Integer(string="Mails mirrored", readonly=True)
    median = fields.Integer(
        string="Half is here within (seconds)", readonly=True, aggregator="max"
    )
    slowest = fields.Integer(
        string="95 % is here within (seconds)", readonly=True, aggregator="max"
    )

    def init(self):
        # the least bound that so great a share of what is counted lies within
        self.env.cr.execute(
            """CREATE OR REPLACE FUNCTION crm_mail_mirror_share_within(
                   share float, bounds int[], counts bigint[])
               RETURNS int LANGUAGE sql IMMUTABLE AS $$
                   SELECT min(bound)
                     FROM (SELECT bound, sum(n) OVER (ORDER BY bound) AS upto,
                                  sum(n) OVER () AS total
                             FROM unnest(bounds, counts) AS t(bound, n)
                            WHERE bound IS NOT NULL) AS counted
                    WHERE upto >= share * total
               $$"""
        )

    @api.model
    def _providers(self):
        return self.env["crm.mail.mirror.mailbox"]._fields["provider"].selection

    @property
    def _table_query(self):
        return f"""SELECT min(id) AS id, day, company_id, provider,
                          nullif(seconds, {NO_DELAY}) AS seconds,
                          (CASE WHEN seconds = {NO_DELAY}
                                THEN sum(count) / {FEW} * {FEW}
                                ELSE sum(count) END)::int AS count,
                          nullif(seconds, {NO_DELAY}) AS median,
                          nullif(seconds, {NO_DELAY}) AS slowest
                     FROM crm_mail_mirror_pulse WHERE code = ''
                    GROUP BY day, company_id, provider, crm_mail_mirror_pulse.seconds
                   HAVING crm_mail_mirror_pulse.seconds != {NO_DELAY}
                          OR sum(count) >= {FEW}"""

    def _read_group_select(self, aggregate_spec, query):
        measure = aggregate_spec.partition(":")[0]
        if measure not in SHARES:
            return super()._read_group_select(aggregate_spec, query)
        return SQL(
            """crm_mail_mirror_share_within(
                   %s, array_agg(%s ORDER BY %s), array_agg(%s::bigint ORDER BY %s))""",
            SHARES[measure],
            self._field_to_sql(self._table, "seconds", query),
            self._field_to_sql(self._table, "id", query),
            self._field_to_sql(self._table, "count", query),
            self._field_to_sql(self._table, "id", query),
        )
