# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is a correspondent called? From the display name, else from the address.

For contacts that are suggested. A wrong name is worse than none: where nothing speaks
for one, there is none, and the address stands in its place.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from .addresses import normal_email
from .domains import domain_of, is_free_mail, organisation
from .name_words import (
    LEGAL_FORMS,
    ascii_folded,
    is_function,
    squeezed,
    styled,
    words_in_order,
)
from .roles import is_role_address

#: Characters of a display name that are looked at, and of a name that comes out.
MAX_DISPLAY = 500
MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class SuggestedName:
    """How a new contact could be called.

    :param name: given name first, or as its script has it; ``""`` = nothing can be said
    :param company: what the display name gave beside it: ``"Jane (Acme)"``
    :param is_relayed: ``Jane via Acme``: the address is the service's, not Jane's
    """

    name: str = ""
    company: str = ""
    is_relayed: bool = False


def suggested_name(display: str, email: str) -> SuggestedName:
    """Pure; never raises, whatever stands in the header.

    >>> suggested_name("Doe, John", "jd@acme.example").name
    'John Doe'
    >>> suggested_name("", "john.doe@acme.example").name
    'John Doe'
    >>> suggested_name("'Jane DOE' via Acme", "noreply@acme.example")
    SuggestedName(name='Jane Doe', company='Acme', is_relayed=True)

    :param display: ``Address.name``
    :param email: ``Address.email``
    """
    text = _without_addresses(_clean(display[:MAX_DISPLAY]))
    text, service = _split_at(_VIA, text)
    text, company = _without_company(_unquoted(text), email)
    name = _from_display(text, email)
    if name:
        relayed = service or squeezed(company) == squeezed(_local_part(email))
        return SuggestedName(_cut(name), _cut(service or company), bool(relayed))
    return SuggestedName() if service else SuggestedName(_cut(_from_address(email)))


def _local_part(email: str) -> str:
    return email.rpartition("@")[0]


def _cut(text: str) -> str:
    if len(text) <= MAX_NAME:
        return text
    return text[:MAX_NAME].rpartition(" ")[0] or text[:MAX_NAME]


# --- a clean line ---------------------------------------------------------------------

#: What a wrong charset makes of letters: ``±³À°``, the replacement character.
_BROKEN = re.compile("[\x80-\x9f¢£¤¥¦§¨¬¯±²³¶¸¹¼½¾\ufffd]")
#: Neither letters, marks nor digits, but at home in names or around them.
_SIGNS = frozenset(
    " .,'’-‐‑·・/&+@_|()[]（）<>\"“”„‚‘«»‹›「」『』:;–—`´#=*\u200c\u200d"
)
_QUOTES = "\"'“”„‚‘’«»‹›「」『』`´ "
_NICKNAME = re.compile(r"(?<=\s)[\"“„«'‘][^\"“”„«»'‘’]+[\"”“»'’](?=\s)")


def _clean(text: str) -> str:
    """One line without what no name has: control and bidi characters, pictures."""
    text = unicodedata.normalize("NFC", text)
    if _BROKEN.search(text):
        return ""
    text = "".join(char if _is_of_names(char) else " " for char in text)
    text = re.sub(r"(?<!\w)[\u200c\u200d]+|[\u200c\u200d]+(?!\w)", " ", text)
    return " ".join(text.split())


def _is_of_names(char: str) -> bool:
    return char in _SIGNS or unicodedata.category(char)[0] in "LMN"


def _unquoted(text: str) -> str:
    """Without quotes around it, and without a nickname in quotes inside."""
    return " ".join(_NICKNAME.sub("", text.strip(_QUOTES)).split())


def _without_addresses(text: str) -> str:
    """Mail programs show the address where there is no name."""
    words = [word for word in text.split() if not normal_email(word.strip("()[]<>,;:"))]
    return " ".join(words)


# --- the company beside it ------------------------------------------------------------

_VIA = re.compile(r"\s+(?:via|vía|über|through)\s+", re.IGNORECASE)
_AT = re.compile(r"\s+(?:[|/–—@]|-{1,2}|at|from|bei|chez)\s+", re.IGNORECASE)
_BRACKETS = re.compile(r"\s*[(\[（]([^()\[\]（）]*)[)\]）]\s*")
#: In brackets behind a name, and no company: pronouns, places, numbers, notes.
_NOTE = re.compile(
    r"(?:he|she|they|him|her|them|il|elle|iel|er|sie|any)(?:[/, ]+\w+)*|aka\b.*"
    r"|ext(?:ern(?:al|e)?)?\.?|intern(?:al)?|mobile?|home|work|private?|office"
    r"|[-+.\d\s/]*|\w{1,2}|(?:no|not|do)\b.*|.*[=#*].*",
    re.IGNORECASE,
)


def _split_at(separator: re.Pattern, text: str) -> tuple[str, str]:
    before, *after = separator.split(text, maxsplit=1)
    return (before, after[0].strip(_QUOTES)) if after and before else (text, "")


def _without_company(text: str, email: str) -> tuple[str, str]:
    """The name, and the company that stands behind it or in front of it."""
    company = ""
    for found in _BRACKETS.finditer(text):
        inside = found[1].strip(_QUOTES)
        if found.end() == len(text) and not _is_note(inside, text):
            company = inside
    outside = " ".join(_BRACKETS.sub(" ", text).split())
    if not outside:
        return text.strip("()[]（）"), ""
    before, after = _split_at(_AT, outside)
    if not after:
        before, _comma, after = map(str.strip, outside.partition(","))
        if " " not in before or not _is_company(after, email):
            return outside, company
    if _is_company(before, email) and not _is_company(after, email):
        before, after = after, before
    return before, company or after


def _is_note(inside: str, text: str) -> bool:
    """``Robert Smith (Rob)``: a short form of the given name is one as well."""
    short_form = inside[:2] == text[:2] and len(inside) < 6 and not inside.isupper()
    return short_form or bool(_NOTE.fullmatch(inside))


def _is_company(text: str, email: str) -> bool:
    """Does the address's domain, or a legal form, say that this is the company?"""
    words = list(filter(None, map(squeezed, text.split())))
    if words and words[-1] in LEGAL_FORMS:
        return True
    domain = domain_of(email)
    label = squeezed(organisation(domain).partition(".")[0])
    joined = "".join(words)
    if len(joined) < 3 or not label or is_free_mail(domain):
        return False
    local = squeezed(_local_part(email))
    named = any(len(word) > 2 and word in local for word in words)
    return (joined in label or label in words) and not named


# --- a person -------------------------------------------------------------------------


def _from_display(text: str, email: str) -> str:
    """The name in what was freed of companies; ``""`` if there is none."""
    text = text.strip(_QUOTES + ",;:-–—|/_@&+=#*").lstrip(".")
    if not re.search(r"\b\w{1,3}\.$", text):
        text = text.rstrip(".")
    if not any(char.isalpha() for char in text):
        return ""
    if " " not in text and (
        text == _local_part(email)  # a program copied it
        or re.search(r"[\w-]\.[a-z]{2,}$|[_=/@]|\d{3}", text)  # a host, a login
    ):
        return ""
    return "" if is_function(text) else styled(words_in_order(text, email))


def _from_address(email: str) -> str:
    """``john.doe@`` -> John Doe; ``""`` for functions and what could be anything."""
    local = _local_part(email).partition("+")[0]
    if is_role_address(email):
        return ""
    # a hyphen alone joins the words of lists: seven of ten in the test corpus
    words = [word.strip("-_") for word in local.split("." if "." in local else "_")]
    words[-1] = words[-1].rstrip("0123456789").strip("-_")
    words = [word for word in words if word not in ("ext", "extern", "external")]
    if not 2 <= len(words) <= 4 or not all(map(_is_name_word, words)):
        return ""
    if max(map(len, words)) < 3 or any(map(is_role_address, _as_addresses(words))):
        return ""
    return styled([f"{word}." if len(word) == 1 else word for word in words])


#: In front of a dot in addresses that nobody wrote.
_NO_NAMES = frozenset("undisclosed recipients recipient unknown user test".split())


def _as_addresses(words: list[str]) -> list[str]:
    return [f"{ascii_folded(word)}@x.example" for word in words if len(word) > 2]


def _is_name_word(word: str) -> bool:
    if word in _NO_NAMES or re.fullmatch("[bcdfghjklmnpqrstvwxz]{3,}", word):
        return False
    return 0 < len(word) <= 20 and all(
        char.isalpha() or char in "-'’" or unicodedata.category(char)[0] == "M"
        for char in word
    )
