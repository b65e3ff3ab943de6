# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who is on a mail, for a screen: by name, address and contact."""

from collections import defaultdict
from typing import NamedTuple

from odoo import models
from odoo.tools import SQL

from ..engine import legible
from ..engine.domains import domain_of, is_free_mail, lies_within, parent_domains

#: The roles that are shown, in the order of a letter's head.
ROLES = ("from", "to", "cc", "bcc")


class Participant(NamedTuple):
    role: str
    email: str
    name: str
    #: how many have this role on this mail
    count: int
    is_ours: bool
    person: dict


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    def _people_of(self, look, ids, most):
        """``{message id: [Participant]}`` as far as the reader may know of them.

        :param most: so many of each role
        """
        people = defaultdict(list)
        self.env.cr.execute(
            SQL(
                """SELECT message_id, role, name, email_normalized, count
                     FROM (SELECT g.*, a.email_normalized,
                                  row_number() OVER (
                                      PARTITION BY message_id, role ORDER BY first),
                                  count(*) OVER (PARTITION BY message_id, role)
                             FROM (SELECT p.message_id, p.role, p.address_id,
                                          min(p.id) AS first, max(p.name) AS name
                                     FROM crm_mail_mirror_participant p
                                    WHERE p.message_id = ANY(%s) AND p.role = ANY(%s)
                                      AND %s
                                    GROUP BY 1, 2, 3) AS g
                             JOIN crm_mail_mirror_address a ON a.id = g.address_id
                          ) AS n
                    WHERE row_number <= %s
                    ORDER BY message_id, array_position(%s, role), first""",
                list(ids),
                list(ROLES),
                self._participant_is_visible(look.sight),
                most,
                list(ROLES),
            )
        )
        rows = self.env.cr.fetchall()
        emails = {row[3] for row in rows}
        ours = self._ours_among(emails)
        contacts = self._contacts_of(emails)
        for message, role, name, email, count in rows:
            person = {
                "name": legible.line(name, 100),
                "email": legible.ascii_email(email),
                "partner_id": None,
                "partner_name": None,
                "avatar": False,
                # whoever somebody made a contact of is who they are taken for
                "suspicious": email not in contacts and legible.is_suspicious(email),
                **contacts.get(email, {}),
            }
            people[message].append(
                Participant(role, email, name, count, email in ours, person)
            )
        return people

    def _ours_among(self, emails):
        """Which of these addresses are ours, or at a domain of ours?"""
        directory = self.env["crm.mail.mirror.directory"]
        own = directory._own_among(emails)
        homes = {home for e in emails for home in parent_domains(domain_of(e))}
        self.env.cr.execute(directory._own_domains_among(homes))
        found = frozenset(
            home
            for (home,) in self.env.cr.fetchall()
            if home in homes and "." in home and not is_free_mail(home)
        )
        return {e for e in emails if e in own or lies_within(domain_of(e), found)}

    def _contacts_of(self, emails):
        """``{email: {"partner_id", "partner_name", "avatar"}}`` of contacts that
        ``env.uid`` may read; who has the address now comes before who had it."""
        self.env.cr.execute(
            SQL(
                """SELECT email_normalized, id, 0 AS former FROM res_partner
                    WHERE email_normalized = ANY(%(emails)s) AND active
                   UNION ALL
                   SELECT a.email_normalized, r.partner_id, 1
                     FROM crm_mail_mirror_address a
                     JOIN crm_mail_mirror_address_partner_rel r ON r.address_id = a.id
                    WHERE a.email_normalized = ANY(%(emails)s)
                    ORDER BY former, id""",
                emails=list(emails),
            )
        )
        rows = self.env.cr.fetchall()
        partners = self.env["res.partner"].browse({row[1] for row in rows})
        readable = partners._filtered_access("read")
        names = {p.id: p.sudo().display_name for p in readable}
        pictures = self._with_picture(readable.ids)
        contacts = {}
        for email, partner, _former in rows:
            if partner in names and email not in contacts:
                contacts[email] = {
                    "partner_id": partner,
                    "partner_name": legible.line(names[partner], 100),
                    "avatar": partner in pictures,
                }
        return contacts

    def _with_picture(self, partner_ids):
        self.env.cr.execute(
            """SELECT DISTINCT res_id FROM ir_attachment
                WHERE res_model = 'res.partner' AND res_field = 'image_128'
                  AND res_id = ANY(%s)""",
            [list(partner_ids)],
        )
        return {ident for (ident,) in self.env.cr.fetchall()}

    def _correspondents(self, participants):
        """The people of a row in a list: others before us, at most three."""
        once = {}
        for each in sorted(participants, key=lambda p: p.is_ours):
            once.setdefault(each.email, each.person)
        total = sum({p.role: p.count for p in participants}.values())
        keys = ("name", "email", "partner_id", "avatar", "suspicious")
        people = [
            {key: person[key] for key in keys}
            | {"name": person["name"] or person["partner_name"] or ""}
            for person in list(once.values())[:3]
        ]
        # who stands there in two roles is counted once where all are known
        if len(participants) == total:
            total = len(once)
        return {"people": people, "more_people": max(total - len(people), 0)}

    def _roles(self, participants):
        """Sender and recipients of a mail in the reading pane."""
        by_role, more = defaultdict(list), {}
        for each in participants:
            by_role[each.role].append(each.person)
            more[each.role] = each.count
        return {
            "sender": by_role["from"][0] if by_role["from"] else None,
            **{role: by_role[role] for role in ROLES[1:]},
            "more": {
                role: max(more.get(role, 0) - len(by_role[role]), 0)
                for role in ROLES[1:]
            },
        }
