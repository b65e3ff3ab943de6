# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""By which rules is a mailbox mirrored, and what happens when one of them changes?"""

import time
from dataclasses import replace

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.policy import Folded, Policy
from ..engine.reasons import Reason
from .change_sentences import mails_of, sharing_sentence
from .change_terms import where_among
from .crm_mail_mirror_exclusion import WAVED_PAST
from .crm_mail_mirror_preview import BITE, SECONDS
from .crm_mail_mirror_review import goes

#: Why mail is kept out that may come in under another company's rules.
_COMPANYS = (
    Reason.EXCLUDED_ADDRESS,
    Reason.EXCLUDED_DOMAIN,
    Reason.PRIVATE_WORD,
    Reason.NO_CONTACT,
    Reason.RETENTION,
)
#: Rules on the mailbox's page: a form is sent all of them at once.
ON_PAGE = 80


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    # worked out for the owner, limited, when the page reads them
    my_rule_ids = fields.Many2many(
        comodel_name="crm.mail.mirror.exclusion",
        string="My rules",
        compute="_compute_rules",
    )
    company_rule_ids = fields.Many2many(
        comodel_name="crm.mail.mirror.exclusion",
        string="Rules for everybody",
        compute="_compute_rules",
    )
    company_rule_count = fields.Integer(compute="_compute_rules")
    rule_change_ids = fields.Many2many(
        comodel_name="crm.mail.mirror.change",
        string="Changed lately",
        compute="_compute_rules",
    )
    sharing_preview = fields.Text(compute="_compute_sharing_preview")
    mode_preview = fields.Text(compute="_compute_mode_preview")

    # ---- the rules ------------------------------------------------------------------

    @api.model
    def _bump_policy(self, user_ids=None):
        """The rules of these owners changed (None: of all): decide pages again."""
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_mailbox SET policy_seq = policy_seq + 1
                    WHERE %s""",
                SQL("TRUE") if user_ids is None else SQL("user_id = ANY(%s)", user_ids),
            )
        )
        self.invalidate_model(["policy_seq"])

    def _policy_stamp(self):
        """Another one after each change of the rules of this mailbox."""
        return self._policy_stamps().get(self.id)

    def _policy_stamps(self):
        """Those of some mailboxes, by id; read before what they stand for: then no page
        is stored by rules that are older than its stamp.

        Changes are rows of their own: a rule of the company locks no mailbox, while a
        thousand of them are being written.
        """
        self.env.cr.execute(
            """SELECT m.id, m.policy_seq,
                      (SELECT coalesce(sum(h.id), 0) FROM crm_mail_mirror_change h
                        WHERE h.user_id IS NULL OR h.user_id = m.user_id)
                 FROM crm_mail_mirror_mailbox m WHERE m.id = ANY(%s)""",
            [self.ids],
        )
        return {mailbox: tuple(stamp) for mailbox, *stamp in self.env.cr.fetchall()}

    def _policy(self, added=(), without=None, former=True):
        """The rules of this mailbox: its owner's and the company's.

        :param added: values of rules (as of ``exclusion.create``) that count as well
        :param without: rules that do not count
        :param former: those of former owners count
        """
        self.ensure_one()
        mailbox = self.sudo()
        rules = self.env["crm.mail.mirror.exclusion"]._of(mailbox, added, without)
        formerly = mailbox.former_rules if former else None
        for kind, values in (formerly or {}).items():
            rules["never", kind] = rules["never", kind] | frozenset(values)
        return Policy(
            own_addresses=mailbox._own_addresses(mailbox.aliases),
            sync_from=mailbox._since(),
            one_way=mailbox.mode == "one_way",
            match_domains=mailbox.company_id.mirror_match_domains,
            private_words=tuple(sorted(rules["never", "word"])),
            excluded_addresses=Folded(rules["never", "address"]),
            excluded_domains=Folded(rules["never", "domain"]),
            allowed_addresses=Folded(rules["always", "address"]),
            allowed_domains=Folded(rules["always", "domain"]),
        )

    def _own_addresses(self, aliases):
        """:param aliases: as they are typed"""
        typed = {alias.strip() for alias in (aliases or "").lower().split(",")}
        return frozenset(filter(None, {self.email_normalized, *typed}))

    # ---- settings that act both ways, too -------------------------------------------

    def write(self, vals):
        before = {
            m: (m.sudo().mode, m.sudo().aliases or "", m.sudo().company_id)
            for m in self
        }
        result = super().write(vals)
        if {"mode", "aliases", "company_id"} & set(vals):
            for mailbox, was in before.items():
                mailbox._announce_settings(*was)
        return result

    def _announce_settings(self, mode, aliases, company):
        """:param mode, aliases, company: as they were"""
        mailbox, changes = self.sudo(), self.env["crm.mail.mirror.change"]
        if (
            not self.env["crm.mail.mirror.copy"]
            .sudo()
            .search_count([("mailbox_id", "=", self.id)], limit=1)
        ):
            return
        undo = {"write": [self._name, self.id]}
        if mailbox.mode != mode:
            narrows = mailbox.mode == "one_way"
            changes._announce(
                self.env._("%(address)s: only what I sent", address=mailbox.email)
                if narrows
                else self.env._(
                    "%(address)s: sent and received", address=mailbox.email
                ),
                mailbox,
                narrows=narrows,
                requeue=() if narrows else (Reason.ONE_WAY,),
                relist=not narrows,
                undo={"write": [*undo["write"], {"mode": mode}]},
            )
        if (mailbox.aliases or "") != aliases:
            changes._announce(
                self.env._("%(address)s: other addresses", address=mailbox.email),
                mailbox,
                narrows=True,
                # what an address of the owner's own is on is nobody's or outgoing
                requeue=(Reason.INTERNAL, Reason.NO_CONTACT, *WAVED_PAST),
                relist=True,
                undo={"write": [*undo["write"], {"aliases": aliases}]},
            )
        if mailbox.company_id != company:
            # other rules, another retention, and domains may count or not
            changes._announce(
                self.env._("%(address)s: another company", address=mailbox.email),
                mailbox,
                narrows=True,
                requeue=(*_COMPANYS, *WAVED_PAST),
                relist=True,
                undo={"write": [*undo["write"], {"company_id": company.id}]},
            )

    # ---- on the mailbox's page ------------------------------------------------------

    @api.depends_context("uid")
    def _compute_rules(self):
        rules = self.env["crm.mail.mirror.exclusion"]
        changes = self.env["crm.mail.mirror.change"]
        for mailbox in self:
            mailbox.my_rule_ids, mailbox.company_rule_ids = rules, rules
            mailbox.rule_change_ids = changes
            mailbox.company_rule_count = 0
            if not mailbox.is_mine:
                continue
            mailbox.my_rule_ids = rules.search(
                [("user_id", "=", self.env.uid)], limit=ON_PAGE
            )
            everybodys = [
                ("user_id", "=", False),
                ("company_id", "in", [False, mailbox.company_id.id]),
            ]
            mailbox.company_rule_count = rules.search_count(everybodys)
            mailbox.company_rule_ids = rules.search(everybodys, limit=ON_PAGE)
            recent = changes.search([("user_id", "=", self.env.uid)], limit=5)
            mailbox.rule_change_ids = recent.filtered(
                lambda change: change.state != "undone" and change.may_undo
            )

    def action_add_rule(self):
        """A dialog that says what the rule does before it is saved."""
        self._check_owner()
        return self.env["crm.mail.mirror.exclusion"]._action_add(self.env.user)

    def action_open_company_rules(self):
        self._check_owner()
        return self.env["ir.actions.act_window"]._for_xml_id(
            "crm_mail_mirror.crm_mail_mirror_exclusion_action_company"
        )

    @api.depends("mode", "aliases")
    @api.depends_context("uid", "lang")
    def _compute_mode_preview(self):
        for mailbox in self:
            mailbox.mode_preview = False
            before = mailbox._origin
            if before and mailbox.is_mine:
                mailbox.mode_preview = "\n".join(mailbox._mode_told(before)) or False

    def _mode_told(self, before):
        """What goes, and what may come, once the form is saved: sentences."""
        own = before._own_addresses(self.aliases)
        others = own ^ before._own_addresses(before.aliases)
        is_new = self.mode != before.mode
        copies = self.env["crm.mail.mirror.copy"].sudo()
        if not (others or is_new) or not copies.search_count(
            [("mailbox_id", "=", before.id)], limit=1
        ):
            return []
        one_way = self.mode == "one_way"
        concerned = [where_among({"addresses": sorted(others)})] if others else []
        if is_new and one_way:
            concerned.append(SQL("c.direction = 'in'"))
        gone, is_all = [], True
        if concerned:
            policy = replace(before._policy(), one_way=one_way, own_addresses=own)
            where = SQL("(%s)", SQL(" OR ").join(concerned))
            gone, is_all = before._going(policy, where)
        preview = self.env["crm.mail.mirror.preview"]
        effect = preview._of_copies(gone, names=True)
        effect.whole, effect.narrows = is_all, bool(concerned)
        effect.sought = bool(others) or not one_way
        return preview._sentences(effect, mine=True)

    def _going(self, policy, where):
        """Mirrored mails that these rules would let go: ids, and are that all of them?

        :param where: a condition on the copy ``c``: no other mail is concerned
        """
        review, gone, after = self.env["crm.mail.mirror.review"], [], 0
        end = time.monotonic() + SECONDS
        while True:
            judged = review._judge(self.sudo(), policy, where, after, BITE)
            gone += [copy for copy, decision in judged if goes(decision)]
            if len(judged) < BITE:
                return gone, True
            if time.monotonic() > end:
                return gone, False
            after = judged[-1][0]

    @api.depends("sharing_in", "sharing_out")
    @api.depends_context("uid", "lang")
    def _compute_sharing_preview(self):
        for mailbox in self:
            mailbox.sharing_preview = False
            before = mailbox._origin
            if not before or not mailbox.is_mine:
                continue
            mailbox.sharing_preview = "\n".join(mailbox._sharing_told(before))

    def _sharing_told(self, before):
        """Who sees how much more, or less, once the form is saved: sentences."""
        changed = [
            direction
            for direction in ("in", "out")
            if self[f"sharing_{direction}"] != before[f"sharing_{direction}"]
        ]
        if not changed:
            return []
        viewers = len(before.user_id._mirror_viewers(before.company_id))
        if not viewers:
            return [self.env._("At the moment no colleague's level lets them see it.")]
        counts = {
            direction: self.env["crm.mail.mirror.copy"].search_count(
                [
                    ("mailbox_id", "=", before.id),
                    ("state", "=", "mirrored"),
                    ("direction", "=", direction),
                    ("sharing", "=", False),
                ]
            )
            for direction in changed
        }
        return [
            sharing_sentence(
                self.env,
                before[f"sharing_{direction}"],
                self[f"sharing_{direction}"],
                mails_of(self.env, direction, counts[direction]),
                viewers,
            )
            for direction in changed
            if counts[direction]
        ] or [self.env._("There is no such mail yet: this counts for what comes.")]
