# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is all of the mailbox here? What was counted, what was compared, what came of it."""

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, format_time

from .crm_mail_mirror_audit import in_words

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
    mirrored_count = fields.Integer(compute="_compute_counts", compute_sudo=True)
    seen_count = fields.Integer(compute="_compute_counts", compute_sudo=True)
    ledger = fields.Char(compute="_compute_counts", compute_sudo=True)
    compared = fields.Char(compute="_compute_compared", compute_sudo=True)
    proof = fields.Char(compute="_compute_compared", compute_sudo=True)
    audit_ids = fields.One2many(
        comodel_name="crm.mail.mirror.audit", inverse_name="mailbox_id", readonly=True
    )
    tally_ids = fields.One2many(
        comodel_name="crm.mail.mirror.tally", inverse_name="mailbox_id", readonly=True
    )

    # ---- one line -------------------------------------------------------------------

    @api.depends_context("lang")
    def _compute_counts(self):
        totals = {}
        for mailbox, state, count in self.env["crm.mail.mirror.day"]._read_group(
            [("mailbox_id", "in", self.ids)], ["mailbox_id", "state"], ["count:sum"]
        ):
            totals.setdefault(mailbox.id, {})[state] = count
        labels = dict(
            self.env["crm.mail.mirror.copy"]
            ._fields["state"]
            ._description_selection(self.env)
        )
        for mailbox in self:
            by_state = totals.get(mailbox.id, {})
            mailbox.mirrored_count = by_state.get("mirrored", 0)
            mailbox.seen_count = sum(by_state.values())
            parts = [
                f"{in_words(self.env, count)} {labels[state].lower()}"
                for state, count in sorted(by_state.items(), key=lambda i: -i[1])
                if count
            ]
            mailbox.ledger = mailbox.seen_count > 0 and self.env._(
                "%(seen)s seen = %(parts)s",
                seen=in_words(self.env, mailbox.seen_count),
                parts=" + ".join(parts),
            )

    @api.depends("ledger")
    @api.depends_context("lang", "tz")
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
        if count == 1:
            missing = self.env._("one was missing and is back")
        elif count:
            missing = self.env._(
                "%(count)s were missing and are back", count=in_words(self.env, count)
            )
        else:
            missing = self.env._("0 missing")
        unread = sum(audit.unread for audit in found)
        if unread:
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
        self.sudo().write({"next_sync_at": fields.Datetime.now()})
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
