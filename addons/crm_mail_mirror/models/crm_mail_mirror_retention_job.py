# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is mail purged that was kept long enough? Each night, in short steps."""

import time
from datetime import timedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..engine.reasons import Reason
from .crm_mail_mirror_retention import SETTINGS, lapses
from .jobs import BUDGET, one_run, trigger
from .lease import FLOORS_LOCK, WRITERS_LOCK
from .slice import Slice

#: Mails that one transaction removes.
SLICE = Slice()
#: A night's work is not begun again before.
PAUSE = timedelta(hours=12)


class CrmMailMirrorRetention(models.Model):
    _name = "crm.mail.mirror.retention"
    _inherit = ["crm.mail.mirror.retention"]

    @api.model
    def _cron_retention(self):
        """Each night; and on, as long as there is work."""
        one_run(self.env, self._run)

    @api.model
    def _run(self, budget=BUDGET):
        """Purge what was kept long enough until all is done or time is up.

        :return: whether anything is left
        """
        end = time.monotonic() + budget
        write = self.env["crm.mail.mirror.sync"]._in_transaction
        for row in write(lambda env: env[self._name]._begun().ids):
            while write(lambda env, row=row: env[self._name].browse(row).is_running):
                self._step(row)
                if time.monotonic() > end:
                    return True
        return False

    def _begun(self):
        """Rows of the companies that have something to purge, each begun."""
        wanted = Domain.OR(Domain(name, ">", 0) for name in SETTINGS.values())
        companies = self.env["res.company"].search(wanted) | self.search(
            [("is_running", "=", True)]
        ).mapped("company_id")
        for company in companies:
            row = self.search([("company_id", "=", company.id)])
            if not any(self._months(company).values()):
                row.is_running = False
                continue
            row = row or self.create({"company_id": company.id})
            rested = self.env.cr.now() - PAUSE
            if not row.is_running and (not row.ended_at or row.ended_at < rested):
                row.write(
                    {
                        "at_address": 0,
                        "is_running": True,
                        "begun_at": self.env.cr.now(),
                    }
                )
        return self.search([("is_running", "=", True)])

    def _step(self, row):
        """Some addresses further: their floors first, then their mail, bit by bit."""
        write = self.env["crm.mail.mirror.sync"]._in_transaction
        floors, last = write(lambda env: env[self._name].browse(row)._raise_floors())
        company = write(lambda env: env[self._name].browse(row).company_id.id)
        below = write(
            lambda env: env[self._name]._copies_below(
                env["res.company"].browse(company), floors
            )
        )
        for rows in SLICE.of(below):
            write(lambda env, rows=rows: env[self._name].browse(row)._purge(rows))
        write(lambda env: env[self._name].browse(row)._passed(last))

    def _raise_floors(self):
        """Floors for some addresses; pages that were decided without are waited for."""
        # written, not only locked: who changes the setting from now on meets a row that
        # is another one, begins again, and finds these floors
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_retention SET at_address = at_address
                WHERE id = %s AND is_running RETURNING id""",
            [self.id],
        )
        if not self.env.cr.fetchone():
            return self._add_floors(self.company_id, {}), None
        company = self.company_id
        by_origin, last = self._floors(company, self._months(company), self.at_address)
        if any(by_origin.values()):
            self.env.cr.execute("SELECT pg_advisory_xact_lock(%s)", [FLOORS_LOCK])
            self.env.cr.execute("SELECT pg_advisory_xact_lock(%s)", [WRITERS_LOCK])
        return self._add_floors(company, by_origin), last

    def _purge(self, rows):
        """A few mails, in a transaction of their own.

        :param rows: of ``_copies_below``
        """
        review = self.env["crm.mail.mirror.review"]
        for mailbox in sorted({mailbox for _copy, mailbox in rows}):
            review._hold(self.env["crm.mail.mirror.mailbox"].browse(mailbox))
        began = time.monotonic()
        for mailbox, decisions in self._judge_below(rows):
            gone = [(copy, why) for copy, why in decisions if lapses(why)]
            if gone:
                review._apply(mailbox, gone)
        SLICE.took(len(rows), time.monotonic() - began)

    def _passed(self, last):
        # unless the setting was changed meanwhile: then it begins anew
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_retention SET %s WHERE id = %s AND is_running
                """,
                SQL("at_address = %s", last)
                if last is not None
                else SQL("is_running = FALSE, ended_at = now() AT TIME ZONE 'UTC'"),
                self.id,
            )
        )
        self.invalidate_recordset()

    # ---- the setting is changed -----------------------------------------------------

    @api.model
    def _setting_changed(self, company, before):
        """A company's months are others now.

        Less, or some where there were none: what is over goes. None any more: its
        floors are lifted, and the mailboxes are looked through again.

        :param before: ``{origin: months}``
        """
        now = self._months(company)
        suppressions = self.env["crm.mail.mirror.suppression"]
        lifted = sum(
            suppressions._lift("lapsed", company=company, origin=origin)
            for origin in now
            if before[origin] and not now[origin]
        )
        if lifted:
            mailboxes = self.env["crm.mail.mirror.mailbox"].sudo()
            mailboxes = mailboxes.search([("company_id", "=", company.id)])
            self.env["crm.mail.mirror.change"]._announce(
                self.env._("Mail is kept for ever again"),
                mailboxes.filtered(lambda mailbox: mailbox.state != "draft"),
                narrows=False,
                relist=True,
                requeue=(Reason.RETENTION,),
                user=self.env["res.users"],
            )
        # begin anew, with the first address
        rows = self.sudo().search([("company_id", "=", company.id)])
        rows.write({"is_running": False, "ended_at": False})
        if any(now.values()):
            trigger(self.env, "retention")
