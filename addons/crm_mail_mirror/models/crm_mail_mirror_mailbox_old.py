# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What becomes of mail from before the first day, when its owner chose a later one?

It goes, whatever its state, in short steps: what a moment can remove at once, the rest
by the job of the folders. It needs no list of what is to go: that is what is older. So
does what the brake hid, once its owner said that it is really gone.
"""

import time

from odoo import api, models
from odoo.tools import SQL

from .jobs import trigger
from .lease import naive
from .slice import AIM


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    def _forget_old_at_once(self):
        """Begin to remove what is from before the first day, which may have moved on,
        or is really gone."""
        end = time.monotonic() + AIM
        while self._forget_old():
            if time.monotonic() > end:
                trigger(self.env, "folders")
                return

    def _forget_old(self):
        """One step. :return: how many mails went"""
        self._hold_row()
        mailbox, since, count = self.sudo(), self._since(), 0
        if since:
            count = self._drop_copies(SQL("c.received_at < %s", naive(since)))
        if not count and mailbox.brake == "confirmed":
            count = self._drop_copies(SQL("c.state = 'hidden' AND c.reason = 'brake'"))
            if not count:
                mailbox.brake = False
        return count

    def _has_old(self):
        """Is anything from before the first day here yet?"""
        self.env.cr.execute(
            SQL("SELECT 1 FROM (%s) AS m WHERE id = %s", self._with_old(), self.id)
        )
        return bool(self.env.cr.fetchone())

    @api.model
    def _forget_next_old(self):
        """One step, of any mailbox that needs it. :return: whether one did"""
        self.flush_model(["sync_from", "brake"])
        self.env.cr.execute(
            SQL(
                """%s UNION ALL
                   SELECT id FROM crm_mail_mirror_mailbox WHERE brake = 'confirmed'
                    LIMIT 1""",
                self._with_old(),
            )
        )
        for (mailbox,) in self.env.cr.fetchall():
            self.browse(mailbox)._forget_old()
            return True
        return False

    @staticmethod
    def _with_old():
        return SQL(
            """SELECT m.id FROM crm_mail_mirror_mailbox m
                WHERE m.sync_from IS NOT NULL AND EXISTS (
                      SELECT 1 FROM crm_mail_mirror_copy c
                       WHERE c.mailbox_id = m.id AND c.received_at < m.sync_from)"""
        )
