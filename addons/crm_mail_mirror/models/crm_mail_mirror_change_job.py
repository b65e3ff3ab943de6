# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is a change of rules applied to the mail that is here? In short steps.

What is judged is judged without a lock; what goes is judged once more, a few mails at a
time, while no page and no contact can come between.
"""

import time
from dataclasses import dataclass

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.policy import Policy
from .change_terms import traced, where_among
from .crm_mail_mirror_review import changes
from .few import more_of
from .jobs import BUDGET, one_run
from .slice import Slice

#: Mails judged in one step, without any lock; and mails that one transaction writes.
STEP, SLICE = 1000, Slice()
#: ``at_copy`` before the mailbox at hand is begun, while what was kept out gets its new
#: reason, before its mail is judged, and after all of it is.
BEGIN, SAYING, REQUEUE, JUDGED = -3, -4, -2, -1


class CrmMailMirrorChange(models.Model):
    _name = "crm.mail.mirror.change"
    _inherit = ["crm.mail.mirror.change"]

    @api.model
    def _cron_changes(self):
        """One run of the job."""
        one_run(self.env, self._run)

    @api.model
    def _run(self, budget=BUDGET):
        """Apply what was changed, by turns, until all is done or time is up.

        :return: whether anything is left
        """
        end = time.monotonic() + budget
        sync = self.env["crm.mail.mirror.sync"]
        while True:
            ids = sync._in_transaction(lambda env: env[self._name]._open().ids)
            if not ids:
                return False
            for change in ids:
                if time.monotonic() > end:
                    return True
                self._step(change)

    def _open(self):
        return self.search([("state", "in", ("waiting", "running"))], order="id")

    def _step(self, change):
        """One step of one change: a mailbox begun, judged a bit further, or left.

        :param change: its id
        """
        write = self.env["crm.mail.mirror.sync"]._in_transaction
        seen = write(lambda env: env[self._name].browse(change)._look())
        if not seen:
            return
        for bite in SLICE.of(seen.hits):
            if not write(
                lambda env, bite=bite: (
                    env[self._name].browse(change)._narrow(seen, bite)
                )
            ):
                return  # the rules changed again: judged once more
        write(lambda env: env[self._name].browse(change)._passed(seen))

    def _is_open(self):
        return bool(self.exists()) and self.state in ("waiting", "running")

    def _look(self):
        """Judge a bit further, without any lock. :rtype: _Seen, or None"""
        if not self._is_open():
            return None
        mailbox = self._mailbox()
        if not mailbox:
            self.write({"state": "done", "ended_at": fields.Datetime.now()})
        elif self.state == "waiting":
            self._begin()
        elif self.at_mailbox != mailbox.id or self.at_copy == BEGIN:
            # a page that began under the rules before is waited for; whatever comes
            # after it finds that the rules changed
            self.write({"at_mailbox": mailbox.id, "at_copy": SAYING})
            self._say(mailbox)
        elif self.at_copy == SAYING:
            self._say(mailbox)
        elif self.at_copy == REQUEUE:
            self._take_back(mailbox)
        elif self.at_copy == JUDGED:
            self._widen(mailbox)
        else:
            stamp, policy = mailbox._policy_stamp(), mailbox._policy()
            judged = self.env["crm.mail.mirror.review"]._judge_rows(
                mailbox, policy, where_among(self.among), self.at_copy, STEP
            )
            hits = [
                row["id"] for row, decision in judged if changes(row, decision, policy)
            ]
            last = judged[-1][0]["id"] if len(judged) == STEP else JUDGED
            return _Seen(mailbox.id, stamp, policy, hits, last, len(judged))
        return None

    def _begin(self):
        total = len(self.mailbox_ids)
        if self.narrows:
            self.env.cr.execute(
                SQL(
                    """SELECT count(*) FROM crm_mail_mirror_copy c
                        WHERE c.mailbox_id = ANY(%s) AND c.message_id IS NOT NULL
                          AND %s""",
                    self.mailbox_ids,
                    where_among(self.among),
                )
            )
            total += self.env.cr.fetchone()[0]
        self.write({"state": "running", "progress_total": total})

    def _mailbox(self):
        """The mailbox at hand; empty when all are done."""
        ids = [box for box in self.mailbox_ids or () if box >= self.at_mailbox]
        return self.env["crm.mail.mirror.mailbox"].search(
            [("id", "in", ids)], order="id", limit=1
        )

    def _narrow(self, seen, copies):
        """Take some mails away, in a transaction of their own.

        Judged once more while no page and no contact can come between.

        :return: False if the rules are others by now
        """
        if not self._is_open():
            return False
        mailbox = self.env["crm.mail.mirror.mailbox"].browse(seen.mailbox).exists()
        review = self.env["crm.mail.mirror.review"]
        review._hold(mailbox)
        if not mailbox or mailbox._policy_stamp() != seen.stamp:
            return False
        began = time.monotonic()
        where = SQL("c.id = ANY(%s)", copies)
        decisions = review._judge(mailbox, seen.policy, where, limit=len(copies))
        count = review._apply(mailbox, decisions, seen.policy)
        SLICE.took(len(copies), time.monotonic() - began)
        self.removed_of = more_of(self.removed_of, mailbox.user_id, count)
        return True

    def _passed(self, seen):
        if not self._is_open():
            return
        self.write(
            {"at_copy": seen.last, "progress_done": self.progress_done + seen.count}
        )
        if seen.last == JUDGED:
            self._widen(self.env["crm.mail.mirror.mailbox"].browse(seen.mailbox))

    def _say(self, mailbox):
        """A bit further; then what may come in is read again."""
        self.env["crm.mail.mirror.review"]._hold(mailbox)
        if self._say_why(mailbox, STEP) < STEP:
            self.at_copy = REQUEUE
            self._take_back(mailbox)

    def _take_back(self, mailbox):
        """What was kept out in the last days and may come in now is read again.

        Before any mail goes, so that what goes does not come back at once.
        """
        count = 0
        if self.requeue:
            where = SQL("TRUE") if self.relist else traced(self.env, self.terms)
            count = self.env["crm.mail.mirror.review"]._requeue(
                mailbox, self.requeue, where, STEP
            )
            self.back_of = more_of(self.back_of, mailbox.user_id, count)
        if count < STEP and self.narrows:
            self.at_copy = 0
        elif count < STEP:
            self._widen(mailbox)

    def _widen(self, mailbox):
        """What is older is looked for."""
        searches = self.env["crm.mail.mirror.search"]
        if mailbox.exists():
            self.env["crm.mail.mirror.suggestion"]._prune(mailbox)
            if self.relist:
                searches._list(mailbox.ids, "rule")
            elif self.terms:
                searches._ask(mailbox, **self.terms, reason="rule")
        self.write({"at_mailbox": mailbox.id + 1, "at_copy": BEGIN})
        self.progress_done += 1


@dataclass
class _Seen:
    """What one look at a mailbox found.

    :param stamp, policy: of the rules it was judged by
    :param hits: copies that become something else
    :param last: the copy it came to, or ``JUDGED``
    """

    mailbox: int
    stamp: tuple
    policy: Policy
    hits: list[int]
    last: int
    count: int
