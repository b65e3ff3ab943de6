# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One answer to "why is it (not) here?": what was found, why, and what can be done."""

import json

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import format_date, format_datetime

from ..engine.keyring import KeyUnusable
from ..models.crm_mail_mirror_credential import keyring
from ..models.rule_sentences import told
from ..models.sentences import reason_remedy, reason_sentence, sentence

#: How each answer writes a day.
DAY = "d MMMM y"
#: Steps whose addresses belong to somebody in the CRM.
_MATCHES = ("contact", "mirrored")
_BY_MAILBOX = ("too_old", "folder", "one_way", "ignored")
_BY_RULE = ("private_word", "excluded_address", "excluded_domain", "allowed")


class CrmMailMirrorWhyLine(models.TransientModel):
    _name = "crm.mail.mirror.why.line"
    _description = "Why One Mail Is Here, or Not"
    _transient_max_hours = 1.0
    _order = "id"

    why_id = fields.Many2one(
        comodel_name="crm.mail.mirror.why",
        required=True,
        index=True,
        ondelete="cascade",
    )
    # under the server's key: what it says of a mail is not in the database
    sealed = fields.Char(groups=fields.NO_ACCESS)
    headline = fields.Char(compute="_compute_answer")
    detail = fields.Char(compute="_compute_answer")
    verdict = fields.Char(compute="_compute_answer")
    remedy = fields.Char(compute="_compute_answer")
    steps = fields.Html(compute="_compute_answer", sanitize=False)
    outcome = fields.Selection(
        selection=[
            ("here", "Here"),
            ("not_here", "Not here"),
            ("waiting", "On its way"),
            ("unknown", "Not known"),
        ],
        compute="_compute_answer",
    )
    mend = fields.Char(compute="_compute_answer", string="What can be done")

    @api.model
    def _seal(self, why, contents):
        """Keep these answers for who asked."""
        ring = keyring()
        return self.sudo().create(
            [
                {"why_id": why.id, "sealed": ring.encrypt(json.dumps(content))}
                for content in contents
            ]
        )

    def _contents(self):
        """What was sealed; nothing under a key that this server no longer has."""
        found = []
        for line in self.sudo():
            try:
                found.append(json.loads(keyring().decrypt(line.sealed)))
            except KeyUnusable:
                found.append({"kind": "none"})
        return found

    @api.depends("sealed")
    @api.depends_context("uid", "lang", "tz")
    def _compute_answer(self):
        for line, content in zip(self, self._contents(), strict=True):
            mailbox = self.env["crm.mail.mirror.mailbox"].browse(content.get("mailbox"))
            line.outcome = self._outcome(content)
            line.headline = self._headline(content, mailbox)
            line.detail = self._detail(content, mailbox)
            line.verdict = self._verdict(content, mailbox)
            line.remedy = self._remedy(content)
            line.steps = self._steps(content)
            line.mend = self._mend_label(content)

    # ---- in words -------------------------------------------------------------------

    @staticmethod
    def _outcome(content):
        state = content.get("state")
        if content["kind"] in ("mailbox", "error", "none", "more"):
            return "unknown"
        if state in ("queued", "failed", "missing"):
            return "waiting"
        return "here" if state == "mirrored" else "not_here"

    def _headline(self, content, mailbox):
        env, kind = self.env, content["kind"]
        if kind == "trace" and not content.get("sender"):
            return env._("This mail is not here")
        if kind == "trace" and content["count"] == 1:
            return env._("One mail with this address is not here")
        if kind == "trace":
            return env._(
                "%(count)s mails with this address are not here",
                count=content["count"],
            )
        if kind == "mailbox":
            return env._("%(mailbox)s was not searched", mailbox=mailbox.email)
        if kind == "error":
            return env._("%(mailbox)s could not be searched", mailbox=mailbox.email)
        if kind == "more":
            return env._(
                "%(count)s mails were found; the newest are explained",
                count=content["count"],
            )
        if kind == "none":
            return env._("Nothing was found")
        return content.get("subject") or env._("(no subject)")

    def _detail(self, content, mailbox):
        """When, from whom, in which mailbox."""
        if "date" not in content:
            return False
        pieces = [self._moment(content["date"])]
        if content.get("sender"):
            pieces.append(content["sender"])
        if len(self.env["crm.mail.mirror.mailbox"].search(_own(self.env))) > 1:
            pieces.append(self.env._("in %(mailbox)s", mailbox=mailbox.email))
        return " · ".join(pieces)

    def _moment(self, value):
        return format_datetime(self.env, value, dt_format=f"{DAY}, H:mm")

    def _verdict(self, content, mailbox):
        env, kind, reason = self.env, content["kind"], content.get("reason")
        if kind == "none":
            return env._(
                "Neither the mirror nor the mailbox knows it. Drafts, trash and junk"
                " are never looked into. A Message-ID is the surest way to find a mail."
            )
        if kind == "more":
            return env._("Ask for one of them by its Message-ID or its whole subject.")
        if kind == "error":
            return sentence(env, reason)
        if kind == "mailbox":
            return self._about(content, mailbox)
        state = content["state"]
        if state == "missing":
            return env._(
                "By today's rules it belongs into the mirror, but it is not there yet."
            )
        if state == "queued":
            return env._("It is on its way: it will be read with the next look.")
        words = reason_sentence(env, reason)
        if reason == "folder" and content.get("labels"):
            return env._(
                "It bears a label that is switched off: %(labels)s. Whatever other"
                " labels it has, that keeps it out.",
                labels=", ".join(f"“{name}”" for name in content["labels"]),
            )
        if state == "failed":
            return env._(
                "It could not be read: %(problem)s Next try: %(at)s.",
                problem=words,
                at=self._moment(content["next"]) if content["next"] else "-",
            )
        if content.get("until"):
            words = env._(
                "%(reason)s What is known of it goes on %(date)s.",
                reason=words,
                date=format_date(env, content["until"], date_format=DAY),
            )
        return words

    def _about(self, content, mailbox):
        """Why a mailbox was not searched."""
        if content["reason"]:
            return sentence(self.env, content["reason"])
        return {
            "paused": self.env._(
                "It is paused: mail that came since its last check is not here yet."
            ),
            "draft": self.env._("It is not connected."),
        }.get(content["state"], self.env._("It needs you to sign in again."))

    def _remedy(self, content):
        if content.get("state") == "missing":
            return self.env._("Compare with the mailbox: what is missing comes back.")
        if content.get("reason") == "folder" and content.get("labels"):
            return self.env._("Switch the label on, or take it off the mail.")
        if content["kind"] in ("here", "trace", "found"):
            return reason_remedy(self.env, content.get("reason")) or False
        return False

    def _steps(self, content):
        """Each rule in order, in words, with the people behind an address."""
        shown = Markup()
        for rule, outcome, reason, what, *former in content.get("steps") or ():
            if outcome == "not_reached":
                continue
            names = self._named(what) if rule in _MATCHES else what
            good = not reason or reason in ("contact", "domain", "allowed", "dropbox")
            shown += Markup(
                '<li class="d-flex"><i class="fa fa-fw %s mt-1 me-2 flex-shrink-0"'
                ' role="img" aria-label="%s"></i><span class="%s">%s</span></li>'
            ) % (
                "fa-check text-success" if good else "fa-times text-danger",
                self.env._("yes") if good else self.env._("no"),
                "fw-bold" if reason else "text-muted",
                self.env._("A rule of the former owner keeps it out.")
                if former
                else told(self.env, rule, reason, names),
            )
        return shown and Markup('<ul class="list-unstyled mb-0">%s</ul>') % shown

    def _named(self, emails):
        """Addresses with the contacts and leads that have them, as far as one may
        read these."""
        env = self.env
        domain = [("email_normalized", "in", emails)]
        partners = env["res.partner"].search(domain, limit=20)
        addresses = env["crm.mail.mirror.address"].sudo().search(domain)
        formerly = {
            address.email_normalized: address.partner_ids.sudo(False)
            for address in addresses
        }
        leads = env["crm.lead"]
        leads = leads.search(domain, limit=20) if leads.has_access("read") else leads
        named = []
        for email in emails:
            people = partners.filtered(lambda p, e=email: p.email_normalized == e)
            people |= formerly.get(email, partners.browse())._filtered_access("read")
            names = people.mapped("display_name")
            names += leads.filtered(
                lambda lead, e=email: lead.email_normalized == e
            ).mapped("display_name")
            named.append(f"{email}: {', '.join(names)}" if names else email)
        return named

    # ---- what can be done -----------------------------------------------------------

    def _mend_label(self, content):
        env, reason = self.env, str(content.get("reason") or "")
        kind, state = content["kind"], content.get("state")
        if state == "missing":
            return env._("Compare with the mailbox now")
        if kind in ("mailbox", "error"):
            return env._("Open the mailbox")
        if content.get("message"):
            return env._("Open the mail")
        if kind not in ("trace", "found"):
            return False
        if reason in ("no_contact", "not_listed", "role_address"):
            return self._stranger(content) and env._("Add a contact")
        if reason.startswith("bulk_"):
            return bool(content.get("sender")) and env._("Always mirror this sender")
        if reason in _BY_RULE:
            # nobody can open a former owner's
            is_former = any(step[4:] for step in content.get("steps") or ())
            return not is_former and env._("See the rule")
        if reason == "owner":
            return env._("See what you removed")
        if reason in _BY_MAILBOX or state == "failed":
            return env._("Open the mailbox")
        return False

    @staticmethod
    def _stranger(content):
        """An address of the mail for a new contact: its sender's, if from outside."""
        people, sender = content.get("people"), content.get("sender")
        if people is None or sender in people:
            return sender
        return people[0] if people else False

    def action_mend(self):
        """Go where something can be done about it."""
        self.ensure_one()
        self.check_access("read")
        (content,) = self._contents()
        reason = str(content.get("reason") or "")
        mailbox = self.env["crm.mail.mirror.mailbox"].browse(content.get("mailbox"))
        if content.get("state") == "missing":
            return mailbox.action_audit_all()
        if content.get("message"):
            message = self.env["crm.mail.mirror.message"].browse(content["message"])
            return message.action_open()
        if reason in ("no_contact", "not_listed", "role_address"):
            return {
                "type": "ir.actions.act_window",
                "name": self.env._("New Contact"),
                "res_model": "res.partner",
                "view_mode": "form",
                "views": [(False, "form")],
                # instead of the dialog
                "target": "current",
                "context": {"default_email": self._stranger(content)},
            }
        if reason.startswith("bulk_"):
            return self._always(content.get("sender"))
        if reason in _BY_RULE:
            return self._see_rule(content)
        if reason == "owner":
            return self.env["ir.actions.act_window"]._for_xml_id(
                "crm_mail_mirror.crm_mail_mirror_removal_action"
            )
        return mailbox.action_open_form()

    def _always(self, sender):
        """The dialog that adds a rule, filled in; it says what the rule does."""
        action = self.env["crm.mail.mirror.exclusion"]._action_add(self.env.user)
        rule = {"default_kind": "address", "default_effect": "always"}
        context = {**action.get("context", {}), **rule, "default_value": sender}
        return {**action, "context": context}

    def _see_rule(self, content):
        found = [word for step in content["steps"] if step[2] for word in step[3]]
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Rules"),
            "res_model": "crm.mail.mirror.exclusion",
            "view_mode": "list,form",
            "views": [(False, "list"), (False, "form")],
            "domain": [("value", "in", found)] if found else [],
            "context": {"create": False},
            "target": "current",
        }


def _own(env):
    return [("user_id", "=", env.uid)]
