# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What goes in time, once a day, or each hour?"""

import time

from odoo import api, models

from .jobs import BUDGET, one_run
from .slice import Slice

#: Rows that one transaction of the hourly job removes.
SLICE = Slice()


class CrmMailMirrorSync(models.AbstractModel):
    _name = "crm.mail.mirror.sync"
    _inherit = ["crm.mail.mirror.sync"]

    @api.model
    def _cron_expiry(self):
        """Mail that is not mirrored leaves nothing but a count after seven days.

        Each hour: seven days are not eight.
        """
        one_run(self.env, self._run_expiry)

    @api.model
    def _run_expiry(self, budget=BUDGET):
        """:return: whether anything may be left"""
        end = time.monotonic() + budget
        while time.monotonic() < end:
            began, most = time.monotonic(), SLICE.size
            done = self._in_transaction(
                lambda env, most=most: env["crm.mail.mirror.day"]._expire(most)
            )
            SLICE.took(done, time.monotonic() - began)
            if done < most:
                return False
        return True

    @api.autovacuum
    def _gc_messages(self):
        """Mail whose last copy went while a colleague's was being written."""
        self.env.cr.execute(
            """SELECT m.id FROM crm_mail_mirror_message m
                WHERE NOT EXISTS (SELECT 1 FROM crm_mail_mirror_copy c
                                   WHERE c.message_id = m.id) LIMIT 1000"""
        )
        messages = {message for (message,) in self.env.cr.fetchall()}
        self.env["crm.mail.mirror.page"]._forget_unseen(messages)
        return len(messages), len(messages) == 1000

    @api.autovacuum
    def _gc_addresses(self):
        """Addresses that neither a mail nor a contact has any more."""
        self.env.cr.execute(
            """DELETE FROM crm_mail_mirror_address WHERE id IN (
                   SELECT a.id FROM crm_mail_mirror_address a
                    WHERE NOT EXISTS (SELECT 1 FROM crm_mail_mirror_participant p
                                       WHERE p.address_id = a.id)
                      AND NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_address_partner_rel r
                           WHERE r.address_id = a.id)
                    LIMIT 5000)"""
        )
        done = self.env.cr.rowcount
        return done, done == 5000
