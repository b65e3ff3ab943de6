# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mails hold these words, or this person, for who may read them?

Words are found from their beginnings, by an index of subjects and one of texts. The
level and the sharing stand in the same query: how many mails of others hold a word
changes nothing of the answer.
"""

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .crm_mail_mirror_conversation_walk import FOUND_AT_ONCE

#: Characters of a text by whose words it is found (PostgreSQL: a megabyte of words).
INDEXED = 100_000
SUBJECT_WORDS = "to_tsvector('simple'::regconfig, left(subject_raw, 10000))"
TEXT_WORDS = f"to_tsvector('simple'::regconfig, left(text, {INDEXED}))"


class CrmMailMirrorBody(models.Model):
    _name = "crm.mail.mirror.body"
    _inherit = ["crm.mail.mirror.body"]

    # a word in a million texts: 3 ms instead of minutes
    _words_idx = models.Index(f"USING gin ({TEXT_WORDS})")


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    # for search bars: what a list of mail is searched for
    words = fields.Char(
        string="Subject or text", compute="_compute_words", search="_search_words"
    )

    _words_idx = models.Index(f"USING gin ({SUBJECT_WORDS})")

    def _compute_words(self):
        self.words = False

    def _search_words(self, operator, value):
        if operator not in ("ilike", "like") or not isinstance(value, str):
            return NotImplemented
        self._flush_for_reading()
        return Domain("id", "in", self._holds(self._sight(), value))

    def _found_at_once(self, look):
        """Ids of all mails that pass text, person and search bar; None: too many."""
        parts = []
        if look.filters.text:
            parts.append(self._holds(look.sight, look.filters.text))
        if look.found is not None:
            parts.append(look.found)
        if look.filters.person and look.scope.model is None:
            parts.append(self._is_on(look.sight, look.filters.person))
        found = None
        for part in parts:
            self.env.cr.execute(
                SQL(
                    "SELECT DISTINCT f.id FROM %s AS f(id) LIMIT %s",
                    part,
                    FOUND_AT_ONCE,
                )
            )
            ids = {ident for (ident,) in self.env.cr.fetchall()}
            if len(ids) < FOUND_AT_ONCE:
                found = ids if found is None else found & ids
        return None if found is None else self._passing(look, list(found))

    def _passing(self, look, ids):
        """Which of these mails pass text, person and search bar?"""
        conditions = [SQL("t.id = ANY(%s)", ids)]
        if look.filters.text:
            holds = self._holds(
                look.sight, look.filters.text, SQL("c.message_id = ANY(%s)", ids)
            )
            conditions.append(SQL("t.id IN %s", holds))
        if look.filters.person:
            conditions.append(
                SQL(
                    "t.id IN %s",
                    self._is_on(
                        look.sight,
                        look.filters.person,
                        SQL("p.message_id = ANY(%s)", ids),
                    ),
                )
            )
        if look.found is not None:
            conditions.append(SQL("t.id IN %s", look.found))
        self.env.cr.execute(
            SQL(
                "SELECT t.id FROM crm_mail_mirror_message t WHERE %s",
                SQL(" AND ").join(conditions),
            )
        )
        return {ident for (ident,) in self.env.cr.fetchall()}

    def _holds(self, sight, text, among=None):
        """Subquery of ids: a subject or text that the reader may read holds the words.

        :param among: SQL condition on ``c``
        """
        asked = _words_query(text)
        copies = self._visible_copies(
            among or SQL("TRUE"), SQL("v.message_id, v.body_id, v.shown"), sight
        )
        return SQL(
            """(SELECT s.id FROM crm_mail_mirror_message s
                  JOIN (%(copies)s) AS v ON v.message_id = s.id
                 WHERE v.shown IN ('subject', 'everything')
                   AND %(subject)s @@ %(asked)s
                UNION
                SELECT b.message_id FROM crm_mail_mirror_body b
                  JOIN (%(copies)s) AS v ON v.body_id = b.id
                 WHERE v.shown = 'everything' AND %(text)s @@ %(asked)s)""",
            copies=copies,
            subject=SQL(SUBJECT_WORDS.replace("subject_raw", "s.subject_raw")),
            text=SQL(TEXT_WORDS.replace("left(text", "left(b.text")),
            asked=asked,
        )

    def _is_on(self, sight, person, among=None):
        """Subquery of ids: somebody of this name or address is on it."""
        pattern = f"%{_escaped(person)}%"
        return SQL(
            """(SELECT p.message_id FROM crm_mail_mirror_participant p
                  JOIN crm_mail_mirror_address a ON a.id = p.address_id
                 WHERE %s AND %s
                   AND (a.email_normalized ILIKE %s OR p.name ILIKE %s))""",
            among or SQL("TRUE"),
            self._participant_is_visible(sight),
            pattern,
            pattern,
        )


def _words_query(text):
    """All words, each from its beginning: ``'offer':* & 'ma':*``."""
    words = [word.replace("\\", "\\\\").replace("'", "''") for word in text.split()]
    return SQL(
        "to_tsquery('simple'::regconfig, %s)",
        " & ".join(f"'{word}':*" for word in words[:20]),
    )


def _escaped(text):
    """As it is, where % and _ mean something."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
