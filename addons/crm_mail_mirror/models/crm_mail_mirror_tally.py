# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What became of all mail that was seen? The log of all days together."""

from odoo import api, fields, models

from .crm_mail_mirror_copy import STATES


class CrmMailMirrorTally(models.Model):
    _name = "crm.mail.mirror.tally"
    _description = "Mails of a Mailbox by Outcome"
    _auto = False
    _log_access = False
    _order = "state, count desc, id"

    mailbox_id = fields.Many2one(comodel_name="crm.mail.mirror.mailbox", readonly=True)
    state = fields.Selection(selection=STATES, string="What became of it")
    reason = fields.Char()
    count = fields.Integer(string="Mails")
    reason_label = fields.Char(compute="_compute_reason_label", string="Why")
    reason_sentence = fields.Char(compute="_compute_reason_label", string="In words")

    @property
    def _table_query(self):
        return """SELECT min(id) AS id, mailbox_id, state, reason,
                         sum(count)::int AS count
                    FROM crm_mail_mirror_day
                   GROUP BY mailbox_id, state, reason HAVING sum(count) != 0"""

    @api.depends("reason")
    @api.depends_context("lang")
    def _compute_reason_label(self):
        self.env["crm.mail.mirror.day"]._tell_reasons(self)
