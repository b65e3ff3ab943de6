# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who is on a mail, as its reader may know, and which contacts are they?"""

from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    sender = fields.Char(compute="_compute_people", string="From")
    recipients = fields.Char(compute="_compute_people", string="To")
    carbon_copy = fields.Char(compute="_compute_people", string="Cc")
    blind_copy = fields.Char(compute="_compute_people", string="Bcc")
    # short forms for lists: names where there are some
    sender_name = fields.Char(compute="_compute_people")
    recipient_names = fields.Char(compute="_compute_people")
    people = fields.Char(
        compute="_compute_people",
        search="_search_people",
        help="Everybody on the mail, by name and address",
    )

    partner_ids = fields.Many2many(
        comodel_name="res.partner",
        compute="_compute_partner_ids",
        search="_search_partner_ids",
        string="Contacts",
    )
    matched_by_domain = fields.Boolean(
        compute="_compute_matched_by_domain",
        help="Nobody on it is a contact, but a company has the domain of one of them",
    )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_people(self):
        readable = list(self._copies_by_message())
        people = defaultdict(lambda: defaultdict(list))
        if readable:
            self.env.cr.execute(
                SQL(
                    """SELECT p.message_id, p.role, p.name, a.email_normalized
                         FROM crm_mail_mirror_participant p
                         JOIN crm_mail_mirror_address a ON a.id = p.address_id
                        WHERE p.message_id = ANY(%s) AND %s
                        ORDER BY p.id""",
                    readable,
                    self._participant_is_visible(),
                )
            )
            for message, role, name, email in self.env.cr.fetchall():
                people[message][role].append(f"{name} <{email}>" if name else email)
        for message in self:
            by_role = people[message.id]
            message.sender = ", ".join(by_role["from"]) or False
            message.sender_name = _names(by_role["from"])
            message.recipient_names = _names(by_role["to"] + by_role["cc"])
            message.recipients = ", ".join(by_role["to"]) or False
            message.carbon_copy = ", ".join(by_role["cc"]) or False
            message.blind_copy = ", ".join(by_role["bcc"]) or False
            message.people = (
                ", ".join(
                    dict.fromkeys(one for many in by_role.values() for one in many)
                )
                or False
            )

    @api.model
    def _participant_is_visible(self, sight=None):
        """Condition on ``p``: a Bcc is seen by those who see the copy that has it."""
        return SQL(
            "(p.copy_id IS NULL OR p.copy_id IN (%s))",
            self._visible_copies(SQL("c.id = p.copy_id"), SQL("v.id"), sight),
        )

    def _search_people(self, operator, value):
        by_email = self._text_condition(SQL("a.email_normalized"), operator, value)
        if by_email is None:
            return NotImplemented
        self._flush_for_reading()
        return Domain(
            "id",
            "in",
            SQL(
                """(SELECT p.message_id FROM crm_mail_mirror_participant p
                      JOIN crm_mail_mirror_address a ON a.id = p.address_id
                     WHERE (%s OR %s) AND %s)""",
                by_email,
                self._text_condition(SQL("p.name"), operator, value),
                self._participant_is_visible(),
            ),
        )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_partner_ids(self):
        readable = list(self._copies_by_message())
        directory = self.env["crm.mail.mirror.directory"]
        found = defaultdict(set)
        if readable:
            self.env.cr.execute(
                SQL(
                    """SELECT p.message_id, r.partner_id, a.email_normalized
                         FROM crm_mail_mirror_participant p
                         JOIN crm_mail_mirror_address a ON a.id = p.address_id
                         JOIN crm_mail_mirror_address_partner_rel r
                           ON r.address_id = p.address_id
                         JOIN res_partner c ON c.id = r.partner_id
                        WHERE p.message_id = ANY(%s) AND %s AND NOT %s""",
                    readable,
                    self._participant_is_visible(),
                    directory._is_own_partner("c"),
                )
            )
            rows = self.env.cr.fetchall()
            own = directory._own_among({email for _m, _p, email in rows})
            for message, partner, email in rows:
                if email not in own:
                    found[message].add(partner)
            for message, companies in self._companies_by_domain(readable).items():
                found[message] |= companies
        partners = self.env["res.partner"].with_context(active_test=False)
        readable = set(
            partners.browse({p for many in found.values() for p in many})
            ._filtered_access("read")
            .ids
        )
        for message in self:
            message.partner_ids = [
                fields.Command.set(sorted(found[message.id] & readable))
            ]

    def _companies_by_domain(self, readable):
        """Companies that own the domain of somebody whom the reader sees on the mail.

        :param readable: ids of messages
        :return: ``{message id: ids of companies}``
        """
        directory = self.env["crm.mail.mirror.directory"]
        if not directory._matches_domains():
            return {}
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT p.message_id, a.domain
                     FROM crm_mail_mirror_participant p
                     JOIN crm_mail_mirror_address a ON a.id = p.address_id
                    WHERE p.message_id = ANY(%s) AND %s""",
                readable,
                self._participant_is_visible(),
            )
        )
        rows = self.env.cr.fetchall()
        owners = directory._owners_of({domain for _m, domain in rows if domain})
        found = defaultdict(set)
        for message, domain in rows:
            found[message] |= owners.get(domain, set())
        return found

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_matched_by_domain(self):
        self._flush_for_reading()
        self.env.cr.execute(
            SQL(
                "%s GROUP BY v.message_id HAVING bool_and(v.reason = 'domain')",
                self._visible_copies(
                    SQL("c.message_id = ANY(%s)", list(self.ids)), SQL("v.message_id")
                ),
            )
        )
        found = {message for (message,) in self.env.cr.fetchall()}
        for message in self:
            message.matched_by_domain = message.id in found

    def _search_partner_ids(self, operator, value):
        partners = self.env["res.partner"].with_context(active_test=False)
        if operator == "child_of":
            value = partners.search([("id", "child_of", value)]).ids
        elif operator in ("any", "any!"):
            value = partners.search(value).ids
        elif operator != "in":
            return NotImplemented
        self._flush_for_reading()
        ids = [v for v in value if isinstance(v, int) and v]
        addresses = partners._addresses_of_partners(
            SQL(
                "p.id = ANY(%s) AND NOT %s",
                ids,
                self.env["crm.mail.mirror.directory"]._is_own_partner("p"),
            )
        )
        by_domain = partners.browse(ids)._mirror_shown_domains()
        if by_domain:
            addresses = SQL("(%s UNION %s)", addresses, by_domain)
        return Domain(
            "id",
            "in",
            SQL(
                """(SELECT p.message_id FROM crm_mail_mirror_participant p
                     WHERE p.address_id = ANY(%s) AND %s)""",
                self._without_own(addresses),
                self._participant_is_visible(),
            ),
        )


def _names(people):
    """The first three of "Name <address>", by name, and how many more there are."""
    names = [one.rpartition(" <")[0] or one for one in people]
    more = f" +{len(names) - 3}" if len(names) > 3 else ""
    return (", ".join(names[:3]) + more) or False
