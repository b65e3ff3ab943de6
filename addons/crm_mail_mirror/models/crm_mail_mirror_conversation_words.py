# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mails hold these words, or this person, for who may read them?

Words are found from their beginnings, by an index of subjects and one of texts (which
words: ``found_words.py``). The level and the sharing stand in the same query: how many
mails of others hold a word changes nothing of the answer.
"""

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .crm_mail_mirror_conversation_walk import FOUND_AT_ONCE
from .crm_mail_mirror_message import array
from .found_words import asked_for, ensure_given_words, ensure_words, words_of


class CrmMailMirrorBody(models.Model):
    _name = "crm.mail.mirror.body"
    _inherit = ["crm.mail.mirror.body"]

    # a word in a million texts: 3 ms instead of minutes
    _words_idx = models.Index("USING gin (text_words)")

    def _add_sql_constraints(self):
        ensure_given_words(self.env.cr, self._table, "text_words", "text")
        return super()._add_sql_constraints()


class CrmMailMirrorParticipant(models.Model):
    _name = "crm.mail.mirror.participant"
    _inherit = ["crm.mail.mirror.participant"]

    _words_idx = models.Index("USING gin (name_words)")

    def _add_sql_constraints(self):
        ensure_words(self.env.cr, self._table, "name_words", words_of("name", 500))
        return super()._add_sql_constraints()


class CrmMailMirrorAddress(models.Model):
    _name = "crm.mail.mirror.address"
    _inherit = ["crm.mail.mirror.address"]

    _words_idx = models.Index("USING gin (email_words)")

    def _add_sql_constraints(self):
        words = words_of("email_normalized", 500)
        ensure_words(self.env.cr, self._table, "email_words", words)
        return super()._add_sql_constraints()


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    # for search bars: what a list of mail is searched for
    words = fields.Char(
        string="Subject or text", compute="_compute_words", search="_search_words"
    )

    _words_idx = models.Index("USING gin (subject_words)")

    def _add_sql_constraints(self):
        words = words_of("subject_raw", 10_000)
        ensure_words(self.env.cr, self._table, "subject_words", words)
        return super()._add_sql_constraints()

    def _compute_words(self):
        self.words = False

    def _search_words(self, operator, value):
        if operator not in ("ilike", "like") or not isinstance(value, str):
            return NotImplemented
        self._flush_for_reading()
        return Domain("id", "in", self._holds(self._sight(), value))

    def _found_at_once(self, look):
        """Ids of all mails that pass text, person and search bar; None: too many."""
        sight, filters, parts = look.sight, look.filters, []
        if filters.text:
            parts.append(self._holds(sight, filters.text, most=FOUND_AT_ONCE))
        if filters.person:
            parts.append(self._is_on(sight, filters.person, most=FOUND_AT_ONCE))
        if look.found is not None:
            parts.append(
                SQL("(SELECT * FROM %s AS d LIMIT %s)", look.found, FOUND_AT_ONCE)
            )
        found = None
        for part in parts:
            self.env.cr.execute(SQL("SELECT f.id FROM %s AS f(id)", part))
            ids = [ident for (ident,) in self.env.cr.fetchall()]
            if len(ids) < FOUND_AT_ONCE:
                found = set(ids) if found is None else found & set(ids)
        if not found or len(parts) == 1:
            return found
        return self._passing(look, list(found))

    def _passing(self, look, ids):
        """Which of these mails pass text, person and search bar?"""
        filters, parts = look.filters, []
        if filters.text:
            among = SQL("c.message_id = ANY(%s)", ids)
            parts.append(self._holds(look.sight, filters.text, among))
        if filters.person:
            among = SQL("p.message_id = ANY(%s)", ids)
            parts.append(self._is_on(look.sight, filters.person, among))
        if look.found is not None:
            parts.append(
                SQL(
                    "(SELECT t.id FROM unnest(%s::int[]) AS t(id) WHERE t.id IN %s)",
                    array(ids),
                    look.found,
                )
            )
        passing = set(ids)
        for part in parts:
            self.env.cr.execute(SQL("SELECT f.id FROM %s AS f(id)", part))
            passing.intersection_update(i for (i,) in self.env.cr.fetchall())
        return passing

    def _holds(self, sight, text, among=None, most=None):
        """Subquery of ids: a subject or text that the reader may read holds the words.

        :param among: SQL condition on ``c``, which few copies meet
        :param most: at most so many of each, one mail maybe more than once
        """
        asked = asked_for(text)
        columns = SQL("v.message_id, v.body_id, v.shown")
        has_subject = SQL(
            "v.shown IN ('subject', 'everything') AND s.subject_words @@ %s", asked
        )
        has_text = SQL("v.shown = 'everything' AND b.text_words @@ %s", asked)
        if among:
            return SQL(
                """(SELECT v.message_id FROM (%s) AS v
                      JOIN crm_mail_mirror_message s ON s.id = v.message_id
                      LEFT JOIN crm_mail_mirror_body b ON b.id = v.body_id
                     WHERE %s OR %s)""",
                self._visible_copies(among, columns, sight),
                has_subject,
                has_text,
            )
        return SQL(
            # OFFSET 0: from the index of words to copies, never the other way; where
            # few are wanted, to those of one after the other
            """((SELECT s.id
                   FROM (SELECT id FROM crm_mail_mirror_message
                          WHERE subject_words @@ %(asked)s OFFSET 0) AS s
                  CROSS JOIN LATERAL (%(by_subject)s %(fence)s) AS v
                  WHERE v.shown IN ('subject', 'everything') %(most)s)
                UNION ALL
                (SELECT b.message_id
                   FROM (SELECT id, message_id FROM crm_mail_mirror_body
                          WHERE text_words @@ %(asked)s OFFSET 0) AS b
                  CROSS JOIN LATERAL (%(by_text)s %(fence)s) AS v
                  WHERE v.shown = 'everything' %(most)s))""",
            asked=asked,
            by_subject=self._visible_copies(SQL("c.message_id = s.id"), columns, sight),
            by_text=self._visible_copies(SQL("c.body_id = b.id"), columns, sight),
            fence=SQL("OFFSET 0") if most else SQL(),
            most=SQL("LIMIT %s", most) if most else SQL(),
        )

    def _is_on(self, sight, person, among=None, most=None):
        """Subquery of ids: somebody of this name or address is on it, as the reader
        sees. Parameters as in ``_holds``, but that ``among`` is on ``p``."""
        asked = asked_for(person)
        shown = SQL(
            "%s AND %s",
            self._participant_is_visible(sight),
            among
            or SQL(
                "EXISTS (%s)",
                self._visible_copies(
                    SQL("c.message_id = p.message_id"), SQL("1"), sight
                ),
            ),
        )
        return SQL(
            """((SELECT p.message_id FROM crm_mail_mirror_participant p
                  WHERE p.name_words @@ %(asked)s AND %(shown)s %(most)s)
                UNION ALL
                (SELECT p.message_id FROM crm_mail_mirror_address a
                   JOIN crm_mail_mirror_participant p ON p.address_id = a.id
                  WHERE a.email_words @@ %(asked)s AND %(shown)s %(most)s))""",
            asked=asked,
            shown=shown,
            most=SQL("LIMIT %s", most) if most else SQL(),
        )
