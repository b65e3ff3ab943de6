# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is all of the mailbox here? What was counted, what was compared, what came of it.

Its owner is told exactly. Administrators, who can make a rule, look, and take it back,
are told tens (``few.py``).
"""

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, format_time

from .crm_mail_mirror_audit import in_words
from .few import FEW, tens

#: What owners call where their mail lies.
_PLACES = {"gmail": "Gmail", "microsoft": "Microsoft"}


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    # while all its mail is listed: for the first time, or again
    listing = fields.Selection(
        selection=[("first", "First import"), ("again", "Once more")],
        default="first",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
    )
    # places up to this one were there when that began
    listing_mark = fields.Integer(
        default=0, readonly=True, copy=False, groups=fields.NO_ACCESS
    )
    # to its owner; to others in tens, and the same in words
    mirrored_count = fields.Integer(compute="_compute_counts", compute_sudo=True)
    seen_count = fields.Integer(compute="_compute_counts", compute_sudo=True)
    mirrored_told = fields.Char(
        compute="_compute_counts", compute_sudo=True, string="Mirrored"
    )
    seen_told = fields.Char(compute="_compute_counts", compute_sudo=True, string="Seen")
    ledger = fields.Char(compute="_compute_counts", compute_sudo=True)
    compared = fields.Char(compute="_compute_compared", compute_sudo=True)
    proof = fields.Char(compute="_compute_compared", compute_sudo=True)
    # of a listing that is under way, in percent
    progress = fields.Integer(
        compute="_compute_progress", compute_sudo=True, string="Import"
    )
    audit_ids = fields.One2many(
        comodel_name="crm.mail.mirror.audit", inverse_name="mailbox_id", readonly=True
    )
    tally_ids = fields.One2many(
        comodel_name="crm.mail.mirror.tally", inverse_name="mailbox_id", readonly=True
    )

    # ---- one line -------------------------------------------------------------------

    @api.depends_context("uid", "lang")
    def _compute_counts(self):
        totals = {}
        for mailbox, state, count in self.env["crm.mail.mirror.day"]._read_group(
            [("mailbox_id", "in", self.ids)], ["mailbox_id", "state"], ["count:sum"]
        ):
            totals.setdefault(mailbox.id, {})[state] = count
        for mailbox in self:
            by_state = totals.get(mailbox.id, {})
            seen, mirrored = sum(by_state.values()), by_state.get("mirrored", 0)
            if mailbox._is_told_exactly():
                mailbox.seen_count, mailbox.mirrored_count = seen, mirrored
                mailbox.seen_told = in_words(self.env, seen)
                mailbox.mirrored_told = in_words(self.env, mirrored)
            else:
                mailbox.seen_count, mailbox.mirrored_count = tens(seen), tens(mirrored)
                mailbox.seen_told = self._about(seen)
                mailbox.mirrored_told = self._about(mirrored)
            mailbox.ledger = mailbox._ledger_told(by_state)

    def _is_told_exactly(self):
        return self.env.uid in (self.user_id.id, SUPERUSER_ID)

    def _about(self, count):
        """A number of mails, to who is not their owner."""
        if count < FEW:
            return self.env._("fewer than %(few)s", few=FEW)
        return self.env._("about %(count)s", count=in_words(self.env, tens(count)))

    def _ledger_told(self, by_state):
        """:param by_state: ``{state: mails}``"""
        is_exact, seen = self._is_told_exactly(), sum(by_state.values())
        labels = dict(
            self.env["crm.mail.mirror.copy"]
            ._fields["state"]
            ._description_selection(self.env)
        )
        # of others, a state with few mails is as one without any
        parts = [
            f"{in_words(self.env, count if is_exact else tens(count))}"
            f" {labels[state].lower()}"
            for state, count in sorted(by_state.items(), key=lambda i: -i[1])
            if count >= (1 if is_exact else FEW)
        ]
        if is_exact:
            return seen > 0 and self.env._(
                "%(seen)s seen = %(parts)s",
                seen=in_words(self.env, seen),
                parts=" + ".join(parts),
            )
        if not parts:
            return self.env._("%(count)s seen", count=self._about(seen))
        return self.env._(
            "%(count)s seen, among them about %(parts)s",
            count=self._about(seen),
            parts=", ".join(parts),
        )

    @api.depends("progress_done", "progress_total")
    def _compute_progress(self):
        for mailbox in self:
            done, total = mailbox.progress_done, mailbox.progress_total
            mailbox.progress = 100 * done // total if done < total else 0

    @api.depends("ledger")
    @api.depends_context("uid", "lang", "tz")
    def _compute_compared(self):
        last = {}
        for audit in self.env["crm.mail.mirror.audit"].search(
            [("mailbox_id", "in", self.ids), ("state", "=", "done")],
            order="ended_at",
        ):
            last[audit.mailbox_id.id, audit.kind] = audit
        for mailbox in self:
            mailbox.compared = mailbox._last_compared(
                last.get((mailbox.id, "week")), last.get((mailbox.id, "all"))
            )
            parts = filter(None, (mailbox.ledger, mailbox.compared))
            mailbox.proof = "; ".join(parts) or False

    def _last_compared(self, week, everything):
        """When was it compared, and what was missing then?"""
        found = [audit for audit in (week, everything) if audit]
        if not found:
            return False
        count = sum(audit.missing for audit in found)
        is_exact = self._is_told_exactly()
        if count and not is_exact:
            missing = self.env._("some were missing and are back")
        elif count == 1:
            missing = self.env._("one was missing and is back")
        elif count:
            missing = self.env._(
                "%(count)s were missing and are back", count=in_words(self.env, count)
            )
        else:
            missing = self.env._("0 missing")
        unread = sum(audit.unread for audit in found)
        if unread and not is_exact:
            missing = self.env._(
                "%(missing)s, some could not be read yet", missing=missing
            )
        elif unread:
            missing = self.env._(
                "%(missing)s, %(count)s could not be read yet",
                missing=missing,
                count=in_words(self.env, unread),
            )
        words = {
            "where": _PLACES.get(self.provider) or self.env._("the mailbox"),
            "week": week and self._when(week),
            "all": everything and self._when(everything),
            "missing": missing,
        }
        if week and everything:
            return self.env._(
                "last 7 days compared with %(where)s %(week)s, all of it %(all)s:"
                " %(missing)s",
                **words,
            )
        if week:
            return self.env._(
                "last 7 days compared with %(where)s %(week)s: %(missing)s", **words
            )
        return self.env._(
            "all of it compared with %(where)s %(all)s: %(missing)s", **words
        )

    def _when(self, audit):
        """``last night``, ``today at 14:05``, ``on 14 November``"""
        ended = fields.Datetime.context_timestamp(self, audit.ended_at)
        today = fields.Datetime.context_timestamp(self, fields.Datetime.now()).date()
        if ended.date() != today:
            day = format_date(self.env, ended.date(), date_format="d MMMM")
            return self.env._("on %(day)s", day=day)
        if audit.why in ("night", "month"):
            return self.env._("last night")
        time = format_time(self.env, ended.time(), time_format="short")
        return self.env._("today at %(time)s", time=time)

    # ---- what the owner asks for ----------------------------------------------------

    def action_audit_week(self):
        """Compare the last seven days with the mailbox now."""
        self._ask_for_audit("week")
        self.sudo().write({"next_sync_at": self.env.cr.now()})
        self.env["crm.mail.mirror.sync"]._trigger()
        return self._notify(
            self.env._("On its way"),
            self.env._("The last seven days are compared with the mailbox."),
        )

    def action_audit_all(self):
        """Compare everything with the mailbox: it is listed again and judged anew."""
        for audit in self._ask_for_audit("all"):
            if audit.state == "waiting":
                audit._begin_all()
        return self._notify(
            self.env._("On its way"),
            self.env._("The whole mailbox is compared, in the background."),
        )

    def action_list_again(self):
        """Look through the whole mailbox again: for contacts that came later."""
        return self.action_audit_all()

    def action_why(self):
        """Ask why a mail of this mailbox is here, or not."""
        self._check_owner()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_mail_mirror.crm_mail_mirror_why_action"
        )
        return {**action, "context": {"default_mailbox_id": self.id}}

    def _ask_for_audit(self, kind):
        for mailbox in self:
            mailbox._check_owner()
            if mailbox.state != "active":
                raise UserError(self.env._("Connect this mailbox first."))
        return self.env["crm.mail.mirror.audit"]._ask(self, kind, "owner")

    def action_ledger_by_day(self):
        """The log of one mailbox, day by day, with the reasons."""
        self._check_owner()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "crm_mail_mirror.crm_mail_mirror_day_action"
        )
        return {**action, "domain": [("mailbox_id", "=", self.id)]}
