# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How many mails came to which end? A log in numbers that outlives the rows."""

from odoo import api, fields, models
from odoo.tools import SQL

from .crm_mail_mirror_copy import STATES


class CrmMailMirrorDay(models.Model):
    _name = "crm.mail.mirror.day"
    _description = "Mails of a Day by Outcome"
    _log_access = False
    _order = "day desc, id"

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox", required=True, ondelete="cascade"
    )
    # the day on which the mailbox received the mail (UTC)
    day = fields.Date(required=True)
    state = fields.Selection(selection=STATES, required=True)
    reason = fields.Char(required=True)
    count = fields.Integer(required=True)

    _outcome_uniq = models.UniqueIndex("(mailbox_id, day, state, reason)")

    @api.model
    def _recount(self, mailbox):
        """Begin the log anew from the rows there are: all mail will be listed again."""
        self.env["crm.mail.mirror.copy"].flush_model()
        self.env.cr.execute(
            "DELETE FROM crm_mail_mirror_day WHERE mailbox_id = %s", [mailbox.id]
        )
        self.env.cr.execute(
            """INSERT INTO crm_mail_mirror_day (mailbox_id, day, state, reason, count)
               SELECT mailbox_id, received_at::date, state, coalesce(reason, ''),
                      count(*)
                 FROM crm_mail_mirror_copy WHERE mailbox_id = %s GROUP BY 1, 2, 3, 4""",
            [mailbox.id],
        )

    def _add(self, mailbox, days):
        """Add to the lines of a mailbox.

        :param mailbox: Lease or record
        :param days: ``{line(copy): how many more, or fewer}``
        """
        rows = sorted((*line, count) for line, count in days.items() if count)
        if rows:
            self.env.cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_day
                              (mailbox_id, day, state, reason, count)
                       SELECT %s, d, s, r, n
                         FROM unnest(%s::date[], %s::text[], %s::text[], %s::int[])
                              AS t(d, s, r, n)
                       ON CONFLICT (mailbox_id, day, state, reason) DO UPDATE
                          SET count = crm_mail_mirror_day.count + EXCLUDED.count""",
                    getattr(mailbox, "mailbox_id", None) or mailbox.id,
                    *map(list, zip(*rows, strict=True)),
                )
            )


def line(copy):
    """The line in which a copy (its row) counts: (day, state, reason)"""
    return copy["received_at"].date(), copy["state"], copy["reason"] or ""
