# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where does each mail of each mailbox stand? Queue, ledger and visibility in one."""

from odoo import fields, models
from odoo.tools import sql

#: States of a copy; each has its line in the ledger (``day``).
STATES = [
    ("queued", "Queued"),
    ("mirrored", "Mirrored"),
    ("unmatched", "No contact"),
    ("excluded", "Excluded"),
    ("failed", "Failed"),
    ("hidden", "Hidden"),
]
#: How much of a mail is shared, from least to most.
SHARING = [
    ("metadata", "Who and when"),
    ("subject", "Subject"),
    ("everything", "Everything"),
]


class CrmMailMirrorCopy(models.Model):
    _name = "crm.mail.mirror.copy"
    _description = "Mail in a Linked Mailbox"
    _log_access = False

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox", required=True, ondelete="cascade"
    )
    # beside mailbox_id, so that the owner's rule needs no join
    user_id = fields.Many2one(
        related="mailbox_id.user_id", store=True, index=True, precompute=True
    )
    # keyed hash of what the provider calls the mail (identity.mail_key)
    key = fields.Char(required=True, groups=fields.NO_ACCESS)
    received_at = fields.Datetime(required=True)
    state = fields.Selection(selection=STATES, required=True)
    reason = fields.Char()
    attempts = fields.Integer()
    next_try_at = fields.Datetime()
    expires_at = fields.Datetime()
    message_id = fields.Many2one(
        comodel_name="crm.mail.mirror.message", ondelete="restrict", index=True
    )
    body_id = fields.Many2one(
        comodel_name="crm.mail.mirror.body",
        ondelete="restrict",
        index="btree_not_null",
        groups=fields.NO_ACCESS,
    )
    direction = fields.Selection(selection=[("in", "Received"), ("out", "Sent")])
    sharing = fields.Selection(
        selection=[*SHARING, ("private", "Nothing but who and when, ever")],
        help="How much of this mail is shared; empty: as the mailbox says",
    )
    # of the message: a mailbox's mail is listed by it
    date = fields.Datetime(
        related="message_id.date", store=True, precompute=True, groups=fields.NO_ACCESS
    )
    # of a mail that was hidden, so that it stays so (keyed; identity.identity)
    identity_hash = fields.Char(groups=fields.NO_ACCESS)
    # when its owner removed it; it can be taken back for seven days
    hidden_at = fields.Datetime()
    # of a mail that was taken back: what it came of
    removal_id = fields.Many2one(
        comodel_name="crm.mail.mirror.removal",
        ondelete="set null",
        index="btree_not_null",
        groups=fields.NO_ACCESS,
    )
    # number of the pass in which its last location was lost
    orphan_pass = fields.Integer(groups=fields.NO_ACCESS)
    # [folder, generation, ref] of that location, which a listing did not name: the
    # provider is still to be asked whether the mail is gone
    orphan_place = fields.Json(groups=fields.NO_ACCESS)

    _key_uniq = models.UniqueIndex("(mailbox_id, key)")
    # mail that its owner removed, or removes in another mailbox
    _hidden_idx = models.Index(
        "(mailbox_id, identity_hash) WHERE state IN ('hidden', 'unmatched', 'excluded')"
    )
    _queue_idx = models.Index(
        "(mailbox_id, next_try_at) WHERE state IN ('queued', 'failed')"
    )
    _orphan_idx = models.Index("(mailbox_id) WHERE orphan_pass IS NOT NULL")
    _review_idx = models.Index("(mailbox_id, id) WHERE message_id IS NOT NULL")
    # the last week, and what lies before a day
    _received_idx = models.Index("(mailbox_id, received_at)")
    _expiry_idx = models.Index("(expires_at) WHERE expires_at IS NOT NULL")
    # what the rule on messages asks: is there a mirrored copy in these mailboxes?
    _visible_idx = models.Index("(message_id, mailbox_id) WHERE state = 'mirrored'")
    # the mail of those who read few mailboxes: all that came, and newest first
    _mailbox_mail_idx = models.Index(
        "(mailbox_id, message_id) WHERE state = 'mirrored'"
    )
    _mailbox_date_idx = models.Index(
        "(mailbox_id, date DESC, message_id DESC) WHERE state = 'mirrored'"
    )

    def _auto_init(self):
        # of a million copies at once; the ORM would take an hour
        cr = self.env.cr
        if sql.table_exists(cr, self._table) and not sql.column_exists(
            cr, self._table, "date"
        ):
            sql.create_column(cr, self._table, "date", "timestamp")
            cr.execute(
                """UPDATE crm_mail_mirror_copy c SET date = t.date
                     FROM crm_mail_mirror_message t WHERE t.id = c.message_id"""
            )
        return super()._auto_init()
