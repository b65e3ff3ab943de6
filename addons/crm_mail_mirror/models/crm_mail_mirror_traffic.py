# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How much mail is exchanged, by whom, and when? In numbers, never in words.

One row is a mirrored mail in one mailbox. A record rule lets everybody count what they
may read, at the moment of counting; nothing of what a mail says is in here.
"""

from odoo import fields, models
from odoo.tools import SQL


class CrmMailMirrorTraffic(models.Model):
    _name = "crm.mail.mirror.traffic"
    _description = "Emails in Numbers"
    _auto = False
    _log_access = False
    _order = "date desc, id desc"
    _rec_name = "date"
    _depends = {
        "crm.mail.mirror.copy": [
            *("mailbox_id", "user_id", "received_at", "direction", "message_id"),
            "state",
        ],
        "crm.mail.mirror.mailbox": ["company_id", "provider"],
    }

    date = fields.Datetime(string="Received or sent", readonly=True)
    direction = fields.Selection(
        selection=[("in", "Received"), ("out", "Sent")], readonly=True
    )
    user_id = fields.Many2one(
        comodel_name="res.users", string="Mailbox of", readonly=True
    )
    mailbox_id = fields.Many2one(comodel_name="crm.mail.mirror.mailbox", readonly=True)
    company_id = fields.Many2one(comodel_name="res.company", readonly=True)
    provider = fields.Selection(
        selection=lambda self: (
            self.env["crm.mail.mirror.mailbox"]._fields["provider"].selection
        ),
        readonly=True,
    )
    # a number, no link: two mailboxes may have the same mail, which counts once
    mail = fields.Integer(string="Emails", readonly=True, aggregator="count_distinct")

    @property
    def _table_query(self):
        return SQL(
            """SELECT c.id, c.received_at AS date, c.direction, c.user_id, c.mailbox_id,
                      m.company_id, m.provider, c.message_id AS mail
                 FROM crm_mail_mirror_copy c
                 JOIN crm_mail_mirror_mailbox m ON m.id = c.mailbox_id
                WHERE c.state = 'mirrored'"""
        )
