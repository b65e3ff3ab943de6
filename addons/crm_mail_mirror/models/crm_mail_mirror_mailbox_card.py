# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What stands on the card of a mailbox? Said so that nobody has to guess."""

from odoo import api, fields, models
from odoo.tools import format_time

from ..engine.providers.base import COUNTED_ROLES
from .crm_mail_mirror_audit import in_words

#: Names on a card; the page of the mailbox has all.
NAMES = 5


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    state_sentence = fields.Char(compute="_compute_state_sentence")
    state_color = fields.Char(compute="_compute_state_sentence")
    folders_sentence = fields.Char(compute="_compute_card")
    rules_sentence = fields.Char(compute="_compute_card")
    viewers = fields.Json(compute="_compute_viewers", string="Who can see it")

    # ---- how it fares ---------------------------------------------------------------

    @api.depends(
        "state",
        "brake",
        "failure_count",
        "last_error",
        "last_sync_at",
        "next_sync_at",
        "progress_done",
        "progress_total",
    )
    @api.depends_context("uid", "lang", "tz")
    def _compute_state_sentence(self):
        for mailbox in self:
            color, said = None, None
            if mailbox.is_mine:
                color, said = mailbox._state_told()
            mailbox.state_color, mailbox.state_sentence = color, said

    def _state_told(self):
        """A colour and a sentence for the owner."""
        env, wrong = self.env, self.last_error_sentence or ""
        if self.state == "draft":
            if not self.last_sync_at:
                return "muted", env._("Not connected yet.")
            return "muted", env._(
                "Disconnected. Nothing new comes; what is in Odoo stays."
            )
        if self.state == "ready":
            return "info", env._(
                "Connected. Nothing of it is in Odoo before you start it."
            )
        if self.state == "paused":
            return "muted", env._(
                "Paused. Nothing new comes; on “Resume” it is caught up."
            )
        if self.state == "needs_login":
            return "danger", " ".join(
                filter(None, (env._("Needs you to sign in again."), wrong))
            )
        if self.state == "error":
            return "danger", " ".join(
                filter(None, (env._("Needs your administrator."), wrong))
            )
        return self._state_active(wrong)

    def _state_active(self, wrong):
        env = self.env
        if self.brake == "asked":
            return "warning", env._(
                "Needs your answer: much mail disappeared from it at once."
            )
        if self.failure_count and wrong:
            return "warning", env._(
                "%(problem)s Next try at %(time)s.",
                problem=wrong,
                time=self._time_of(self.next_sync_at),
            )
        if self.progress_total > self.progress_done:
            return "info", env._(
                "First import: %(done)s of %(total)s mails looked at.",
                done=in_words(env, self.progress_done),
                total=in_words(env, self.progress_total),
            )
        if not self.last_sync_at:
            return "info", env._("Starting: your newest mail comes in a moment.")
        return "success", env._("Up to date. New mail is here within two minutes.")

    def action_remove_kept(self):
        """It was disconnected and its mail kept: shall that go, too?"""
        action = self.action_disconnect()
        return {
            **action,
            "name": self.env._("Remove the mail of %(address)s", address=self.email),
            "context": {**action["context"], "default_mirror": "purge"},
        }

    def _time_of(self, moment):
        moment = fields.Datetime.context_timestamp(
            self, moment or fields.Datetime.now()
        )
        return format_time(self.env, moment.time(), time_format="short")

    # ---- what of it is mirrored -----------------------------------------------------

    @api.depends_context("uid", "lang")
    def _compute_card(self):
        own = self.filtered("is_mine")
        chosen = {}
        for mailbox, is_on, count in self.env["crm.mail.mirror.folder"]._read_group(
            [
                ("mailbox_id", "in", own.ids),
                ("role", "in", COUNTED_ROLES),
            ],
            ["mailbox_id", "selected"],
            ["__count"],
        ):
            chosen[mailbox.id, is_on] = count
        rules = self.env["crm.mail.mirror.exclusion"].search_count(
            [("user_id", "=", self.env.uid)]
        )
        for mailbox in self:
            mailbox.rules_sentence = mailbox in own and self._rules_said(rules)
            on, off = (chosen.get((mailbox.id, each), 0) for each in (True, False))
            mailbox.folders_sentence = mailbox in own and mailbox._folders_said(on, off)

    def _rules_said(self, count):
        if not count:
            return self.env._("no rules of my own")
        if count == 1:
            return self.env._("one rule of my own")
        return self.env._("%s rules of my own", count)

    def _folders_said(self, on, off):
        if self._is_gmail_over_imap() or (self._has_label_tree() and not off):
            return self.env._("all mail, whatever its label")
        if self._has_label_tree():
            return self.env._("all mail, but for %s labels", off)
        if not off:
            return self.env._("all folders")
        return self.env._("%(on)s of %(all)s folders", on=on, all=on + off)

    # ---- who sees it ----------------------------------------------------------------

    @api.depends("sharing_in", "sharing_out", "user_id", "company_id")
    @api.depends_context("uid", "lang")
    def _compute_viewers(self):
        known = {}
        for mailbox in self:
            mailbox.viewers = False
            if mailbox.is_mine:
                company = mailbox.company_id._origin
                if company not in known:
                    known[company] = mailbox._viewers_told(company)
                mailbox.viewers = {
                    **known[company],
                    "in": mailbox.sharing_in,
                    "out": mailbox.sharing_out,
                    "sentence": mailbox._viewers_sentence(known[company]),
                }

    def _viewers_told(self, company):
        owner = self.env.user
        viewers = owner._mirror_viewers(company).sudo().sorted("name")
        words = owner._mirror_viewer_words(viewers)
        people = [
            {"id": viewer.id, "name": viewer.name, "words": words[viewer.id]}
            for viewer in viewers[: 4 * NAMES]
        ]
        return {"people": people, "more": len(viewers) - len(people)}

    def _viewers_sentence(self, told):
        """Who sees how much of what: one sentence, as if the form were saved."""
        names = [person["name"] for person in told["people"][:NAMES]]
        more = told["more"] + len(told["people"]) - len(names)
        if not names:
            return self.env._(
                "Only you: at the moment no colleague's level lets them see this"
                " mailbox."
            )
        who = ", ".join(names)
        if more == 1:
            who = self.env._("%(names)s and one more", names=who)
        elif more:
            who = self.env._("%(names)s and %(count)s more", names=who, count=more)
        shares = {
            "metadata": self.env._("who and when"),
            "subject": self.env._("who, when and the subject"),
            "everything": self.env._("everything"),
        }
        got, sent = shares.get(self.sharing_in), shares.get(self.sharing_out)
        if got == sent:
            return self.env._(
                "Of mail with contacts that you receive and send, %(who)s can see:"
                " %(what)s.",
                who=who,
                what=got,
            )
        return self.env._(
            "Of mail with contacts %(who)s can see: of what you receive %(got)s, of"
            " what you send %(sent)s.",
            who=who,
            got=got,
            sent=sent,
        )
