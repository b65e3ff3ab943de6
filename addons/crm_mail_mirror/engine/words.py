# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does a private word stand in a subject? Whole words, case and accents folded.

And which words may be private: ``problem_of``.

Where a script puts spaces between words, a word is found as a whole only: ``privat``
does not stand in ``Privatsphäre``, and a company that wants German compounds names
them. Where it puts none (Chinese, Japanese, Thai, ...), nothing tells where a word
ends, and it is found inside others as well: ``私用`` in ``来週の私用メール``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from .problem import Problem

#: Words that mark a subject as private, as shipped.
DEFAULT_PRIVATE_WORDS = ("perso", "personnel", "privé")

#: Characters of a word or phrase. A subject has 2,000.
MAX_WORD = 100

#: Scripts that put no space between words (UAX 29 lets words end anywhere in them).
_UNSPACED = (
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "HALFWIDTH KATAKANA",
    "BOPOMOFO",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
    "TIBETAN",
    "JAVANESE",
)
_TOKEN = re.compile(r"\S+")


class PrivateWords:
    """Some words, made ready to be looked for in many subjects.

    A plain word costs one look-up per word of the subject, however many words there
    are; only phrases, symbols and words of scripts without spaces are sought one by
    one.
    """

    def __init__(self, words: Iterable[str]):
        folded = {_fold_word(word): word for word in words}
        folded.pop("", None)
        self._typed = folded
        self._plain = frozenset(word for word in folded if _is_plain(word))
        self._others = tuple(word for word in folded if word not in self._plain)

    def stand_in(self, subject: str) -> bool:
        """Does one of them stand in the subject?"""
        text = _fold(subject)
        if self._plain and not self._plain.isdisjoint(_plain_words(text)):
            return True
        if not self._others:
            return False
        text = " ".join(text.split())
        return any(_stands_in(word, text) for word in self._others)

    def found_in(self, subject: str) -> tuple[str, ...]:
        """Which of them stand in the subject? As they were typed."""
        text = _fold(subject)
        plain, text = set(_plain_words(text)), " ".join(text.split())
        return tuple(
            typed.strip()
            for word, typed in self._typed.items()
            if word in plain or (word in self._others and _stands_in(word, text))
        )


def has_private_word(subject: str, words: Iterable[str]) -> bool:
    """Does one of the words, or phrases of several words, stand in the subject?

    >>> has_private_word("Re: [PRIVE] vacances", ["privé"])
    True
    >>> has_private_word("Personnellement", ["perso"])
    False
    """
    return ready(tuple(words)).stand_in(subject)


@lru_cache(maxsize=64)
def ready(words: tuple[str, ...]) -> PrivateWords:
    """Words made ready once: thousands take longer than a page of mail."""
    return PrivateWords(words)


# --- which words may be private -------------------------------------------------------


class WordProblem(Problem):
    """Why a private word is refused or warned of."""

    EMPTY = "empty"
    TOO_SHORT = "too_short"  #: one letter: stands in nearly every subject
    TOO_LONG = "too_long"  #: more than ``MAX_WORD`` characters
    NO_LETTER = "no_letter"  #: dots, dashes, brackets: stand in nearly every subject
    CONTROL = "control"  #: line breaks and the like, which no subject has
    WILDCARD = "wildcard"  #: ``*``: words are found as a whole and as they stand
    PATTERN = "pattern"  #: a regular expression, likewise
    REPLY_MARK = "reply_mark"  #: ``Re``, ``Fwd``: would hide every answer
    MATCHES_INSIDE = "matches_inside", True  #: a script without spaces: see above


#: What mail programs write in front of the subject of an answer or a copy.
_REPLY_MARKS = frozenset(
    """
    re fw fwd aw wg tr rv sv vs vb antw doorst odp pd ynt ilt res enc rif vl
    továbbítás 回复 转发 回覆 轉寄 返信 転送
    """.split()
)
#: What only regular expressions write: escapes, repeats, classes, alternatives,
#: groups, counts, anchors.
_PATTERN = re.compile(
    r"\\[a-zA-Z.*+?()\[\]|]|\.[+?]|\[\^?(?:\w-\w){1,4}\W?\]|\w\|\w|\(\?\S|\)[+?]"
    r"|\{\d+(?:,\d*)?\}|^\^|(?<!us)(?<=\w)\$$|\w\?\w",
    re.IGNORECASE,
)


def problem_of(word: str) -> WordProblem | None:
    """Why should this not be a private word? ``None``: nothing against it.

    >>> problem_of("confidentiel"), problem_of("p"), problem_of("perso.*")
    (None, <WordProblem.TOO_SHORT: 'too_short'>, <WordProblem.WILDCARD: 'wildcard'>)

    :param word: as typed; several words are a phrase
    """
    text = word.strip()
    if not text:
        return WordProblem.EMPTY
    if len(text) > MAX_WORD:
        return WordProblem.TOO_LONG
    if any(unicodedata.category(char) in ("Cc", "Cs", "Co") for char in text):
        return WordProblem.CONTROL
    if "*" in text:
        return WordProblem.WILDCARD
    if _PATTERN.search(text):
        return WordProblem.PATTERN
    folded = _fold_word(text)
    letters = [char for char in folded if char.isalnum()]
    signs = [char for char in folded if not char.isalnum() and not _is_dash(char)]
    if not letters and not signs:
        return WordProblem.NO_LETTER if folded else WordProblem.EMPTY
    if len(letters) == 1 and not signs:
        return WordProblem.TOO_SHORT
    if folded.rstrip(": ") in _folded_marks():
        return WordProblem.REPLY_MARK
    if any(map(_is_unspaced, letters)):
        return WordProblem.MATCHES_INSIDE
    return None


@lru_cache(maxsize=1)
def _folded_marks() -> frozenset[str]:
    return frozenset(map(_fold, _REPLY_MARKS))


def _is_dash(char: str) -> bool:
    """Dots, dashes, brackets, spaces; not the lock, heart or plus put in on purpose."""
    return char == "|" or unicodedata.category(char)[0] in "PZC"


# --- words ----------------------------------------------------------------------------


def _is_plain(word: str) -> bool:
    """Letters alone, of scripts with spaces: found by cutting the subject up."""
    return _plain_words(word) == [word]


def _plain_words(text: str) -> list[str]:
    """The runs of neighbouring letters in a folded text."""
    if text.isascii():
        return re.findall(r"[a-z0-9]+", text)
    words = []
    for token in _TOKEN.findall(text):
        start = 0
        for at in range(1, len(token) + 1):
            if at == len(token) or not _joined(token[at - 1], token[at]):
                words.append(token[start:at])
                start = at
    return words


def _stands_in(word: str, text: str) -> bool:
    at = text.find(word)
    while at >= 0:
        before, after = text[max(at - 1, 0) : at], text[at + len(word) :][:1]
        if not _joined(before, word[0]) and not _joined(word[-1], after):
            return True
        at = text.find(word, at + 1)
    return False


@lru_cache(maxsize=4096)
def _joined(left: str, right: str) -> bool:
    """Do two neighbouring characters belong to one word?"""
    if not left or not right:
        return False
    if _is_mark(right):
        return True
    return _is_letter(left) and _is_letter(right)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


def _is_letter(char: str) -> bool:
    return (char.isalnum() or _is_mark(char)) and not _is_unspaced(char)


@lru_cache(maxsize=4096)
def _is_unspaced(char: str) -> bool:
    return unicodedata.name(char, "").startswith(_UNSPACED)


# --- folding --------------------------------------------------------------------------


def _fold_word(text: str) -> str:
    """Without the invisible characters that come along when a word is pasted."""
    return " ".join(_fold(text).split()).strip("\u200b\u200e\u200f\u2060\ufeff ")


def _fold(text: str) -> str:
    return text.lower() if text.isascii() else "".join(map(_fold_char, text))


@lru_cache(maxsize=4096)
def _fold_char(char: str) -> str:
    """A character without case and accents.

    One at a time: to normalise a whole subject takes time with the square of a row of
    accents. Marks that are no accents (kana voicing, virama) stay.
    """
    for _ in range(2):  # folding the case of some letters brings accents out
        parts = unicodedata.normalize("NFKD", char)
        char = "".join(part for part in parts if not _is_accent(part)).casefold()
    return char


def _is_accent(char: str) -> bool:
    placing = unicodedata.combining(char)
    return placing >= 200 or 10 <= placing <= 36 or char == "\N{SOFT HYPHEN}"
