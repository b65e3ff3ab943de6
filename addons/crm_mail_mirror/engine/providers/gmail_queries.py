# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is Gmail's search asked? Queries as text, and what they cost.

https://support.google.com/mail/answer/7190
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus

from .base import Query
from .gmail_quota import GET, LIST

#: Trash and spam are left out by Gmail itself.
COUNTED = "-in:drafts -in:chats"
#: Characters that the terms of one query may have in a URL: with all that is around
#: them it stays below the 2,048 up to which the library asks with GET.
MAX_TERMS = 1_400
_BARE = re.compile(r"[A-Za-z0-9@._+-]+")
_UNSAID = re.compile(r'["\\{}()\s\x00-\x1f\x7f]+')


def between(low: int, high: int = 0, terms: str = "") -> str:
    """Mail received from ``low`` until before ``high``, both in seconds since 1970.

    :param low: 0 = from the beginning :param high: 0 = until now
    """
    # whether the second itself belongs to "after:" is written nowhere
    bounds = [f"after:{low - 1}"] if low > 0 else []
    bounds += [f"before:{high}"] if high > 0 else []
    return " ".join([*bounds, COUNTED, *([terms] if terms else [])])


def term(operator: str, value: str) -> str:
    """``from:ann@example.com``; what Gmail would read as syntax goes into quotes."""
    value = _UNSAID.sub(" ", value).strip()[:200]
    if not value:
        return ""
    return f"{operator}:{value}" if _BARE.fullmatch(value) else f'{operator}:"{value}"'


def of_address(address: str) -> list[str]:
    """An address, or ``@domain`` for all addresses of a domain, on whatever line."""
    found = (term(line, address.lstrip("@")) for line in ("from", "to", "cc", "bcc"))
    return [one for one in found if one]


def terms_of(query: Query) -> list[str]:
    found = [each for one in query.addresses for each in of_address(one)]
    found += [each for one in query.domains for each in of_address(one)]
    found += [term("rfc822msgid", one.strip("<> ")) for one in query.message_ids]
    found += [term("subject", one) for one in query.subject_words]
    return [one for one in found if one]


def any_of(terms: Iterable[str]) -> str:
    return "{" + " ".join(terms) + "}"


def grouped(terms: Iterable[str]) -> Iterable[str]:
    """Queries for any of the terms, each short enough."""
    some: list[str] = []
    size = 0
    for one in terms:
        width = len(quote_plus(one)) + 1
        if some and size + width > MAX_TERMS:
            yield any_of(some)
            some, size = [], 0
        some.append(one)
        size += width
    if some:
        yield any_of(some)


@dataclass(frozen=True, slots=True)
class Group:
    """Addresses that one query asks for. :param last: of them, in their order"""

    last: str
    query: str


def group_after(addresses: Sequence[str], done: str) -> Group | None:
    """The next addresses to ask for.

    :param addresses: sorted :param done: the last one that was asked for, ``""`` none
    """
    some: list[str] = []
    size, last = 0, done
    for number in range(bisect_right(addresses, done), len(addresses)):
        address = addresses[number]
        terms = of_address(address)
        width = sum(len(quote_plus(one)) + 1 for one in terms)
        if some and size + width > MAX_TERMS:
            break
        some += terms
        size, last = size + width, address
    if last == done:
        return None
    return Group(last, any_of(some) if some else "")


def is_cheaper_by_address(addresses: Sequence[str], mails: int) -> bool:
    """Is old mail to be listed by addresses, rather than read header by header?

    Reading ``mails`` headers costs 20 units each. Asking by address costs 5 units for
    about ten addresses (each stands in a query four times, and URLs are short), 5 more
    for each further 500 mails found, and 20 for each mail found. With a share ``m`` of
    mails that are found anyway, asking is cheaper when
    ``0.5 * addresses < 20 * mails * (1 - m)``: for 20,000 mails and 1,000 addresses 500
    units and what is found, against 400,000. The share is not known before; asking is
    chosen while it costs less than half of reading everything, so that at worst, when
    everything is found, it is half as dear again, and mostly it is far cheaper.
    """
    # four times the address, "from:", "to:", "cc:", "bcc:" and spaces, as in a URL
    width = sum(4 * (len(one) + 2) + 27 for one in addresses)
    queries = width // MAX_TERMS + 1
    return queries * LIST * 2 < mails * GET
