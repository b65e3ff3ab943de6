# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What shall never be mirrored, and what always? The company's rules, and one's own."""

from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import SQL
from odoo.tools.lru import LRU

from ..engine.addresses import normal_email
from ..engine.domains import (
    DomainProblem,
    domain_of,
    fold_addresses,
    fold_domain,
    parent_domains,
    problem_of,
    problem_of_address,
    without_tag,
)
from ..engine.reasons import Reason
from ..engine.words import problem_of as problem_of_word
from .change_sentences import problem_sentence

#: Why mail was kept out by rules 10 to 12, which the allow-list passes.
WAVED_PAST = (
    Reason.ONE_WAY,
    Reason.ROLE_ADDRESS,
    *(reason for reason in Reason if reason.startswith("bulk_")),
)
#: Rules of everybody, by what they are: many mailboxes have the same ones.
_everybodys = LRU(8)


KINDS = ("address", "domain", "word")
OUTCOMES = tuple((effect, kind) for effect in ("never", "always") for kind in KINDS)


class CrmMailMirrorExclusion(models.Model):
    _name = "crm.mail.mirror.exclusion"
    _description = "Rule on What Is Mirrored"
    _rec_name = "value"
    _order = "kind, value, id"

    kind = fields.Selection(
        selection=[
            ("address", "Address"),
            ("domain", "Domain"),
            ("word", "Word in the subject"),
        ],
        required=True,
        default="address",
    )
    effect = fields.Selection(
        selection=[("never", "Never mirror"), ("always", "Always mirror")],
        required=True,
        default="never",
        help="Always: also what looks like bulk mail or comes from a function such as"
        " info@. What is private, internal or kept out by another rule stays out.",
    )
    value = fields.Char(string="What", required=True)
    user_id = fields.Many2one(
        comodel_name="res.users",
        string="Only for",
        index=True,
        ondelete="cascade",
        help="Empty: for everybody",
    )
    company_id = fields.Many2one(
        comodel_name="res.company",
        index="btree_not_null",
        ondelete="cascade",
        help="Empty: for all companies",
    )
    note = fields.Char(string="Good to know", compute="_compute_note")
    # the change that made it, so that this can be undone
    change_id = fields.Many2one(
        comodel_name="crm.mail.mirror.change",
        index="btree_not_null",
        ondelete="set null",
        copy=False,
        groups=fields.NO_ACCESS,
    )

    _value_uniq = models.UniqueIndex(
        "(kind, value, effect, COALESCE(user_id, 0), COALESCE(company_id, 0))",
        "This rule stands already.",
    )

    # ---- what is good to know -------------------------------------------------------

    @api.depends("kind", "effect", "value", "user_id", "company_id")
    @api.depends_context("uid", "lang")
    def _compute_note(self):
        winners = self._winners()
        for rule in self:
            problem = rule._problem_of(rule.kind, rule.value or "")
            if rule.id in winners:
                rule.note = self.env._(
                    "Never wins: “%(value)s” is kept out by another rule.",
                    value=winners[rule.id],
                )
            elif problem:
                rule.note = problem_sentence(self.env, problem, rule.value or "")
            else:
                rule.note = False

    def _winners(self):
        """``{rule id: the excluded value}`` of what can not always be mirrored.

        Among the rules that the reader may read: the company's and one's own.
        """
        allowed = self.filtered(lambda rule: rule.effect == "always" and rule.value)
        if not allowed:
            return {}
        covering = {rule: _covering(rule.kind, rule.value) for rule in allowed}
        everything = sorted({value for many in covering.values() for value in many})
        excluded = self.search(
            [
                ("effect", "=", "never"),
                ("kind", "in", ("address", "domain")),
                ("value", "in", everything),
            ]
        )
        winners = {}
        for rule, values in covering.items():
            for other in excluded:
                if other.value in values and other._concerns(rule):
                    winners[rule.id] = other.value
        return winners

    def _concerns(self, rule):
        """Do the two stand in one mailbox's rules, if not in all?"""
        if self.user_id and rule.user_id:
            return self.user_id == rule.user_id
        if self.company_id and rule.company_id:
            return self.company_id == rule.company_id
        return True

    # ---- which values may be rules --------------------------------------------------

    @api.model
    def _problem_of(self, kind, value):
        """Why this is no good rule, whoever's it is; None: nothing against it."""
        if kind == "word":
            return problem_of_word(value)
        return problem_of(value) if kind == "domain" else problem_of_address(value)

    @api.model
    def _own_of(self, mailboxes):
        """(addresses, domains) that stand on each mail of one of these mailboxes."""
        boxes = mailboxes.sudo()
        addresses = {box.email_normalized for box in boxes if box.email_normalized}
        for box in boxes.filtered("aliases"):
            addresses |= fold_addresses(box.aliases.split(","))
        domains = self.env["crm.mail.mirror.directory"]._own_domains()
        return addresses, {
            parent
            for domain in {*map(domain_of, addresses), *domains}
            for parent in parent_domains(domain)
        }

    @api.constrains("kind", "effect", "value", "user_id", "company_id")
    def _check_value(self):
        for (user, company), rules in self._by_scope().items():
            if user and company:
                raise ValidationError(
                    self.env._("A rule of your own counts in all your mailboxes.")
                )
            addresses, domains = self._own_of(self._mailboxes_of(user, company))
            for rule in rules:
                problem = rule._refusal(addresses, domains)
                if problem:
                    raise ValidationError(
                        problem_sentence(self.env, problem, rule.value or "")
                    )

    def _refusal(self, addresses, domains):
        """Why the rule can not be; None also if it is only to be warned of."""
        if self.kind == "word" and self.effect == "always":
            return "always_word"
        problem = self._problem_of(self.kind, self.value or "")
        if problem and not problem.is_warning:
            return problem
        if self.kind == "domain" and self.value in domains:
            return DomainProblem.OWN
        if self.kind == "address" and {self.value, without_tag(self.value)} & addresses:
            return DomainProblem.OWN
        return None

    # ---- whose they are -------------------------------------------------------------

    def _by_scope(self):
        """``{(user, company): rules}``"""
        found = defaultdict(list)
        for rule in self:
            found[rule.user_id, rule.company_id].append(rule.id)
        return {scope: self.browse(ids) for scope, ids in found.items()}

    @api.model
    def _mailboxes_of(self, user, company):
        """The mailboxes that a rule of this scope is for."""
        mailboxes = self.env["crm.mail.mirror.mailbox"].sudo()
        if user:
            return mailboxes.search([("user_id", "=", user.id)])
        return mailboxes.search([("company_id", "=", company.id)] if company else [])

    # ---- the rules of a mailbox -----------------------------------------------------

    @api.model
    def _of(self, mailbox, added=(), without=None):
        """The rules that count in a mailbox, by ``(effect, kind)``.

        With 50,000 of the company's a mailbox costs 20 ms, and no memory of its own.

        :param added: values of rules that count as well
        :param without: rules that do not count
        :rtype: dict[tuple, frozenset]
        """
        self.flush_model()
        everybodys = SQL(
            "user_id IS NULL AND (company_id IS NULL OR company_id = %s)",
            mailbox.company_id.id,
        )
        if without:
            kept = SQL("NOT id = ANY(%s)", list(without.ids))
            rules = self._select(SQL("%s AND %s", everybodys, kept))
            own = SQL("user_id = %s AND %s", mailbox.user_id.id, kept)
        else:
            rules = self._shared(everybodys)
            own = SQL("user_id = %s", mailbox.user_id.id)
        more = self._select(own)
        for values in added:
            pair = values["effect"], values["kind"]
            more[pair] |= {self._normalise(values["kind"], values["value"])}
        return {pair: rules[pair] | more[pair] for pair in OUTCOMES}

    def _shared(self, everybodys):
        """Rules that were read before are not read again, if they still are the same.

        What they are is asked each time: nothing here can be out of date.
        """
        self.env.cr.execute(
            SQL(
                """SELECT count(*), sum(hashtextextended(
                              concat_ws(' ', effect, kind, value), 0)::numeric)
                     FROM crm_mail_mirror_exclusion WHERE %s""",
                everybodys,
            )
        )
        what = self.env.cr.fetchone()
        rules = _everybodys.get(what)
        if rules is None:
            rules = _everybodys[what] = self._select(everybodys)
        return rules

    def _select(self, condition):
        self.env.cr.execute(
            SQL(
                """SELECT effect, kind, array_agg(value::text)
                     FROM crm_mail_mirror_exclusion WHERE %s GROUP BY 1, 2""",
                condition,
            )
        )
        rules = dict.fromkeys(OUTCOMES, frozenset())
        for effect, kind, values in self.env.cr.fetchall():
            rules[effect, kind] = frozenset(values)
        return rules

    # ---- CRUD: each change is announced, so that it acts on the past ----------------

    @api.model_create_multi
    def create(self, vals_list):
        vals_list = [
            {
                **vals,
                "value": self._normalise(
                    vals.get("kind") or "address", vals.get("value")
                ),
            }
            for vals in vals_list
        ]
        rules = super().create(vals_list)
        rules._announce(added=rules)
        return rules

    def write(self, vals):
        if not {"kind", "effect", "value", "user_id", "company_id"} & set(vals):
            return super().write(vals)
        if "user_id" in vals and not self.env.su:
            raise AccessError(self.env._("Whose rule it is stays the same."))
        before = [rule._values() for rule in self]
        for rule in self:
            kind = vals.get("kind") or rule.kind
            value = self._normalise(kind, vals.get("value", rule.value))
            super(CrmMailMirrorExclusion, rule).write({**vals, "value": value})
        self._announce(added=self, removed=before)
        return True

    def unlink(self):
        before = [rule._values() for rule in self]
        result = super().unlink()
        self._announce(removed=before)
        return result

    def _announce(self, added=(), removed=()):
        """:param added: rules; :param removed: rules that are no more, by value"""
        scopes = defaultdict(lambda: (self.browse(), []))
        for (user, company), rules in (added or self.browse())._by_scope().items():
            scopes[user.id, company.id] = (rules, [])
        for values in removed:
            scopes[values["user_id"], values["company_id"]][1].append(values)
        changes = self.env["crm.mail.mirror.change"]
        for (user_id, company_id), (rules, former) in scopes.items():
            user = self.env["res.users"].browse(user_id or [])
            company = self.env["res.company"].browse(company_id or [])
            changes._announce_rules(
                user, self._mailboxes_of(user, company), rules, former
            )

    def _values(self):
        """The rule by value, as ``create`` takes it."""
        return {
            "kind": self.kind,
            "effect": self.effect,
            "value": self.value,
            "user_id": self.user_id.id,
            "company_id": self.company_id.id,
        }

    @api.model
    def _normalise(self, kind, value):
        """As mail has it; what is malformed stays as it is and is refused."""
        value = " ".join((value or "").split())
        if kind == "word":
            return value
        problem = self._problem_of(kind, value)
        if problem and not problem.is_warning:
            return value
        return normal_email(value) if kind == "address" else fold_domain(value)


def _covering(kind, value):
    """The values of exclusions that win over this one, addresses and domains alike."""
    home = domain_of(value) if kind == "address" else value
    return {value, *parent_domains(home)}
