# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What rule or setting was changed, how far is it applied, and can it be undone?

A row is written in the transaction of the change itself; a job applies it, mailbox by
mailbox, in steps so short that nobody waits for them.
"""

import re
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .change_sentences import change_title, rules_title
from .change_terms import NONE, more_terms, reasons_of, without
from .crm_mail_mirror_erasure import mask
from .few import others_of, told_number
from .jobs import trigger

#: Days in which a change can be undone: so long the rows it took away are kept.
UNDO_DAYS = 7


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
    progress_done = fields.Integer(readonly=True, groups=fields.NO_ACCESS)
    progress_total = fields.Integer(readonly=True, groups=fields.NO_ACCESS)
    progress = fields.Integer(string="How far", compute="_compute_progress")
    removed = fields.Char(compute="_compute_numbers")
    back = fields.Char(compute="_compute_numbers", string="Read again")
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
    # mails that went, and that are read again: {owner id: how many}
    removed_of = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    back_of = fields.Json(readonly=True, groups=fields.NO_ACCESS)
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
        trigger(self.env, "changes")
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
        among = more_terms(change.among, narrowing + renaming)
        terms = more_terms(change.terms, widening)
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

    @api.depends("progress_done", "progress_total", "state", "at_mailbox")
    def _compute_progress(self):
        for change, raw in zip(self, self.sudo(), strict=True):
            done, total = raw.progress_done, raw.progress_total
            if not change.user_id:
                # in mailboxes: mails are a number of others
                boxes = raw.mailbox_ids or ()
                done = sum(box < raw.at_mailbox for box in boxes)
                total = len(boxes)
            is_over = change.state in ("done", "undone")
            change.progress = 100 if is_over else 100 * done // max(done, total, 1)

    @api.depends("removed_of", "back_of", "narrows", "requeue", "state")
    @api.depends_context("uid", "lang")
    def _compute_numbers(self):
        for change, raw in zip(self, self.sudo(), strict=True):
            begun = change.state != "waiting"
            change.removed = begun and raw.narrows and change._told(raw.removed_of)
            change.back = begun and raw.requeue and change._told(raw.back_of)

    def _told(self, counts):
        """A number: of the company's mail, what administrators may know of it."""
        total = sum((counts or {}).values())
        if self.user_id:
            return f"{total:,}"
        if max(self.sudo().added_count, self.sudo().former_count) > 1:
            # the sum would tell of the few mails of one, beside those of another
            return self.env._("not told of several rules at once")
        return told_number(self.env, total, others_of(counts, self.env.uid))

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

    @api.model
    def _forget_mailbox(self, mailbox):
        """It becomes another's: its owner undoes nothing there any more."""
        for change in self.search([("user_id", "=", mailbox.user_id.id)]):
            undo = change.undo or {}
            target = (undo.get("write") or undo.get("call") or [])[:2]
            if target == [mailbox._name, mailbox.id]:
                change.undo = False

    @api.model
    def _forget(self, emails):
        """Addresses are erased: they are in clear in no change any more.

        Their mail is gone, so that nothing is left to be applied to it. What undoes a
        change brings no rule of theirs back.
        """
        self.flush_model()
        self.env.cr.execute(
            """SELECT id FROM crm_mail_mirror_change WHERE EXISTS (
                   SELECT 1 FROM unnest(%s) AS e(email) WHERE strpos(
                       concat_ws(' ', title, among, terms, undo), e.email) > 0)""",
            [list(emails)],
        )
        for change in self.browse(row[0] for row in self.env.cr.fetchall()):
            change.write(
                {
                    "title": _blotted(change.title, emails),
                    "among": without(change.among, emails),
                    "terms": without(change.terms, emails),
                    "undo": without(change.undo, emails),
                }
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


def _blotted(text, emails):
    """A text in which nobody can read these addresses."""
    for email in emails:
        whole = rf"(?<![\w.+-]){re.escape(email)}(?![\w-])"
        text = re.sub(whole, lambda _found, email=email: mask(email), text)
    return text
