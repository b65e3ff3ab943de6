# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does a private word stand in a subject? Whole words, case and accents folded."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

#: Scripts that put no space between words (UAX 29 lets words end anywhere in them).
_UNSPACED = ("CJK", "HIRAGANA", "THAI", "LAO", "KHMER", "MYANMAR")


def has_private_word(subject: str, words: Sequence[str]) -> bool:
    """Does one of the words, or phrases of several words, stand in the subject?

    >>> has_private_word("Re: [PRIVE] vacances", ["privé"])
    True
    >>> has_private_word("Personnellement", ["perso"])
    False
    """
    folded = " ".join(_fold(subject).split())
    return any(_stands_in(word, folded) for word in _folded_words(tuple(words)))


@lru_cache(maxsize=256)
def _folded_words(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(filter(None, (" ".join(_fold(word).split()) for word in words)))


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
    name = unicodedata.name(char, "")
    return (char.isalnum() or _is_mark(char)) and not name.startswith(_UNSPACED)


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
