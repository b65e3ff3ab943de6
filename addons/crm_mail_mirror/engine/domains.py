# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""When does an address or a domain fall under one that stands in a setting?"""

from __future__ import annotations

from collections.abc import Iterable

#: RFC 1035 section 2.3.4. What is longer is no domain and lies in none.
MAX_DOMAIN = 255


def fold_addresses(values: Iterable[str]) -> frozenset[str]:
    """Addresses as people type them, in the form of ``Address.email``."""
    return frozenset(
        f"{local}@{fold_domain(domain)}"
        for local, _at, domain in (v.strip().lower().rpartition("@") for v in values)
    )


def fold_domains(values: Iterable[str]) -> frozenset[str]:
    return frozenset(filter(None, map(fold_domain, values)))


def fold_domain(text: str) -> str:
    """A domain as people type it, in the form of ``Address.domain``; ``""`` if none.

    >>> fold_domain(" @Bücher.example. ")
    'xn--bcher-kva.example'
    """
    domain = text.strip().lower().removeprefix("*").strip("@.")
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain


def parent_domains(domain: str) -> tuple[str, ...]:
    """A domain and all that it lies in: what a rule on domains may have named.

    >>> parent_domains("mail.example.com")
    ('mail.example.com', 'example.com', 'com')
    """
    if len(domain) > MAX_DOMAIN:
        return (domain,)
    labels = domain.split(".")
    return tuple(".".join(labels[start:]) for start in range(len(labels)))


def domain_of(email: str) -> str:
    return email.rpartition("@")[2]


def lies_within(domain: str, domains: frozenset[str]) -> bool:
    """Is it one of the domains or a subdomain of one?"""
    return bool(domains) and not domains.isdisjoint(parent_domains(domain))


def without_tag(email: str) -> str:
    """The address without its ``+tag`` (RFC 5233): the same mailbox.

    >>> without_tag("anna+shop@example.com")
    'anna@example.com'
    """
    local, _at, domain = email.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"
