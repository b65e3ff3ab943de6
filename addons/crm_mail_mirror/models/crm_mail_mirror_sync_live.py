# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""When does the sync tell an owner's screen how far a first import is?"""

import logging

import psycopg2

from odoo import models

_logger = logging.getLogger(__name__)


class CrmMailMirrorSync(models.AbstractModel):
    _name = "crm.mail.mirror.sync"
    _inherit = ["crm.mail.mirror.sync"]

    def _tell_page(self, run, batch):
        """A page was written, and is committed: told in a transaction of its own.

        What cannot be told is not worth failing for.
        """
        if not batch.total:
            return
        run.pace.note(batch.done)
        if not run.pace.is_due():
            return
        try:
            with self._transaction() as env:
                mailbox = env["crm.mail.mirror.mailbox"].browse(run.lease.mailbox_id)
                mailbox._tell_live(run.pace.rate)
        except psycopg2.Error as error:
            _logger.warning(
                "mailbox %s: its progress was not told: %s",
                run.lease.mailbox_id,
                type(error).__name__,
            )
