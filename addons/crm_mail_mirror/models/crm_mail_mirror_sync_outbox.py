# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""When is the mail of an address looked at that came to, or went from, a contact?"""

import time

from odoo import api, models
from odoo.tools import SQL

from .jobs import BUDGET, one_run
from .lease import WRITERS_LOCK


class CrmMailMirrorSync(models.AbstractModel):
    _name = "crm.mail.mirror.sync"
    _inherit = ["crm.mail.mirror.sync"]

    @api.model
    def _cron_outbox(self):
        """Look at mail again whose addresses came to, or went from, contacts."""
        one_run(self.env, self._run_outbox)

    @api.model
    def _run_outbox(self, budget=BUDGET):
        """:return: whether anything is left"""
        began = time.monotonic()
        is_left = self.env["crm.mail.mirror.suggestion"]._create_waiting(
            began + budget / 2
        )
        while self._look_again():
            if time.monotonic() > began + budget:
                return True
        return is_left

    @api.model
    def _look_again(self, limit=500):
        """One step: addresses from the outbox, else some of the mail that these had.

        :return: whether there was anything to do
        """

        def step(model, method):
            return self._in_transaction(lambda env: getattr(env[model], method)())

        if not (
            self._look_at_addresses(limit)
            or step("crm.mail.mirror.outbox", "_judge_some")
            # when nothing more is asked for that this would find as well
            or step("crm.mail.mirror.search", "_begin_listing")
        ):
            return False
        self._trigger()
        return True

    def _look_at_addresses(self, limit):
        """Queue mail that matches now, and note what may match no more.

        Waits for the pages that are being written: what they decided without the change
        has left its traces when we look. They wait for us as well, so this is short.
        """
        with self._transaction() as env:
            cr = env.cr
            cr.execute(
                "SELECT 1 FROM crm_mail_mirror_outbox WHERE copies IS NULL LIMIT 1"
            )
            if not cr.fetchone():
                return False
            cr.execute("SELECT pg_advisory_xact_lock(%s)", [WRITERS_LOCK])
            cr.execute(
                SQL(
                    """DELETE FROM crm_mail_mirror_outbox WHERE id IN (
                           SELECT id FROM crm_mail_mirror_outbox
                            WHERE copies IS NULL ORDER BY id LIMIT %s)
                    RETURNING email_normalized, settled""",
                    limit,
                )
            )
            rows = cr.fetchall()
            entries = {entry for entry, _settled in rows}
            fresh = {entry for entry, settled in rows if not settled}
            if entries:
                env["crm.mail.mirror.outbox"]._look_at(entries, fresh)
        return bool(entries)
