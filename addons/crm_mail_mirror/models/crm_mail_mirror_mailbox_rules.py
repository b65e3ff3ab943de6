# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""By which rules is a mailbox mirrored, and what happens when one of them changes?"""

from odoo import api, models
from odoo.tools import SQL

from ..engine.policy import Folded, Policy
from ..engine.reasons import Reason
from .crm_mail_mirror_exclusion import WAVED_PAST


class CrmMailMirrorMailbox(models.Model):
    _inherit = "crm.mail.mirror.mailbox"

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
        """Another one after each change of the rules of this mailbox.

        Changes are rows of their own: a rule of the company locks no mailbox, while a
        thousand of them are being written.
        """
        self.env.cr.execute(
            """SELECT m.policy_seq,
                      (SELECT coalesce(sum(h.id), 0) FROM crm_mail_mirror_change h
                        WHERE h.user_id IS NULL OR h.user_id = m.user_id)
                 FROM crm_mail_mirror_mailbox m WHERE m.id = %s""",
            [self.id],
        )
        return self.env.cr.fetchone()

    def _policy(self, added=(), without=None):
        """The rules of this mailbox: its owner's and the company's.

        :param added: values of rules (as of ``exclusion.create``) that count as well
        :param without: rules that do not count
        """
        self.ensure_one()
        mailbox = self.sudo()
        rules = self.env["crm.mail.mirror.exclusion"]._of(mailbox, added, without)
        for kind, values in (mailbox.former_rules or {}).items():
            rules["never", kind] = rules["never", kind] | frozenset(values)
        own = {mailbox.email_normalized, *(mailbox.aliases or "").lower().split(",")}
        return Policy(
            own_addresses=frozenset(filter(None, own)),
            sync_from=mailbox._since(),
            one_way=mailbox.mode == "one_way",
            match_domains=mailbox.company_id.mirror_match_domains,
            private_words=tuple(sorted(rules["never", "word"])),
            excluded_addresses=Folded(rules["never", "address"]),
            excluded_domains=Folded(rules["never", "domain"]),
            allowed_addresses=Folded(rules["always", "address"]),
            allowed_domains=Folded(rules["always", "domain"]),
        )

    # ---- settings that act both ways, too -------------------------------------------

    def write(self, vals):
        before = {m: (m.sudo().mode, m.sudo().aliases or "") for m in self}
        result = super().write(vals)
        if {"mode", "aliases"} & set(vals):
            for mailbox, (mode, aliases) in before.items():
                mailbox._announce_settings(mode, aliases)
        return result

    def _announce_settings(self, mode, aliases):
        """:param mode, aliases: as they were"""
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
