# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whose are the addresses on a page of mail? Ours, a contact's, or a stranger's."""

from odoo import api, models
from odoo.tools import SQL

from odoo.addons.iap.tools.iap_tools import _MAIL_PROVIDERS

from ..engine.rules import Directory

#: Some ten megabytes of addresses.
MOST_KNOWN = 100_000


class CrmMailMirrorDirectory(models.AbstractModel):
    _name = "crm.mail.mirror.directory"
    _description = "Directory for Matching Mail"

    # what belongs to us; crm_mail_mirror_hr adds the employees

    @api.model
    def _own_addresses(self):
        """Queries (SELECT of one column `email`) of all addresses that are ours.

        A mailbox's own address and aliases are its policy's: whatever an owner types
        there must not make a customer one of us for everybody.
        """
        return [
            SQL(
                """SELECT p.email_normalized AS email FROM res_users u
                   JOIN res_partner p ON p.id = u.partner_id WHERE NOT u.share"""
            ),
            SQL("SELECT lower(u.login) AS email FROM res_users u WHERE NOT u.share"),
            SQL(
                """SELECT p.email_normalized AS email FROM res_company c
                   JOIN res_partner p ON p.id = c.partner_id"""
            ),
        ]

    @api.model
    def _own_among(self, emails):
        """Which of these addresses are ours?"""
        if not emails:
            return frozenset()
        self.env.cr.execute(
            SQL(
                "SELECT DISTINCT email FROM (%s) AS o WHERE email = ANY(%s)",
                SQL(" UNION ALL ").join(self._own_addresses()),
                sorted(emails),
            )
        )
        return frozenset(email for (email,) in self.env.cr.fetchall())

    @api.model
    def _own_domains(self):
        """Domains of ours: the companies', the aliases', those that users share.

        Never free-mail. One user alone makes no domain ours: a freelancer may have an
        address at a customer's.
        """
        self.env.cr.execute(
            SQL(
                """SELECT split_part(p.email_normalized, '@', 2)
                     FROM res_partner p JOIN res_company c ON c.partner_id = p.id
                   UNION
                   SELECT split_part(p.email_normalized, '@', 2)
                     FROM res_partner p JOIN res_users u ON u.partner_id = p.id
                    WHERE NOT u.share
                    GROUP BY 1 HAVING count(*) > 1
                   UNION
                   SELECT lower(name) FROM mail_alias_domain"""
            )
        )
        return frozenset(
            domain
            for (domain,) in self.env.cr.fetchall()
            if domain and domain not in _MAIL_PROVIDERS
        )

    @api.model
    def _is_own_partner(self, alias):
        """A condition on a row of res_partner: is it one of us?"""
        return SQL(
            """(EXISTS (SELECT 1 FROM res_users ou
                         WHERE ou.partner_id = %(id)s AND NOT ou.share)
                OR EXISTS (SELECT 1 FROM res_company oc WHERE oc.partner_id = %(id)s))
            """,
            id=SQL.identifier(alias, "id"),
        )

    @api.model
    def _known(self, emails):
        """Which of these addresses have, or had, a contact or a lead?"""
        emails = list(emails)
        if not emails:
            return frozenset()
        self.env.cr.execute(self._known_query(emails))
        return frozenset(email for (email,) in self.env.cr.fetchall())

    @api.model
    def _all_known(self):
        """All addresses that have, or had, a contact or a lead; sorted by their bytes.

        ``None`` when they are more than ``MOST_KNOWN``: a first import that is listed
        by that many is no shorter than one of every header.
        """
        self.env.cr.execute(
            SQL(
                """SELECT email COLLATE "C" FROM (%s) AS k(email)
                    WHERE strpos(email, '@') > 1 ORDER BY 1 LIMIT %s""",
                self._known_query(),
                MOST_KNOWN + 1,
            )
        )
        if self.env.cr.rowcount > MOST_KNOWN:
            return None
        return tuple(email for (email,) in self.env.cr.fetchall())

    def _known_query(self, emails=None):
        """:param emails: only these; None: all there are"""

        def among(column):
            return (
                SQL("TRUE") if emails is None else SQL("%s = ANY(%s)", column, emails)
            )

        return SQL(
            """SELECT p.email_normalized FROM res_partner p
                WHERE %(partners)s AND NOT %(own)s
               UNION
               SELECT l.email_normalized FROM crm_lead l WHERE %(leads)s
               UNION
               SELECT a.email_normalized FROM crm_mail_mirror_address a
                 JOIN crm_mail_mirror_address_partner_rel r ON r.address_id = a.id
                 JOIN res_partner p ON p.id = r.partner_id
                WHERE %(former)s AND NOT %(own)s""",
            partners=among(SQL("p.email_normalized")),
            leads=among(SQL("l.email_normalized")),
            former=among(SQL("a.email_normalized")),
            own=self._is_own_partner("p"),
        )

    @api.model
    def _look_up(self, emails):
        """What the database knows of the addresses of a page: three queries.

        :param emails: normalised addresses
        :rtype: Directory
        """
        own = self._own_among(emails)
        return Directory(
            own=own,
            own_domains=self._own_domains(),
            known=self._known(set(emails) - own),
        )
