# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How many mails came to which end? A log in numbers that outlives the rows."""

from odoo import fields, models

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
