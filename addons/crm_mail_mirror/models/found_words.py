# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""By which words is a text found? The same for what is kept and for what is asked.

Words are whatever stands between spaces and signs, without accents and in small
letters: ``Réunion`` is found by ``reun``, ``anna@acme.test`` by ``acme``. No language
is assumed: mail comes in several, so nothing is cut from a word's end and no word is
left out. They are found from their beginnings, never from their middle.

PostgreSQL keeps the words of a row in a column that it fills by itself (a ``tsvector``,
no field of Odoo's). Looking whether a row has a word costs microseconds then; made anew
from the text it costs a quarter of a millisecond. Of whole texts, where that was a
third of a first import, the words come with the row (``distinct``).
"""

import re
import unicodedata

from odoo.tools import SQL

#: Characters of a text by whose words it is found (PostgreSQL: a megabyte of words).
INDEXED = 100_000
#: Words of a question that count.
ASKED = 20
#: What would make PostgreSQL take several words for one: addresses, hosts, paths,
#: markup, signed numbers.
_SIGNS = "@./_-<&:~+"
_MARKS = "\u0300-\u036f\u3099\u309a"
#: Letters that no accent is to be taken from.
_LETTERS = {
    "ß": "ss",
    "ẞ": "SS",
    "æ": "ae",
    "Æ": "AE",
    "œ": "oe",
    "Œ": "OE",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ð": "d",
    "þ": "th",
    "ı": "i",
}


#: All of these marks and letters.
_FOLDED = re.compile("[\u0300-\u036f\u3099\u309aßẞæÆœŒøØłŁđĐðþı]")


def folded(text: str, most: int | None = None) -> str:
    """The words of a text, as ``words_of`` has them.

    :param most: characters that count, before and after
    """
    text = text[:most]
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = _FOLDED.sub(lambda found: _LETTERS.get(found[0], ""), text)[:most]
    for sign in _SIGNS:
        text = text.replace(sign, " ")
    return text


def distinct(text: str | None) -> str | None:
    """Each word of a text once, such that ``to_tsvector`` makes the same of it as
    ``words_of`` does of the text: PostgreSQL takes a tenth of the time.
    """
    return text and " ".join(set(folded(text, INDEXED).split()))


def words_of(column: str, most: int = INDEXED) -> str:
    """Expression in SQL: the words of a column, of its first characters."""
    text = f"left({column}, {most})"
    plain = f"regexp_replace(normalize({text}, NFKD), '[{_escaped_marks()}]', '', 'g')"
    for letter, plainer in _LETTERS.items():
        plain = f"replace({plain}, '{letter}', '{plainer}')"
    # most texts have nothing to fold; a sign may become many letters
    words = (
        f"CASE WHEN octet_length({text}) = char_length({text}) THEN {text}"
        f" ELSE left({plain}, {most}) END"
    )
    for sign in _SIGNS:
        words = f"replace({words}, '{sign}', ' ')"
    return f"strip(to_tsvector('simple'::regconfig, {words}))"


def asked_for(text: str) -> SQL:
    """A ``tsquery`` for texts that have all these words, each from its beginning."""
    words = folded(text).split()[:ASKED]
    quoted = (word.replace("\\", "\\\\").replace("'", "''") for word in words)
    return SQL(
        # of what is still several words to PostgreSQL: all of them, wherever they stand
        "replace(to_tsquery('simple'::regconfig, %s)::text, '<->', '&')::tsquery",
        " & ".join(f"'{word}':*" for word in quoted),
    )


def ensure_words(cr, table: str, column: str, expression: str) -> None:
    """Have a column of words, filled for all rows there are.

    Made anew where it is made in another way by now.
    """
    cr.execute(
        """SELECT col_description(attrelid, attnum) FROM pg_attribute
            WHERE attrelid = %s::regclass AND attname = %s AND NOT attisdropped""",
        [table, column],
    )
    found = cr.fetchone()
    if found == (expression,):
        return
    name, words = SQL.identifier(column), SQL.identifier(table)
    if found:
        cr.execute(SQL("ALTER TABLE %s DROP COLUMN %s", words, name))
    cr.execute(
        SQL(
            "ALTER TABLE %s ADD COLUMN %s tsvector GENERATED ALWAYS AS (%s) STORED",
            words,
            name,
            # written by ourselves, out of constants of this module
            SQL(expression),  # pylint: disable=sql-injection
        )
    )
    cr.execute(SQL("COMMENT ON COLUMN %s.%s IS %s", words, name, expression))


def ensure_given_words(cr, table: str, column: str, source: str) -> None:
    """Have a column of words that come with the row; else, and with each change of
    ``source``, PostgreSQL fills it all the same.
    """
    expression = words_of(f"NEW.{source}")
    ensure_words(cr, table, column, words_of(source))
    cr.execute(
        """SELECT FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s
              AND attgenerated = 's'""",
        [table, column],
    )
    if not cr.rowcount:
        return
    name, words = SQL.identifier(column), SQL.identifier(table)
    filler = SQL.identifier(f"{table}_words")
    cr.execute(SQL("ALTER TABLE %s ALTER COLUMN %s DROP EXPRESSION", words, name))
    cr.execute(
        SQL(
            """CREATE OR REPLACE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS %s;
               DROP TRIGGER IF EXISTS %s ON %s;
               CREATE TRIGGER %s BEFORE INSERT OR UPDATE OF %s ON %s
                  FOR EACH ROW EXECUTE FUNCTION %s()""",
            filler,
            f"""BEGIN
                  IF TG_OP = 'UPDATE' OR NEW.{column} IS NULL THEN
                    NEW.{column} := {expression};
                  END IF;
                  RETURN NEW;
                END""",
            filler,
            words,
            filler,
            SQL.identifier(source),
            words,
            filler,
        )
    )


def _escaped_marks():
    return "".join(f"\\u{ord(c):04x}" if c != "-" else c for c in _MARKS)
