# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""In which order do the words of a person's name stand, and in which capitals?"""

from __future__ import annotations

import re
import unicodedata

from .domains import domain_of, is_free_mail, organisation
from .roles import is_role_address

#: Squeezed.
LEGAL_FORMS = frozenset(
    """
    ab ag as asa aps bv bvba co coltd corp corporation ev gmbh gbr inc incorporated kft
    kg kgaa limited llc llp lp ltd ltda mbh nv oü oy oyj plc pte ptyltd pty sa sarl sas
    sasu scop sl slu snc spa spzoo srl sro ug 株式会社 有限公司 주식회사
    """.split()
)
_TITLES = frozenset(
    """
    dr drs prof professor mr mrs ms miss mister herr hr frau fr mme mlle monsieur madame
    sr sra srta dott dottssa ing dipling diplkfm mag ir rev sir dhr mevr pan pani doc
    mudr judr phdr col capt
    """.split()
)
_DEGREES = frozenset(
    """
    phd md mba msc bsc ma ba cpa esq rn pe pmp jd llm llb dds cfa cissp mph dphil edd
    meng beng facs frcp mcp rhce csm cfp frsa fca aca acca pgp gcih med msw lcsw
    """.split()
)
_GENERATIONS = frozenset("jr sr ii iii iv".split())
_PARTICLES = frozenset(
    """
    van von vom zu zum zur der den dem ter ten te de del della dello degli di da do dos
    das du des d la le lo el al bin ibn ben bint af av och y e i
    """.split()
)
#: Behind East Asian names, for politeness.
_HONORIFIC = re.compile(r"(?<=\w\w)\s*(?:さん|さま|様|殿|先生|女士|小姐|님|씨)$")
#: The letters of a word that are capitals: ``Jean-Pierre``, ``O'Brien``.
_INITIAL = re.compile(r"(?:^|(?<=[-‐‑./&(])|(?<=^[^\W_]['’]))\w")
#: What stays small, or half small, where a family name is shouted: ``McDONALD``.
_SMALL_START = re.compile(r"^(?:Mc|Mac|De|Di|Le|La|Van|[dlDLO]['’])(?=\w{3})")


# --- comparing ------------------------------------------------------------------------


def squeezed(text: str) -> str:
    """Lower-case letters without accents and signs: how names stand in addresses.

    >>> squeezed("D'Éa Doe")
    'deadoe'
    """
    return "".join(char for char in ascii_folded(text) if char.isalnum())


def ascii_folded(text: str) -> str:
    """Without case and, of Latin letters, accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(char for char in parts if not 200 <= unicodedata.combining(char))
    return unicodedata.normalize("NFC", text)


def is_function(text: str) -> bool:
    """``Sales Team``, ``info``: would its address be nobody's?"""
    return is_role_address("-".join(ascii_folded(text).split()) + "@x.example")


# --- order ----------------------------------------------------------------------------


def words_in_order(text: str, email: str) -> list[str]:
    """The words of a name without titles; the given name first where its script has it.

    :param email: what stands there tells ``DOE John`` from ``ACME Cars``
    """
    parts = [part.strip() for part in text.split(",")]
    parts = [part for part in parts if part and squeezed(part) not in _DEGREES]
    if len(parts) == 2 and squeezed(parts[1]) in LEGAL_FORMS:
        return [", ".join(parts)]
    if len(parts) > 2 and squeezed(parts[1]) in _GENERATIONS:
        parts = [parts[0], f"{parts[2]} {parts[1]}"]
    if len(parts) == 2:
        return _of_two(parts[0].split(), _untitled(parts[1].split()))
    words = _untitled(parts[0].split() if parts else [])
    if _is_family_first("".join(words)):
        return [_HONORIFIC.sub("", " ".join(words))]
    shouted = 0
    while shouted < len(words) and _is_shouted(words[shouted]):
        shouted += 1
    family, given = words[:shouted], words[shouted:]
    if family and given and _is_family(family, given, email):
        return [
            *given,
            " ".join(family) if len(family) > 1 else _capitalised(family[0]),
        ]
    return words


def _of_two(family: list[str], given: list[str]) -> list[str]:
    """``Doe, John``, and ``John Doe, Jr.``"""
    if "".join(map(squeezed, given)) in _GENERATIONS:
        return family + given
    if _is_family_first("".join(family + given)):
        return family + given
    generation = [
        words.pop()
        for words in (family, given)
        if len(words) > 1 and squeezed(words[-1]) in _GENERATIONS
    ]
    return given + family + generation[:1]


def _untitled(words: list[str]) -> list[str]:
    """Without titles in front and degrees behind, as long as two words are left."""
    start, end = 0, len(words)
    while end - start > 2 and squeezed(words[start]) in _TITLES:
        start += 1
    while end - start > 2 and squeezed(words[end - 1]) in _DEGREES:
        end -= 1
    return words[start:end]


def _is_family_first(text: str) -> bool:
    """Is it written in a script whose names begin with the family's?"""
    letters = [char for char in text if char.isalpha()]
    names = (unicodedata.name(char, "") for char in letters)
    eastern = [name.startswith(("CJK", "HIRAGANA", "HANGUL")) for name in names]
    return 2 * sum(eastern) > len(letters)


def _is_shouted(word: str) -> bool:
    letters = [char for char in _SMALL_START.sub("", word) if char.isalpha()]
    return len(letters) > 1 and all(char.isupper() for char in letters)


def _is_family(shouted: list[str], given: list[str], email: str) -> bool:
    """Is it ``DOE John``, and neither ``AJ Smith`` nor ``ACME Cars``?"""
    if any(is_function(word) for word in given):
        return False
    if any(char.isupper() or char == "." for word in given for char in word[1:-1]):
        return False
    family, first = squeezed("".join(shouted)), squeezed("".join(given))
    local, _at, domain = ascii_folded(email).rpartition("@")
    if squeezed(local).startswith(family + first) or re.search(r"\d{3}|[^\w.-]", local):
        return False
    if squeezed(organisation(domain).partition(".")[0]) in (first, family):
        return is_free_mail(domain_of(email))
    words = re.split(r"[._-]", local)
    if first in words and family in words:
        return len(family) > 2 or words.index(family) > words.index(first)
    return len(family) > 2


# --- capitals -------------------------------------------------------------------------


def styled(words: list[str]) -> str:
    """Capitals as names have them, where the writer used none or nothing else."""
    text = " ".join(words)
    words = text.split()
    if len(words) < 2 or any(map(is_function, words)):
        return text
    if text == text.lower():
        chosen = words
    else:
        chosen = [word for word in words if _is_name_shouted(word, text)]
        if chosen == words[:1]:
            chosen = []  # ``CNET Auctions``
    return " ".join(
        _capitalised(word, number > 0) if word in chosen else word
        for number, word in enumerate(words)
    )


def _is_name_shouted(word: str, text: str) -> bool:
    """Neither initials nor an abbreviation: ``JP``, ``MSS``."""
    letters = squeezed(word)
    if not _is_shouted(word) or letters in _GENERATIONS:
        return False
    if len(letters) < 3:
        return text == text.upper() or letters in _PARTICLES
    return len(letters) > 3 or not re.fullmatch("[bcdfghjklmnpqrstvwxz]+", letters)


def _capitalised(word: str, inside: bool = False) -> str:
    lower = word.lower().replace("i\u0307", "i")
    if inside and squeezed(lower) in _PARTICLES and "." not in word:
        return lower
    if inside and squeezed(lower) in _GENERATIONS - {"jr", "sr"}:
        return word.upper()
    lower = _INITIAL.sub(lambda found: found[0].upper(), lower)
    if word[:1].isupper():
        lower = word[0] + lower[1:]  # a capital i keeps its dot in Turkish
    elif re.match(r"[dl]['’]\w", word):
        lower = word[0] + lower[1:]
    return re.sub(r"^Mc(\w)", lambda found: "Mc" + found[1].upper(), lower)
