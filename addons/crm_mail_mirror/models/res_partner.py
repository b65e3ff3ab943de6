# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does mail find contacts and companies, and stay with them when they change?"""

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.company_domains import may_be_a_companys, website_domain
from ..engine.domains import domain_of
from .crm_mail_mirror_directory import WEBSITE_HOST

#: By these a company comes to a domain, or loses it.
DOMAIN_FIELDS = {"email", "is_company", "parent_id", "website"}


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "crm.mail.mirror.tab"]

    # matching asks for fifty addresses at once: 37 ms without, 0.5 ms with, at 210,000
    email_normalized = fields.Char(index="btree_not_null")
    mirror_former_addresses = fields.Char(
        compute="_compute_mirror_former_addresses",
        string="Mail of former addresses too",
        groups="base.group_user",
    )

    # whose is a domain? Asked for each page of mail. Not partial: of such an index
    # PostgreSQL has no numbers in a join; it takes the answer for dear and compiles it
    _mirror_email_domain_idx = models.Index("(split_part(email_normalized, '@', 2))")
    _mirror_website_idx = models.Index(
        f"(({WEBSITE_HOST})) WHERE is_company AND website IS NOT NULL"
    )

    @api.depends("email_normalized")
    def _compute_mirror_former_addresses(self):
        for partner in self:
            partner.mirror_former_addresses = ", ".join(partner._mirror_formerly())

    def _mirror_formerly(self):
        """Addresses that this contact had before and whose mail it still shows."""
        self.ensure_one()
        return sorted(set(self._mirror_emails()) - {self.sudo().email_normalized})

    def _mirror_addresses(self):
        self.ensure_one()
        directory = self.env["crm.mail.mirror.directory"]
        mine = (
            SQL("p.commercial_partner_id = %s", self.id)
            if self.is_company and self.commercial_partner_id == self
            else SQL("p.id = %s", self.id)
        )
        tied = self._addresses_of_partners(
            SQL("%s AND NOT %s", mine, directory._is_own_partner("p"))
        )
        domains = self._mirror_shown_domains()
        return SQL("(%s UNION %s)", tied, domains) if domains else tied

    def _mirror_addresses_of_contact(self, contact_id):
        """The same for one contact of this company, None where it is none of it.

        :param contact_id: 0: addresses at its domains that no contact of it has
        """
        self.ensure_one()
        tied = self._addresses_of_partners(
            SQL(
                "p.commercial_partner_id = %s AND (p.id = %s OR %s = 0) AND NOT %s",
                self.id,
                contact_id,
                contact_id,
                self.env["crm.mail.mirror.directory"]._is_own_partner("p"),
            )
        )
        if contact_id:
            return tied
        domains = self._mirror_shown_domains()
        return SQL("(%s EXCEPT %s)", domains, tied) if domains else None

    def _mirror_shown_domains(self):
        """SQL subquery of the addresses at domains of these companies, or None."""
        directory = self.env["crm.mail.mirror.directory"]
        if not directory._matches_domains():
            return None
        self.flush_model(["website", "is_company", "commercial_partner_id"])
        domains = directory._domains_of(self.ids)
        if not domains:
            return None
        return SQL(
            "(SELECT id FROM crm_mail_mirror_address WHERE domain = ANY(%s))",
            sorted(domains),
        )

    def _mirror_domain(self):
        self.ensure_one()
        operator = "child_of" if self.is_company else "in"
        return [("partner_ids", operator, self.ids)]

    def action_mirror_former_addresses(self):
        """Former addresses of the contact, each with a button to remove it."""
        self.ensure_one()
        self.check_access("write")
        former = self.env["crm.mail.mirror.former.address"].create(
            [
                {"partner_id": self.id, "email_normalized": email}
                for email in self._mirror_formerly()
            ]
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Former addresses of %(name)s", name=self.display_name),
            "res_model": former._name,
            "view_mode": "list",
            "views": [(False, "list")],
            "domain": [("id", "in", former.ids)],
            "target": "new",
        }

    @api.model_create_multi
    def create(self, vals_list):
        settled = self._mirror_settled(vals_list)
        partners = super().create(vals_list)
        partners._mirror_look_again(settled)
        self.env["crm.mail.mirror.outbox"]._put(partners._mirror_domains(), settled)
        self.env["crm.mail.mirror.suppression"]._welcome_contacts(
            partners.sudo().mapped("email_normalized")
        )
        return partners

    def write(self, vals):
        if DOMAIN_FIELDS.isdisjoint(vals):
            return super().write(vals)
        deep = bool({"is_company", "parent_id"} & set(vals))
        domains = self._mirror_domains(deep)
        before = [(p.email_normalized, p.id) for p in self.sudo()]
        settled = self._mirror_settled([vals], domains)
        result = super().write(vals)
        if "email" in vals:
            self.env["crm.mail.mirror.address"]._remember(
                (email, partner)
                for email, partner in before
                if email != self.browse(partner).sudo().email_normalized
            )
            self._mirror_look_again(settled)
        self.env["crm.mail.mirror.outbox"]._put(
            domains | self._mirror_domains(deep), settled
        )
        return result

    def unlink(self):
        entries = {*self._mirror_emails(), *self._mirror_domains(deep=True)}
        emails = [email for email in entries if not email.startswith("@")]
        result = super().unlink()
        self.env["crm.mail.mirror.outbox"]._put(entries, entries)
        if not self.env.context.get("mirror_merged"):
            self.env["crm.mail.mirror.suppression"]._forget_contacts(emails)
        return result

    def _mirror_emails(self):
        """Addresses that these contacts have or had, normalised."""
        self.env["crm.mail.mirror.address"].flush_model()
        self.env.cr.execute(
            SQL(
                """SELECT a.email_normalized FROM crm_mail_mirror_address a
                     JOIN crm_mail_mirror_address_partner_rel r ON r.address_id = a.id
                    WHERE r.partner_id = ANY(%s)""",
                list(self.ids),
            )
        )
        former = [email for (email,) in self.env.cr.fetchall()]
        return [
            email for email in self.sudo().mapped("email_normalized") if email
        ] + former

    def _mirror_domains(self, deep=False):
        """Domains that a company may own through these contacts, as ``@domain``.

        More than it does: whose they are is found out when they are looked at.

        :param deep: with the contacts below them, whose company these are
        """
        partners = self.sudo().with_context(active_test=False)
        if deep and self.ids:
            partners = partners.search([("id", "child_of", self.ids)])
        domains = {domain_of(p.email_normalized or "") for p in partners}
        domains.update(website_domain(p.website or "") for p in partners)
        return {f"@{domain}" for domain in domains if may_be_a_companys(domain)}

    def _mirror_settled(self, vals_list, domains=()):
        """What of these values is known before they are written."""
        sites = {website_domain(vals.get("website") or "") for vals in vals_list}
        return self.env["crm.mail.mirror.outbox"]._settled(
            [vals.get("email") for vals in vals_list], {*domains, *sites}
        )

    def _mirror_look_again(self, settled=()):
        emails = [email for email in self.sudo().mapped("email_normalized") if email]
        if emails:
            self.flush_model(["email_normalized"])
            self.env["crm.mail.mirror.address"]._link(emails)
            self.env["crm.mail.mirror.outbox"]._put(emails, settled)
