# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does who makes or removes a rule read before it is saved?"""

from odoo import api, fields, models

from ..engine.domains import DomainProblem
from .change_sentences import problem_sentence

ADD = "crm_mail_mirror.crm_mail_mirror_exclusion_action_add"
#: What stands in a domain's place and is none.
NO_DOMAIN = (DomainProblem.IS_ADDRESS, DomainProblem.MALFORMED)


class CrmMailMirrorExclusion(models.Model):
    _name = "crm.mail.mirror.exclusion"
    _inherit = ["crm.mail.mirror.exclusion"]

    # of a rule that is being made; of one that stands they say nothing
    preview = fields.Text(compute="_compute_preview")
    refusal = fields.Char(compute="_compute_preview")
    # what is not the guess has been chosen
    guessed_kind = fields.Char(store=False)

    @api.depends("kind", "effect", "value", "user_id", "company_id")
    @api.depends_context("uid", "lang")
    def _compute_preview(self):
        for rule in self:
            rule.preview = rule.refusal = False
            if rule._origin or not (rule.value or "").strip():
                continue
            values = rule._values()
            values["value"] = self._normalise(rule.kind, rule.value)
            mailboxes = rule._mine_to_change()
            problem = rule._refused(values, mailboxes)
            if problem:
                rule.refusal = problem_sentence(self.env, problem, values["value"])
            else:
                rule.preview = self._preview(mailboxes, added=[values])

    def _mine_to_change(self):
        """The mailboxes a rule is for, if the reader may make such a rule; else None"""
        mine = self.user_id._origin == self.env.user
        everybodys = (
            not self.user_id and self.env["crm.mail.mirror.mailbox"]._is_administrator()
        )
        if not (mine or everybodys):
            return None
        return self._mailboxes_of(self.user_id._origin, self.company_id._origin)

    def _refused(self, values, mailboxes):
        if self.search_count(
            [(name, "=", values[name] or False) for name in values], limit=1
        ):
            return "stands_already"
        addresses, domains = self._own_of(mailboxes) if mailboxes else (set(), set())
        return self.new(values)._refusal(addresses, domains)

    @api.model
    def _preview(self, mailboxes, added=(), removed=None):
        """:param mailboxes: None: of others, of which nothing is told"""
        if mailboxes is None:
            return False
        scopes = {v["user_id"] for v in added} | set((removed or self).user_id.ids)
        mine = scopes == {self.env.uid}
        previews = self.env["crm.mail.mirror.preview"]
        effect = previews._of_rules(mailboxes, added, removed, names=mine)
        return " ".join(previews._sentences(effect, mine=mine))

    @api.onchange("value")
    def _onchange_value(self):
        """The kind follows from what is typed, until somebody chooses it."""
        value = (self.value or "").strip()
        if value:
            self._follow_value(value)

    def _follow_value(self, value):
        if self.kind == (self.guessed_kind or "address"):
            self.kind = self.guessed_kind = self._guess_kind(value)
        elif self.kind == "domain" and self._is_address(value):
            self.kind = "address"

    def _guess_kind(self, value):
        is_domain = self._problem_of("domain", value) not in NO_DOMAIN
        if "." in value.strip(".") and is_domain:
            return "domain"
        if self.effect == "never" and value.replace(" ", "").isalpha():
            return "word"
        return "address"

    def _is_address(self, value):
        return self._problem_of("domain", value) == DomainProblem.IS_ADDRESS

    # ---- actions --------------------------------------------------------------------

    @api.model
    def _action_add(self, user):
        """A dialog for a new rule. :param user: whose; empty: everybody's"""
        action = self.env["ir.actions.act_window"]._for_xml_id(ADD)
        return {**action, "context": {"default_user_id": user.id}}

    def action_remove(self):
        """Ask first: what does it do?"""
        self.check_access("unlink")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Remove"),
            "res_model": "crm.mail.mirror.rule.removal",
            "view_mode": "form",
            "target": "new",
            "context": {"default_rule_ids": self.ids},
        }
