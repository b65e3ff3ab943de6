# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is mail found, so that nobody finds what they may not read?"""

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from .crm_mail_mirror_copy import SHARING

_POSITIVE = {"ilike": "ILIKE", "like": "LIKE", "=ilike": "ILIKE", "=like": "LIKE"}


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    # ---- searching what the reader may see ------------------------------------------

    def _text_condition(self, column, operator, value):
        """``column operator value`` in SQL, None where the framework has to negate."""
        if operator in _POSITIVE:
            pattern = value if operator.startswith("=") else f"%{value}%"
            return SQL("%s %s %s", column, SQL(_POSITIVE[operator]), pattern)
        if operator == "in":
            return SQL("%s = ANY(%s)", column, [v for v in value if isinstance(v, str)])
        return None

    def _search_visible(self, shared, condition, join=None):
        """Messages with a visible copy that shares enough and meets the condition."""
        self._flush_for_reading()
        return Domain(
            "id",
            "in",
            SQL(
                "(SELECT s.message_id FROM (%s) AS s %s"
                " WHERE s.shown = ANY(%s) AND %s)",
                self._visible_copies(SQL("TRUE"), SQL("v.*")),
                join or SQL(),
                list(shared),
                condition,
            ),
        )

    def _search_subject(self, operator, value):
        condition = self._text_condition(SQL("t.subject_raw"), operator, value)
        if condition is None:
            return NotImplemented
        return self._search_visible(
            ("subject", "everything"),
            condition,
            SQL("JOIN crm_mail_mirror_message t ON t.id = s.message_id"),
        )

    def _search_body(self, operator, value):
        condition = self._text_condition(SQL("b.text"), operator, value)
        if condition is None:
            return NotImplemented
        return self._search_visible(
            ("everything",),
            condition,
            SQL("JOIN crm_mail_mirror_body b ON b.id = s.body_id"),
        )

    def _search_direction(self, operator, value):
        if operator != "in":
            return NotImplemented
        return self._search_visible(
            [name for name, _label in SHARING],
            SQL("s.direction = ANY(%s)", [v for v in value if v]),
        )

    def _search_owner_ids(self, operator, value):
        if operator in ("any", "any!"):
            value = self.env["res.users"].search(value).ids
        elif operator in _POSITIVE:
            value = self.env["res.users"].search([("name", operator, value)]).ids
        elif operator != "in":
            return NotImplemented
        return self._search_visible(
            [name for name, _label in SHARING],
            SQL("s.owner_id = ANY(%s)", [v for v in value if isinstance(v, int) and v]),
        )

    def _search_is_mine(self, operator, value):
        if operator != "in":
            return NotImplemented
        return self._search_visible(
            [name for name, _label in SHARING], SQL("s.owner_id = %s", self.env.uid)
        )

    # ---- the way from addresses to mail ---------------------------------------------

    @api.model
    def _of_addresses(self, addresses, limit=None):
        """Mail with any of these addresses that the reader may see, newest first.

        :param addresses: SQL subquery of address ids; our own among them do not count
        :param limit: at most so many
        :return: messages; rows that are the same mail to its reader come as one
        """
        self._flush_for_reading()
        self.env["crm.mail.mirror.participant"].flush_model()
        addresses = self._without_own(addresses)
        if not addresses or not self.has_access("read"):
            return self.browse()
        self.env.cr.execute(
            SQL(
                # each address gives its newest from the index, whatever lies behind: a
                # company with 60,000 mails took a second before
                """SELECT DISTINCT ON (n.date, n.message_id) n.message_id, t.same_key
                     FROM unnest(%s::int[]) AS a(id)
                    CROSS JOIN LATERAL (
                          SELECT p.date, p.message_id
                            FROM crm_mail_mirror_participant p
                           WHERE p.address_id = a.id AND %s AND EXISTS (%s)
                           ORDER BY p.date DESC, p.message_id %s) AS n
                     JOIN crm_mail_mirror_message t ON t.id = n.message_id
                    ORDER BY n.date DESC, n.message_id DESC %s""",
                addresses,
                self._participant_is_visible(),
                self._visible_copies(SQL("c.message_id = p.message_id"), SQL("1")),
                # some more, for those that turn out to be the same mail
                SQL("LIMIT %s", limit * 2) if limit else SQL(),
                SQL("LIMIT %s", limit * 2) if limit else SQL(),
            )
        )
        ids, shown = [], set()
        for message, same_key in self.env.cr.fetchall():
            if same_key and same_key in shown:
                continue
            shown.add(same_key)
            ids.append(message)
        return self.browse(ids[:limit] if limit else ids)

    @api.model
    def _without_own(self, addresses):
        """Ids of these addresses (SQL subquery) but for our own."""
        self.env["crm.mail.mirror.address"].flush_model()
        self.env.cr.execute(
            SQL(
                """SELECT email_normalized, id FROM crm_mail_mirror_address
                    WHERE id IN %s""",
                addresses,
            )
        )
        ids = dict(self.env.cr.fetchall())
        own = self.env["crm.mail.mirror.directory"]._own_among(ids)
        return [address for email, address in ids.items() if email not in own]
