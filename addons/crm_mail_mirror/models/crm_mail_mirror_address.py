# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""To which contacts does an address belong, now or formerly?"""

from odoo import api, fields, models
from odoo.tools import SQL


class CrmMailMirrorAddress(models.Model):
    _name = "crm.mail.mirror.address"
    _description = "Address of a Correspondent"
    _log_access = False
    _rec_name = "email_normalized"

    email_normalized = fields.Char(required=True)
    domain = fields.Char(index="btree_not_null")
    partner_ids = fields.Many2many(
        comodel_name="res.partner",
        relation="crm_mail_mirror_address_partner_rel",
        column1="address_id",
        column2="partner_id",
    )

    _email_uniq = models.UniqueIndex("(email_normalized)")

    @api.model
    def _ensure(self, emails):
        """Rows for these addresses, created when missing.

        :return: ``{email_normalized: id}``
        """
        emails = sorted({email for email in emails if email})
        if not emails:
            return {}
        cr = self.env.cr
        # in the order of the key: two writers that meet wait, they do not deadlock
        cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_address (email_normalized, domain)
                   SELECT e, split_part(e, '@', 2) FROM unnest(%s::text[]) AS e
                   ON CONFLICT (email_normalized) DO NOTHING""",
                emails,
            )
        )
        cr.execute(
            SQL(
                """SELECT email_normalized, id FROM crm_mail_mirror_address
                   WHERE email_normalized = ANY(%s)""",
                emails,
            )
        )
        return dict(cr.fetchall())

    @api.model
    def _link(self, emails):
        """Tie addresses to the contacts that have them now; former ties stay.

        Users, employees and companies are contacts in Odoo, but never correspondents.
        """
        emails = sorted({email for email in emails if email})
        if not emails:
            return
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_address_partner_rel
                          (address_id, partner_id)
                   SELECT a.id, p.id
                     FROM crm_mail_mirror_address a
                     JOIN res_partner p ON p.email_normalized = a.email_normalized
                    WHERE a.email_normalized = ANY(%s)
                      AND NOT %s
                    ORDER BY 1, 2
                   ON CONFLICT DO NOTHING""",
                emails,
                self.env["crm.mail.mirror.directory"]._is_own_partner("p"),
            )
        )

    @api.model
    def _remember(self, pairs):
        """Keep addresses that contacts had before.

        :param pairs: ``[(normalised address, partner id)]``
        """
        pairs = {(email, partner) for email, partner in pairs if email}
        erased = self.env["crm.mail.mirror.suppression"]._erased(e for e, _p in pairs)
        pairs = sorted(pair for pair in pairs if pair[0] not in erased)
        ids = self._ensure([email for email, _partner in pairs])
        if not pairs:
            return
        self.env.cr.execute(
            SQL(
                """INSERT INTO crm_mail_mirror_address_partner_rel
                          (address_id, partner_id)
                   SELECT a, p.id
                     FROM unnest(%s::int[], %s::int[]) AS t(a, p_id)
                     JOIN res_partner p ON p.id = t.p_id
                    WHERE NOT %s
                   ON CONFLICT DO NOTHING""",
                [ids[email] for email, _partner in pairs],
                [partner for _email, partner in pairs],
                self.env["crm.mail.mirror.directory"]._is_own_partner("p"),
            )
        )
