# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""When is a mailbox compared with its mirror, and in which steps?

The last week each night, inside the mailbox's own run; all of it now and then, in the
background: listed again by that run, judged anew by a job of its own.
"""

import time

from odoo import api, models

from .jobs import BUDGET, one_run


class CrmMailMirrorSync(models.AbstractModel):
    _name = "crm.mail.mirror.sync"
    _inherit = ["crm.mail.mirror.sync"]

    # ---- the last week, inside the run ----------------------------------------------

    def _compare(self, run, pool, ready, active, end):
        """Nothing else is to be done: now the comparison that is due, if any."""
        step = None
        is_still = run.pass_complete and not (run.more or run.lease.listing)
        if run.audit and is_still and time.monotonic() < end:
            step = self._next_of_audit(run)
        if step:
            self._submit(pool, ready, run, step)
        else:
            self._end(run, pool, active, more=run.more or run.is_sought)

    def _counted(self, run, found, pool, ready):
        """The mailbox was listed: one more pass, and then it is compared."""
        run.audit.listing = found.listing
        run.pass_complete = False
        self._submit(pool, ready, run, run.pull, run.lease.cursor)

    def _missed(self, run, page):
        """Mail that was missing is there again, as much of it as was looked at."""
        looked_at = set(page.asked)
        run.audit.missing = [p for p in run.audit.missing if p not in looked_at]

    def _next_of_audit(self, run):
        """:return: what the network does next; ``None``: it is over"""
        lease, audit = run.lease, run.audit

        def write(step, *args):
            return self._in_transaction(
                lambda env: getattr(env["crm.mail.mirror.audit"], step)(lease, *args)
            )

        if audit.listing is None:
            audit.mark = write("_begin_week", audit.id)
            return run.count_week
        if audit.missing is None:
            audit.missing = write("_compare", audit)
        if audit.missing:
            return run.look_at_missing
        if not audit.is_settled:
            write("_settle", audit)
            audit.is_settled = True
            if self._has_doubts(run):
                return run.confirm
        write("_finish", audit.id)
        run.audit = None
        return None

    # ---- jobs -----------------------------------------------------------------------

    @api.model
    def _cron_audit(self):
        """Ask for what is due, begin what waits, judge what was listed."""
        one_run(self.env, self._run_audits)

    @api.model
    def _run_audits(self, budget=BUDGET):
        """:return: whether anything may be left"""
        end = time.monotonic() + budget
        self._in_transaction(lambda env: env["crm.mail.mirror.mailbox"]._mend_times())
        self._in_transaction(lambda env: env["crm.mail.mirror.audit"]._ask_due())
        while time.monotonic() < end:
            if not self._in_transaction(
                lambda env: env["crm.mail.mirror.audit"]._step()
            ):
                return False
        return True
