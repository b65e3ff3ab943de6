# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How often did looks at mailboxes fail, and by what kind of error? For graphs."""

from odoo import fields, models

from . import error_labels


class CrmMailMirrorReportFailure(models.Model):
    _name = "crm.mail.mirror.report.failure"
    _description = "Failed Checks of Mailboxes"
    _auto = False
    _log_access = False
    _order = "day desc, id"
    _rec_name = "day"
    _depends = {
        "crm.mail.mirror.pulse": [
            *("day", "company_id", "provider", "mailbox_id", "code", "count")
        ]
    }

    day = fields.Date(readonly=True)
    company_id = fields.Many2one(comodel_name="res.company", readonly=True)
    provider = fields.Selection(
        selection=lambda self: (
            self.env["crm.mail.mirror.mailbox"]._fields["provider"].selection
        ),
        readonly=True,
    )
    kind = fields.Selection(
        selection=lambda self: [*error_labels.labels(self.env).items()],
        string="What went wrong",
        readonly=True,
    )
    count = fields.Integer(string="Failed checks", readonly=True)

    @property
    def _table_query(self):
        # an error that is new to the labels is one that nobody expected
        known = ", ".join(f"'{code}'" for code in sorted(error_labels.labels(self.env)))
        return f"""SELECT min(id) AS id, day, company_id, provider, kind,
                          sum(count)::int AS count
                     FROM (SELECT id, day, company_id, provider, count,
                                  CASE WHEN code IN ({known}) THEN code
                                       ELSE 'bug' END AS kind
                             FROM crm_mail_mirror_pulse WHERE code != '') AS failure
                    GROUP BY day, company_id, provider, kind"""
