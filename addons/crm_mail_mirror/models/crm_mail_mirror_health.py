# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the page Health show? All its numbers, in one answer."""

from datetime import timedelta

from odoo import api, fields, models

#: Days that can be looked back upon.
SPANS = (7, 30, 90, 365)
#: Kinds of errors that have a colour of their own; the rest is added up.
KINDS = 6


class CrmMailMirrorReportMail(models.Model):
    _name = "crm.mail.mirror.report.mail"
    _inherit = ["crm.mail.mirror.report.mail"]

    @api.model
    @api.readonly
    def get_health(self, span=30):
        """The numbers of the page Health, of the companies at hand.

        :param int span: days up to today, one of ``SPANS``
        :return: ``{"days": ["2026-11-22", ...], "mails": [int], "median": [seconds or
            None], "slowest": [the same], "failures": [{"kind", "label", "counts"}],
            "states": [{"status", "label", "count"}], "lately": {"mails", "median",
            "slowest", "failures"}}``; lists are as long as ``days``
        :raises AccessError: for everybody but the addon's administrators
        """
        self.env["crm.mail.mirror.adoption"]._check_administrator()
        span = span if span in SPANS else 30
        today = fields.Date.today()
        days = [today - timedelta(days=back) for back in range(span - 1, -1, -1)]
        measures = ["count:sum", "median:max", "slowest:max"]
        domain = [("day", ">=", days[0])]
        mail = {
            day: numbers
            for day, *numbers in self._read_group(domain, ["day:day"], measures)
        }
        columns = [mail.get(day, (0, None, None)) for day in days]
        failures = self._failures(days)
        ((count, median, slowest),) = self._read_group(domain, [], measures)
        return {
            "days": [fields.Date.to_string(day) for day in days],
            "mails": [count for count, _median, _slowest in columns],
            "median": [median or None for _count, median, _slowest in columns],
            "slowest": [slowest or None for _count, _median, slowest in columns],
            "failures": failures,
            "states": self._states(),
            "lately": {
                "mails": count or 0,
                "median": median or None,
                "slowest": slowest or None,
                "failures": sum(sum(each["counts"]) for each in failures),
            },
        }

    def _failures(self, days):
        """By kind, the most frequent first."""
        reports = self.env["crm.mail.mirror.report.failure"]
        labels = dict(reports._fields["kind"]._description_selection(self.env))
        counts = {}
        for kind, day, count in reports._read_group(
            [("day", ">=", days[0])], ["kind", "day:day"], ["count:sum"]
        ):
            counts.setdefault(kind, {})[day] = count
        ranked = sorted(counts, key=lambda kind: (-sum(counts[kind].values()), kind))
        shown = [
            {
                "kind": kind,
                "label": labels[kind],
                "counts": [counts[kind].get(day, 0) for day in days],
            }
            for kind in ranked[:KINDS]
        ]
        rest = ranked[KINDS:]
        if rest:
            shown.append(
                {
                    "kind": False,
                    "label": self.env._("Others"),
                    "counts": [
                        sum(counts[kind].get(day, 0) for kind in rest) for day in days
                    ],
                }
            )
        return shown

    def _states(self):
        rows = self.env["crm.mail.mirror.adoption"]
        counts = dict(rows._read_group([], ["status"], ["__count"]))
        labels = rows._fields["status"]._description_selection(self.env)
        return [
            {"status": status, "label": label, "count": counts.get(status, 0)}
            for status, label in labels
        ]
