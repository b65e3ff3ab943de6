# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whose are the addresses on a page of mail? Ours, a contact's, or a stranger's."""

from collections import defaultdict

from odoo import api, models
from odoo.tools import SQL

from ..engine.addresses import ascii_domain
from ..engine.company_domains import (
    WEBSITE,
    as_companies_write,
    may_be_a_companys,
)
from ..engine.domains import domain_of, is_free_mail, is_listed_free, parent_domains
from ..engine.rules import Directory

#: Some ten megabytes of addresses.
MOST_KNOWN = 100_000
#: The host of a contact's website without ``www.``, in SQL; res.partner has an index of
#: the same words. Cut, as an index takes no more than some thousand bytes.
WEBSITE_HOST = f"left(rtrim(substring(lower(website) from '{WEBSITE}'), '.'), 255)"


class CrmMailMirrorDirectory(models.AbstractModel):
    _name = "crm.mail.mirror.directory"
    _description = "Directory for Matching Mail"

    # what belongs to us; crm_mail_mirror_hr adds the employees

    @api.model
    def _own_addresses(self, emails):
        """Queries (SELECT of one column) of those of these addresses that are ours.

        A mailbox's own address and aliases are its policy's: whatever an owner types
        there must not make a customer one of us for everybody.

        :param emails: a list; each query finds them by an index
        """
        return [
            SQL(
                """SELECT p.email_normalized FROM res_partner p
                    WHERE p.email_normalized = ANY(%s) AND %s""",
                emails,
                self._is_own_partner("p"),
            ),
            SQL(
                """SELECT lower(u.login) FROM res_users u
                    WHERE NOT u.share AND lower(u.login) = ANY(%s)""",
                emails,
            ),
        ]

    @api.model
    def _own_among(self, emails):
        """Which of these addresses are ours?"""
        if not emails:
            return frozenset()
        self.env.cr.execute(SQL(" UNION ").join(self._own_addresses(sorted(emails))))
        return frozenset(email for (email,) in self.env.cr.fetchall())

    def _own_domains_query(self, shared):
        """Domains of ours: the companies', the aliases', those that users share.

        :param shared: query of the last ones
        """
        return SQL(
            """SELECT split_part(p.email_normalized, '@', 2)
                 FROM res_partner p JOIN res_company c ON c.partner_id = p.id
               UNION
               SELECT lower(name) FROM mail_alias_domain
               UNION
               %s""",
            shared,
        )

    @api.model
    def _own_domains(self):
        """Domains of ours; never free-mail, which is nobody's.

        One user alone makes no domain ours: a freelancer may have an address at a
        customer's.
        """
        shared = SQL(
            """SELECT split_part(p.email_normalized, '@', 2)
                 FROM res_partner p JOIN res_users u ON u.partner_id = p.id
                WHERE NOT u.share
                GROUP BY 1 HAVING count(*) > 1"""
        )
        self.env.cr.execute(self._own_domains_query(shared))
        return _owned(domain for (domain,) in self.env.cr.fetchall())

    def _own_domains_among(self, domains):
        """The same, but of those that users share only these: for each page of mail.

        Counting the users took 150 ms a page where they are two thousand. The contacts
        of a domain by their index, whatever the limit (OFFSET 0): where users are few,
        PostgreSQL read all contacts for each domain, half a minute at 200,000. And who
        is a user by the index too: where a thousand had just come and nothing was
        analysed yet, it read all of them for each contact, 40 to 100 ms a page.
        """
        shared = SQL(
            """SELECT d.domain FROM unnest(%s::text[]) AS d(domain)
                WHERE (SELECT count(*) FROM (
                           SELECT 1 FROM (
                               SELECT p.id FROM res_partner p
                                WHERE split_part(p.email_normalized, '@', 2) = d.domain
                               OFFSET 0) AS p
                            WHERE EXISTS (SELECT 1 FROM res_users u
                                           WHERE u.partner_id = p.id AND NOT u.share
                                          OFFSET 0)
                            LIMIT 2) AS two) = 2""",
            sorted(domains),
        )
        return self._own_domains_query(shared)

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
    def _all_known(self, domains=False):
        """All addresses that have, or had, a contact or a lead; sorted by their bytes.

        ``None`` when they are more than ``MOST_KNOWN``: a first import that is listed
        by that many is no shorter than one of every header.

        :param domains: a company's domain stands for all its addresses, as ``@domain``
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
        known = [email for (email,) in self.env.cr.fetchall()]
        if not domains:
            return tuple(known)
        companies = self._all_known_domains()
        known = [email for email in known if domain_of(email) not in companies]
        known += [f"@{domain}" for domain in companies]
        return tuple(sorted(known, key=str.encode))

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

    # whose is a domain?

    def _claims_query(self, spellings=None):
        """Query of the claims of companies among the contacts on domains.

        Columns ``spelling``, ``company`` (its id), ``rank``: 1 it has its website
        there, 2 its address, 3 one of its contacts has. Not ours.

        :param spellings: only of these; None: of all there are
        """

        def among(column):
            return (
                SQL("%s != ''", column)
                if spellings is None
                else SQL("%s = ANY(%s)", column, spellings)
            )

        return SQL(
            """SELECT %(host)s AS spelling, p.id AS company, 1 AS rank
                 FROM res_partner p
                WHERE %(hosts)s AND p.is_company AND NOT %(own)s
               UNION ALL
               SELECT split_part(p.email_normalized, '@', 2), c.id,
                      CASE WHEN p.id = c.id THEN 2 ELSE 3 END
                 FROM res_partner p
                 JOIN res_partner c ON c.id = p.commercial_partner_id
                WHERE %(mails)s AND c.is_company AND NOT %(own)s AND NOT %(ours)s""",
            host=SQL(WEBSITE_HOST),
            hosts=among(SQL(WEBSITE_HOST)),
            mails=among(SQL("split_part(p.email_normalized, '@', 2)")),
            own=self._is_own_partner("p"),
            ours=self._is_own_partner("c"),
        )

    def _known_domains_query(self, spellings):
        """Which of these does any company own? Column ``spelling``."""
        return SQL(
            # one claim is enough: a company may have thousands of contacts
            """SELECT s.spelling FROM unnest(%s::text[]) AS s(spelling)
                CROSS JOIN LATERAL (
                      SELECT 1 FROM (%s) AS one LIMIT 1) AS claim
                WHERE EXISTS (SELECT 1 FROM res_company WHERE mirror_match_domains)""",
            list(spellings),
            SQL(
                """SELECT 1 FROM res_partner p
                    WHERE %(host)s = s.spelling AND p.is_company AND NOT %(own)s
                   UNION ALL
                   SELECT 1 FROM res_partner p
                     JOIN res_partner c ON c.id = p.commercial_partner_id
                    WHERE split_part(p.email_normalized, '@', 2) = s.spelling
                      AND c.is_company AND NOT %(own)s AND NOT %(ours)s""",
                host=SQL(WEBSITE_HOST),
                own=self._is_own_partner("p"),
                ours=self._is_own_partner("c"),
            ),
        )

    @api.model
    def _known_domains(self, domains):
        """Which of these domains belong to companies whose mail is matched by them?"""
        spellings = as_companies_write(filter(may_be_a_companys, domains))
        if not spellings:
            return set()
        self.env.cr.execute(self._known_domains_query(spellings))
        return {spellings[spelling] for (spelling,) in self.env.cr.fetchall()}

    def _all_known_domains(self):
        """All domains that companies among the contacts own."""
        self.env.cr.execute(
            SQL("SELECT DISTINCT spelling FROM (%s) AS c", self._claims_query())
        )
        domains = {ascii_domain(domain) for (domain,) in self.env.cr.fetchall()}
        return set(filter(may_be_a_companys, domains)) - self._own_domains()

    @api.model
    def _owners_of(self, domains):
        """Whose are these domains? The companies with the best claim on each.

        Its website counts most, then its own address, then those of its contacts.

        :return: ``{domain: ids of companies}``, without those that nobody owns
        """
        spellings = as_companies_write(set(domains) - self._own_domains())
        if not spellings:
            return {}
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT spelling, company, rank FROM (%s) AS c
                    ORDER BY rank""",
                self._claims_query(list(spellings)),
            )
        )
        best, owners = {}, {}
        for spelling, company, rank in self.env.cr.fetchall():
            domain = spellings[spelling]
            if not may_be_a_companys(domain):
                continue
            if best.setdefault(domain, rank) == rank:
                owners.setdefault(domain, set()).add(company)
        return owners

    @api.model
    def _domains_of(self, companies):
        """Domains whose mail belongs to these companies: nobody's claim is better.

        :param companies: ids of contacts
        """
        self.env.cr.execute(
            SQL(
                """SELECT %s FROM res_partner p WHERE p.id = ANY(%s) AND p.is_company
                   UNION
                   SELECT split_part(p.email_normalized, '@', 2) FROM res_partner p
                    WHERE p.commercial_partner_id = ANY(%s)""",
                SQL(WEBSITE_HOST),
                list(companies),
                list(companies),
            )
        )
        claimed = {ascii_domain(d) for (d,) in self.env.cr.fetchall() if d}
        return {
            domain
            for domain, owners in self._owners_of(claimed).items()
            if owners.intersection(companies)
        }

    @api.model
    def _matches_domains(self):
        """Does mail belong to companies by their domain, for who is looking?"""
        return any(self.env.companies.sudo().mapped("mirror_match_domains"))

    # the page

    @api.model
    def _look_up(self, emails, mailbox_id=None):
        """What the database knows of the addresses of a page: one query.

        :param emails: normalised addresses
        :param mailbox_id: whose company's retention counts; ``None``: any company's
        :rtype: Directory
        """
        emails = sorted(emails)
        domains = {domain_of(email) for email in emails}
        spellings = as_companies_write(domains)
        suppressions = self.env["crm.mail.mirror.suppression"]
        digests = suppressions._digests(emails)
        self.env.cr.execute(
            SQL(
                """SELECT 'own', o.email FROM (%(own)s) AS o(email)
                   UNION ALL
                   SELECT 'own_domain', d.domain FROM (%(own_domains)s) AS d(domain)
                   UNION ALL
                   SELECT 'known', k.email FROM (%(known)s) AS k(email)
                   UNION ALL
                   SELECT 'known_domain', s.spelling FROM (%(domains)s) AS s
                   UNION ALL
                   %(suppressed)s""",
                own=SQL(" UNION ").join(self._own_addresses(emails)),
                own_domains=self._own_domains_among(_possible_homes(domains)),
                known=self._known_query(emails),
                domains=self._known_domains_query(spellings),
                suppressed=suppressions._page_query(digests, mailbox_id),
            )
        )
        found = defaultdict(set)
        for kind, value in self.env.cr.fetchall():
            found[kind].add(value)
        own = frozenset(found["own"])
        own_domains = _owned(found["own_domain"])
        known_domains = {
            spellings[spelling]
            for spelling in found["known_domain"]
            if may_be_a_companys(spellings[spelling])
        }
        erased, floors = suppressions._page_answer(
            digests, found["erased"], found["floor"]
        )
        return Directory(
            own=own,
            own_domains=own_domains,
            known=frozenset(found["known"] - own),
            known_domains=frozenset(known_domains - own_domains),
            erased=erased,
            floors=floors,
        )


def _owned(domains):
    return frozenset(d for d in domains if d and not is_free_mail(d))


def _possible_homes(domains):
    """These and all that they lie in, but for what many share."""
    return {
        home
        for domain in domains
        for home in parent_domains(domain)
        if "." in home and not is_listed_free(home)
    }
