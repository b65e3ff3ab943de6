# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What rule or setting was changed, how far is it applied, and can it be undone?

A row is written in the transaction of the change itself; a job applies it, mailbox by
mailbox, in steps so short that nobody waits for them.
"""

import time
from dataclasses import dataclass

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.rules import Policy
from .crm_mail_mirror_review import changes

#: Days in which a change can be undone: so long the rows it took away are kept.
UNDO_DAYS = 7
#: Mails judged in one step, without any lock; and mails that one transaction writes.
STEP, SLICE = 1000, 50
#: Seconds of work in one run of the job.
BUDGET = 20.0


class CrmMailMirrorChange(models.Model):
    _name = "crm.mail.mirror.change"
    _description = "Change of Rules"
    _rec_name = "title"
    _order = "id desc"

    title = fields.Char(required=True, readonly=True)
    # empty: the company's, which administrators see
    user_id = fields.Many2one(
        comodel_name="res.users", readonly=True, index=True, ondelete="cascade"
    )
    state = fields.Selection(
        selection=[
            ("waiting", "Begins in a moment"),
            ("running", "Being applied"),
            ("done", "Applied"),
            ("undone", "Undone"),
        ],
        required=True,
        readonly=True,
        default="waiting",
        index=True,
    )
    progress_done = fields.Integer(readonly=True)
    progress_total = fields.Integer(readonly=True)
    removed_count = fields.Integer(string="Removed", readonly=True)
    back_count = fields.Integer(string="Looked for again", readonly=True)
    ended_at = fields.Datetime(string="Applied at", readonly=True)

    # what is to be done, for the job alone
    mailbox_ids = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    narrows = fields.Boolean(readonly=True, groups=fields.NO_ACCESS)
    among = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    terms = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    relist = fields.Boolean(readonly=True, groups=fields.NO_ACCESS)
    requeue = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    undo = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    # where the job stands: this mailbox, and the last copy of it that was judged
    at_mailbox = fields.Integer(readonly=True, groups=fields.NO_ACCESS)
    at_copy = fields.Integer(readonly=True, groups=fields.NO_ACCESS)

    @api.model
    def _announce(
        self,
        title,
        scope_mailboxes,
        narrows,
        terms=None,
        relist=False,
        requeue=(),
        undo=None,
        among=None,
        user=None,
    ):
        """A rule or setting was changed in this transaction: apply it to the past.

        :param title: what was changed, in words
        :param scope_mailboxes: those whose rules changed. Of one owner: the change is
            that owner's; of several: the company's
        :param narrows: mail that is mirrored may have to go
        :param terms: ``{"addresses": [...], "domains": [...], "words": [...]}`` that
            the provider is searched for
        :param relist: the mailbox is listed again from the beginning
        :param requeue: reasons for which mail was kept out that may come in now
        :param undo: what undoes it: see ``_undo``
        :param among: terms (as above) without which no mail has to go; None: any may
        :param user: whose change it is, if the mailboxes do not tell; an empty record:
            the company's
        """
        mailboxes = scope_mailboxes.sudo()
        if user is None:
            owners = mailboxes.user_id
            user = owners if len(owners) == 1 else owners.browse()
        change = self.sudo().create(
            {
                "title": title,
                "user_id": user.id,
                "mailbox_ids": sorted(mailboxes.ids),
                "narrows": narrows,
                "among": among or False,
                "terms": terms or False,
                "relist": relist,
                "requeue": [str(reason) for reason in requeue] or False,
                "undo": undo or False,
            }
        )
        self._trigger()
        return change

    @api.model
    def _trigger(self):
        cron = self.env.ref("crm_mail_mirror.ir_cron_changes", raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger()

    # ---- the job --------------------------------------------------------------------

    @api.model
    def _cron_changes(self):
        """One run of the job."""
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=0)
        if self._run():
            cron.browse(self.env.context.get("cron_id"))._trigger()

    @api.model
    def _run(self, budget=BUDGET):
        """Apply what was changed, by turns, until all is done or time is up.

        :return: whether anything is left
        """
        end, sync = time.monotonic() + budget, self.env["crm.mail.mirror.sync"]
        while True:
            ids = sync._write(lambda env: env[self._name]._open().ids)
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
        write = self.env["crm.mail.mirror.sync"]._write
        seen = write(lambda env: env[self._name].browse(change)._look())
        if not seen:
            return
        for start in range(0, len(seen.hits), SLICE):
            bite = seen.hits[start : start + SLICE]
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
        elif self.at_mailbox != mailbox.id:
            # a page that began under the rules before is waited for; whatever comes
            # after it finds that the rules changed
            self.env["crm.mail.mirror.review"]._hold(mailbox)
            at_copy = 0 if self.narrows else JUDGED
            self.write(
                {"state": "running", "at_mailbox": mailbox.id, "at_copy": at_copy}
            )
        elif self.at_copy == JUDGED:
            self._widen(mailbox)
        else:
            stamp, policy = mailbox._policy_stamp(), mailbox._policy()
            judged = self.env["crm.mail.mirror.review"]._judge_rows(
                mailbox, policy, _where(self.among), self.at_copy, STEP
            )
            hits = [row["id"] for row, decision in judged if changes(row, decision)]
            last = judged[-1][0]["id"] if len(judged) == STEP else JUDGED
            return _Seen(mailbox.id, stamp, policy, hits, last, len(judged))
        return None

    def _mailbox(self):
        """The mailbox at hand; empty when all are done."""
        ids = [box for box in self.mailbox_ids or () if box >= self.at_mailbox]
        return self.env["crm.mail.mirror.mailbox"].browse(ids).exists()[:1]

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
        where = SQL("c.id = ANY(%s)", copies)
        decisions = review._judge(mailbox, seen.policy, where, limit=len(copies))
        self.removed_count += review._apply(mailbox, decisions, seen.policy)
        return True

    def _passed(self, seen):
        self.write(
            {"at_copy": seen.last, "progress_done": self.progress_done + seen.count}
        )

    def _widen(self, mailbox):
        """What may come in again: of the last days at once, what is older is sought."""
        self.env["crm.mail.mirror.suggestion"]._prune(mailbox)
        if self.requeue:
            review = self.env["crm.mail.mirror.review"]
            count = review._requeue(mailbox, self.requeue, limit=STEP)
            self.back_count += count
            if count == STEP:
                return
        if self.relist:
            mailbox._list_again()
        elif self.terms:
            self.env["crm.mail.mirror.search"]._ask(
                mailbox, **self.terms, reason="rule"
            )
        self.at_mailbox = mailbox.id + 1


#: ``at_copy`` when all mail of the mailbox at hand is judged.
JUDGED = -1


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


def _where(among):
    """A condition on the copy ``c``: one of these addresses or domains is on it."""
    if not among or among.get("words"):
        return SQL("TRUE")
    domains = list(among.get("domains") or ())
    return SQL(
        """c.message_id IN (
               SELECT q.message_id FROM crm_mail_mirror_participant q
                WHERE q.address_id IN (
                      SELECT id FROM crm_mail_mirror_address
                       WHERE email_normalized = ANY(%s) OR domain = ANY(%s)
                          OR domain LIKE ANY(%s)))""",
        list(among.get("addresses") or ()),
        domains,
        [f"%.{domain}" for domain in domains],
    )
