# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What rule or setting was changed, how far is it applied, and can it be undone?

A row is written in the transaction of the change itself; a job applies it, mailbox by
mailbox, in steps so short that nobody waits for them.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..engine.domains import domain_of, lies_within
from ..engine.policy import Policy
from ..engine.reasons import Reason
from .change_sentences import change_title, rules_title
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_exclusion import WAVED_PAST
from .crm_mail_mirror_review import changes

#: Days in which a change can be undone: so long the rows it took away are kept.
UNDO_DAYS = 7
#: More rules than this at once: all mail is judged again, and listed again.
MOST_TERMS = 300
#: Mails judged in one step, without any lock; and mails that one transaction writes.
STEP, SLICE = 1000, 50
#: Seconds of work in one run of the job.
BUDGET = 20.0
#: ``at_copy`` before the mailbox at hand is begun, before its mail is judged, and after
#: all of it is.
BEGIN, REQUEUE, JUDGED = -3, -2, -1
#: No terms at all; an empty dict would not be stored, and stands for any.
NONE = {"addresses": []}
#: Kinds of rules as terms that a mailbox can be searched for.
TERMS = {"address": "addresses", "domain": "domains", "word": "words"}
#: For which reasons mail was kept out that rules of a kind kept out.
REASONS = {
    "address": (Reason.EXCLUDED_ADDRESS,),
    "domain": (Reason.EXCLUDED_DOMAIN,),
    "word": (Reason.PRIVATE_WORD,),
}


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
    progress = fields.Integer(string="How far", compute="_compute_progress")
    removed_count = fields.Integer(string="Removed", readonly=True)
    back_count = fields.Integer(string="Read again", readonly=True)
    ended_at = fields.Datetime(string="Applied at", readonly=True)
    may_undo = fields.Boolean(compute="_compute_may_undo")

    # what is to be done, for the job alone
    mailbox_ids = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    narrows = fields.Boolean(readonly=True, groups=fields.NO_ACCESS)
    among = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    terms = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    relist = fields.Boolean(readonly=True, groups=fields.NO_ACCESS)
    requeue = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    undo = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    rule_ids = fields.One2many(
        comodel_name="crm.mail.mirror.exclusion",
        inverse_name="change_id",
        groups=fields.NO_ACCESS,
    )
    added_count = fields.Integer(readonly=True, groups=fields.NO_ACCESS)
    former_count = fields.Integer(readonly=True, groups=fields.NO_ACCESS)
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
        :param undo: what undoes it: ``{"write": [model, id, values as they were]}`` or
            ``{"call": [model, id, method, arguments]}``
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
                "among": among,
                "terms": terms,
                "relist": relist,
                "requeue": [str(reason) for reason in requeue] or False,
                "undo": undo,
            }
        )
        self._trigger()
        return change

    @api.model
    def _announce_rules(self, user, mailboxes, rules, former):
        """Rules of one scope were made, changed or removed in this transaction.

        However many they are, and however many calls they came in: one row.

        :param user: whose they are; empty: everybody's
        :param mailboxes: those they are for
        :param former: rules that are no more, by value
        """
        if not mailboxes:
            return self.browse()
        added = [rule._values() for rule in rules]
        narrowing = [v for v in added if v["effect"] == "never"]
        narrowing += [v for v in former if v["effect"] == "always"]
        # mirrored as before, but by another right
        renaming = [v for v in added if v["effect"] == "always"]
        widening = [v for v in former if v["effect"] == "never"] + renaming
        change = self._of_this_transaction(user)
        if not change:
            change = self._announce("", mailboxes, False, user=user)
            change.write({"among": NONE, "terms": NONE, "undo": {"create": []}})
        among = _terms(change.among, narrowing + renaming)
        terms = _terms(change.terms, widening)
        reasons = set(change.requeue or ())
        for values in widening:
            reasons |= set(reasons_of(values))
        count = change.added_count + len(added), change.former_count + len(former)
        title = rules_title(self.env, *count)
        if change.added_count + change.former_count == 0:
            title = change_title(self.env, added, former)
        elif count == (1, 1):
            title = change.title  # it counts for others now
        change.write(
            {
                "title": title,
                "mailbox_ids": sorted({*change.mailbox_ids, *mailboxes.ids}),
                "narrows": change.narrows or bool(narrowing or renaming),
                "among": among,
                "terms": terms,
                "relist": terms is None,
                "requeue": sorted(map(str, reasons)),
                "undo": {"create": change.undo["create"] + former},
                "added_count": count[0],
                "former_count": count[1],
            }
        )
        rules.sudo().write({"change_id": change.id})
        return change

    def _of_this_transaction(self, user):
        """What was announced of rules in the same transaction."""
        self.flush_model()
        self.env.cr.execute(
            """SELECT id FROM crm_mail_mirror_change
                WHERE create_date = now() AT TIME ZONE 'UTC' AND create_uid = %s
                  AND user_id IS NOT DISTINCT FROM %s AND undo ? 'create'""",
            [self.env.uid, user.id or None],
        )
        return self.sudo().browse(row[0] for row in self.env.cr.fetchall())[:1]

    @api.depends("progress_done", "progress_total", "state")
    def _compute_progress(self):
        for change in self:
            done, total = change.progress_done, change.progress_total
            is_over = change.state in ("done", "undone")
            change.progress = 100 if is_over else 100 * done // max(done, total, 1)

    # ---- undo -----------------------------------------------------------------------

    @api.depends("state", "user_id")
    @api.depends_context("uid")
    def _compute_may_undo(self):
        since = fields.Datetime.now() - timedelta(days=UNDO_DAYS)
        for change in self:
            change.may_undo = (
                change.state != "undone"
                and bool(change.sudo().undo)
                and change.create_date >= since
                and change._is_mine()
            )

    def _is_mine(self):
        if self.user_id:
            return self.user_id == self.env.user
        return self.env["crm.mail.mirror.mailbox"]._is_administrator()

    def action_undo(self):
        """Rules or settings become as they were; what went is brought back."""
        for change in self:
            if not change._is_mine():
                raise AccessError(self.env._("Only who changed it may undo it."))
            if not change.may_undo:
                raise UserError(
                    self.env._("A change can be undone once, within seven days.")
                )
            change.sudo().state = "undone"
            change._undo(change.sudo().undo)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _undo(self, undo):
        """With the rights of the user: each step is announced like any other."""
        if "write" in undo:
            model, record, values = undo["write"]
            self.env[model].browse(record).exists().write(values)
            return
        if "call" in undo:
            model, record, method, args = undo["call"]
            for each in self.env[model].browse(record).exists():
                getattr(each, method)(*args)
            return
        rules = self.env["crm.mail.mirror.exclusion"]
        rules.browse(self.sudo().rule_ids.ids).unlink()
        rules.create(
            [
                values
                for values in undo["create"]
                if not rules.search_count(
                    [(name, "=", values[name] or False) for name in values], limit=1
                )
            ]
        )

    @api.autovacuum
    def _gc_changes(self):
        """What can not be undone any more is nobody's interest."""
        old = self.search(
            [
                ("state", "in", ("done", "undone")),
                ("create_date", "<", f"-{UNDO_DAYS}d"),
            ],
            limit=1000,
        )
        old.unlink()
        return len(old), len(old) == 1000

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
        elif self.state == "waiting":
            self._begin()
        elif self.at_mailbox != mailbox.id or self.at_copy == BEGIN:
            # a page that began under the rules before is waited for; whatever comes
            # after it finds that the rules changed
            self.env["crm.mail.mirror.review"]._hold(mailbox)
            self.write({"at_mailbox": mailbox.id, "at_copy": REQUEUE})
            self._take_back(mailbox)
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
        if self.narrows and self._is_covered():
            self.narrows = False
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

    def _is_covered(self):
        """Does a later change judge the same mail, or more? Rules are today's."""
        later = self.search(
            [
                ("id", ">", self.id),
                ("state", "=", "waiting"),
                ("narrows", "=", True),
                ("user_id", "=", self.user_id.id),
            ]
        )
        return any(
            not other.among and set(self.mailbox_ids) <= set(other.mailbox_ids)
            for other in later
        )

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
        where = SQL("c.id = ANY(%s)", copies)
        decisions = review._judge(mailbox, seen.policy, where, limit=len(copies))
        self.removed_count += review._apply(mailbox, decisions, seen.policy)
        return True

    def _passed(self, seen):
        if not self._is_open():
            return
        self.write(
            {"at_copy": seen.last, "progress_done": self.progress_done + seen.count}
        )
        if seen.last == JUDGED:
            self._widen(self.env["crm.mail.mirror.mailbox"].browse(seen.mailbox))

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
            self.back_count += count
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


def _terms(terms, rules):
    """Terms, and those of more rules; None when they are too many to be looked for."""
    if not terms:
        return None
    terms = {name: set(values) for name, values in terms.items()}
    for rule in rules:
        terms.setdefault(TERMS[rule["kind"]], set()).add(rule["value"])
    if sum(map(len, terms.values())) > MOST_TERMS:
        return None
    return {name: sorted(values) for name, values in terms.items()}


def where_among(among):
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


def reasons_of(rule):
    """Why mail was kept out that comes in by the removal of a rule, or by a new one.

    :param rule: by value
    """
    return WAVED_PAST if rule["effect"] == "always" else REASONS[rule["kind"]]


def traced(env, terms):
    """A condition on the copy ``c``: one of the terms is on it, or may be.

    Traces are of people from outside; what is ours, or a word, leaves none.
    """
    terms = terms or {}
    addresses, domains = terms.get("addresses", ()), terms.get("domains", ())
    directory = env["crm.mail.mirror.directory"]
    own = directory._own_domains()
    if (
        terms.get("words")
        or not (addresses or domains)
        or directory._own_among(addresses)
        or any(lies_within(domain, own) for domain in domains)
        or any(lies_within(domain_of(email), own) for email in addresses)
    ):
        return SQL("TRUE")
    return SQL(
        """c.id IN (SELECT copy_id FROM crm_mail_mirror_trace
                     WHERE digest = ANY(%s) AND kind IN ('address', 'domain'))""",
        [
            digest
            for term in (*addresses, *(f"@{domain}" for domain in domains))
            for digest in keyring().digests("trace", term)
        ],
    )
