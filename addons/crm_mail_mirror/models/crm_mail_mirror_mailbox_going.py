# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What becomes of a mailbox that is removed with its mail?

What a moment can remove goes at once. If there is more, nobody reads any of it from
then on, its owner neither; the job of the leavers removes it in short steps, and at
last its row. Its address and account are free meanwhile: who links them again gets a
new mailbox, and nothing of the old one comes back by it.
"""

import contextlib
import time

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .crm_mail_mirror_audit import in_words
from .jobs import trigger
from .slice import AIM

#: Mails that are removed together with their owner, while whoever deletes that waits.
AT_ONCE = 200


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    is_going = fields.Boolean(string="Being removed", readonly=True, copy=False)
    going_sentence = fields.Char(compute="_compute_going_sentence")

    _going_idx = models.Index("(id) WHERE is_going")

    @api.depends("is_going", "user_id")
    @api.depends_context("uid", "lang")
    def _compute_going_sentence(self):
        for mailbox in self:
            mailbox.going_sentence = mailbox.is_going and (
                mailbox._going_told()
                if mailbox.is_mine
                else self.env._("Being removed.")
            )

    def _going_told(self):
        left = self._count_copies()
        if left == 1:
            return self.env._("Being removed: one mail left.")
        return self.env._(
            "Being removed: %(count)s mails left.", count=in_words(self.env, left)
        )

    @api.depends("is_going", "user_id")
    @api.depends_context("uid")
    def _compute_last_error_sentence(self):
        """In lists: why it is still there."""
        result = super()._compute_last_error_sentence()
        for mailbox in self.filtered("is_going"):
            mailbox.last_error_sentence = mailbox.going_sentence
        return result

    def _count_copies(self, most=None):
        """:param most: it is enough to know that there are so many"""
        self.env.cr.execute(
            SQL(
                """SELECT count(*) FROM (SELECT 1 FROM crm_mail_mirror_copy
                    WHERE mailbox_id = %s LIMIT %s) AS c""",
                self.id,
                most,
            )
        )
        return self.env.cr.fetchone()[0]

    def _state_told(self):
        if self.is_going:
            return "muted", self._going_told()
        return super()._state_told()

    # ---- who may still do what ------------------------------------------------------

    @api.model
    def _readable_domain(self):
        return super()._readable_domain() & Domain("is_going", "=", False)

    def _check_stays(self):
        """:raises UserError: one of these is being removed"""
        if any(self.sudo().mapped("is_going")):
            raise UserError(
                self.env._(
                    "This mailbox is being removed with its mail. You can link it anew"
                    " at once, as another one: My Preferences, page Mailboxes."
                )
            )

    def write(self, vals):
        if not self.env.su:
            self._check_stays()
        return super().write(vals)

    def _refuse_sync_fields(self, vals):
        if not self.env.su and "is_going" in vals:
            raise AccessError(self.env._("The state of a mailbox is not yours to set."))
        return super()._refuse_sync_fields(vals)

    def action_connect(self):
        self._check_owner()
        self._check_stays()
        return super().action_connect()

    def _start_mirroring(self, identity, **values):
        # removed while the server was asked?
        self.invalidate_recordset(["is_going"])
        self._check_stays()
        return super()._start_mirroring(identity, **values)

    # ---- out ------------------------------------------------------------------------

    def unlink(self):
        """What a moment can remove goes at once, the rest in the background."""
        self.check_access("unlink")
        for mailbox in self:
            mailbox._check_owner()
        self._give_back_later()
        end = time.monotonic() + AIM
        empty = self.filtered(lambda mailbox: mailbox.sudo()._empty_until(end))
        (self - empty).sudo()._go()
        return super(CrmMailMirrorMailbox, empty).unlink()

    def _check_little(self):
        """Before their owners are deleted, and these with them.

        :raises UserError: there is more mail than goes in a moment
        """
        for mailbox in self.sudo():
            if mailbox._count_copies(AT_ONCE + 1) <= AT_ONCE:
                continue
            told = {"owner": mailbox.user_id.name, "address": mailbox.email}
            if mailbox.is_going:
                raise UserError(
                    self.env._(
                        "The mail of %(address)s is being removed from Odoo. Delete"
                        " %(owner)s once that is done.",
                        **told,
                    )
                )
            raise UserError(
                self.env._(
                    "There is too much mail of %(address)s in Odoo to go in a moment."
                    " Archive %(owner)s, choose under Mailboxes that it is removed or"
                    " handed over, and delete %(owner)s once that is done.",
                    **told,
                )
            )

    def _unlink_whole(self):
        """Of little mail all, at once: nothing of it can stay."""
        self._hold_row()
        while self._drop_copies(SQL("TRUE")):
            pass
        return self.unlink()

    def _empty_until(self, end):
        """Remove mail until then. :return: whether none is left"""
        self._hold_row()
        # a colleague's copy of the same mail that is just being written: the job waits
        # for that, this transaction does not see it
        with (
            contextlib.suppress(psycopg2.errors.ForeignKeyViolation),
            self.env.cr.savepoint(),
        ):
            while self._drop_copies(SQL("TRUE")):
                if time.monotonic() > end:
                    return not self._count_copies(1)
            return True
        return False

    def _go(self):
        """From now on nobody looks into these, or reads what is here of them."""
        if not self:
            return
        self.env["crm.mail.mirror.credential"]._forget(self)
        self.activity_unlink(["mail.mail_activity_data_todo"])
        self.flush_recordset()
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_mailbox
                  SET is_going = TRUE, state = 'draft', next_sync_at = NULL,
                      last_error = NULL, lease_until = NULL, lease_token = NULL,
                      left_at = NULL, brake = NULL, listing = NULL, listing_mark = 0,
                      policy_seq = policy_seq + 1,
                      -- free for a new one
                      email_normalized = NULL, account_id = NULL
                WHERE id = ANY(%s)""",
            [self.ids],
        )
        self.invalidate_recordset()
        trigger(self.env, "leavers")
