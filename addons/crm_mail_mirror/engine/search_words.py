# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How may a word stand in a subject that a rule finds by it, case and accents folded?

Servers fold case when they search, and some fold accents. Where one does not, it is
asked for each spelling that differs from the plain one by a single accent: nearly all
words have one at most. What a search misses all the same, the comparison of the whole
mailbox finds.
"""

from __future__ import annotations

import unicodedata

#: Most spellings of one word.
MOST = 40
#: Letters with the accents that European languages put on them.
_ACCENTED = {
    "a": "áàâäãåą",
    "c": "çćč",
    "d": "ď",
    "e": "éèêëęě",
    "i": "íìîï",
    "l": "ł",
    "n": "ñńň",
    "o": "óòôöõø",
    "r": "ř",
    "s": "śšş",
    "t": "ť",
    "u": "úùûüů",
    "y": "ýÿ",
    "z": "źżž",
}


def spellings(word: str) -> tuple[str, ...]:
    """The word as typed, without accents, and with each single accent.

    >>> spellings("déjà")[:2]
    ('déjà', 'deja')
    >>> "privé" in spellings("prive")
    True
    """
    typed = " ".join(word.lower().split())
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", typed)
        if unicodedata.category(char) != "Mn"
    )
    found = {typed: None, plain: None}
    # the last letters first: there most accents of short words are
    for at in range(len(plain) - 1, -1, -1):
        for other in _ACCENTED.get(plain[at], ""):
            found[plain[:at] + other + plain[at + 1 :]] = None
    return tuple(found)[:MOST]
