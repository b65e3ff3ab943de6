# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which rules are there, in which order, and when does each of them speak?

A rule looks at a case and gives a reason or nothing. Those in ``LISTING`` need what a
listing tells; those in ``READING`` need headers and structure as well and come last, so
that of a mail that does not match not even the structure is asked for. The numbers are
those of the design.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from .bulk import bulk_reason
from .content import missing_content
from .domains import domain_of, lies_within, parent_domains
from .envelope import Envelope
from .policy import Directory, Policy
from .providers.base import COUNTED_ROLES
from .reasons import Reason
from .roles import is_role_address


class Case:
    """One mail before the rules.

    :ivar emails: all participants
    :ivar outsiders: those that are nobody's of the house
    :ivar known, matched: filled in by rule 7: outsiders that a contact or lead has, and
        with them those that match by their domain
    """

    __slots__ = (
        "emails",
        "envelope",
        "policy",
        "directory",
        "role",
        "received_at",
        "outgoing",
        "outsiders",
        "known",
        "matched",
    )

    known: frozenset[str]
    matched: frozenset[str]

    def __init__(
        self,
        envelope: Envelope,
        policy: Policy,
        directory: Directory,
        role: str,
        received_at: datetime,
        outgoing: bool,
    ):
        self.envelope, self.policy, self.directory = envelope, policy, directory
        self.role, self.received_at, self.outgoing = role, received_at, outgoing
        self.emails = usable(envelope)
        self.outsiders = outsiders(self.emails, policy, directory)


@dataclass(frozen=True, slots=True)
class Rule:
    """
    :param speaks: the reason that it gives, or ``None``: the mail passes
    :param gives: all reasons that it may give
    :param found: what it looked at in the mail or the settings, for people to read;
        asked only when somebody wants to know why
    """

    name: str
    speaks: Callable[[Case], Reason | None]
    gives: frozenset[Reason]
    found: Callable[[Case], Iterable[str]] = lambda case: ()


def usable(envelope: Envelope) -> frozenset[str]:
    """All participants; an empty or broken address is none and matches nothing."""
    return frozenset(
        email.lower() for email in envelope.emails if all(email.rpartition("@")[::2])
    )


def outsiders(
    emails: frozenset[str], policy: Policy, directory: Directory
) -> frozenset[str]:
    """Those that are neither the mailbox's nor of the house."""
    return frozenset(
        email
        for email in emails
        if email not in directory.own
        and email != policy.dropbox
        and not policy.is_own(email)
        and not lies_within(domain_of(email), directory.own_domains)
    )


# --- rules 1 to 6: what the listing tells ---------------------------------------------

#: RFC 2156 section 5.3.4, and the short name of the last one in Microsoft's API.
_SENSITIVE = {"personal", "private", "company-confidential", "confidential"}


def _folder(case: Case) -> Reason | None:
    return None if case.role in COUNTED_ROLES else Reason.FOLDER


def _look_back(case: Case) -> Reason | None:
    since = case.policy.sync_from
    return Reason.TOO_OLD if since and _utc(case.received_at) < _utc(since) else None


def _address(case: Case) -> Reason | None:
    return None if case.emails else Reason.NO_ADDRESS


def _private_word(case: Case) -> Reason | None:
    private = case.policy.words.stand_in(case.envelope.subject)
    return Reason.PRIVATE_WORD if private else None


def _sensitivity(case: Case) -> Reason | None:
    value = case.envelope.sensitivity
    if value and re.sub(r"[\s_-]+", "-", value.strip().lower()) in _SENSITIVE:
        return Reason.SENSITIVITY
    return None


def _excluded_address(case: Case) -> Reason | None:
    shut_out = case.emails & case.policy.excluded_addresses
    return Reason.EXCLUDED_ADDRESS if shut_out else None


def _excluded_domain(case: Case) -> Reason | None:
    domains = case.policy.excluded_domains
    if domains and any(lies_within(domain_of(email), domains) for email in case.emails):
        return Reason.EXCLUDED_DOMAIN
    return None


def _erased(case: Case) -> Reason | None:
    return Reason.ERASED if case.emails & case.directory.erased else None


def _internal(case: Case) -> Reason | None:
    return None if case.outsiders else Reason.INTERNAL


# --- rule 7: the match ----------------------------------------------------------------


def _contact(case: Case) -> Reason | None:
    case.known = case.matched = case.outsiders & case.directory.known
    if case.policy.match_domains:
        domains = case.directory.known_domains
        case.matched = case.known | frozenset(
            email for email in case.outsiders if domain_of(email) in domains
        )
    return None if case.matched else Reason.NO_CONTACT


def _retention(case: Case) -> Reason | None:
    """Those whose mail of that time was kept as long as it may be match no more."""
    floors = case.directory.floors
    if floors:
        over = {
            email
            for email in case.matched
            if email in floors and _utc(case.received_at) < _utc(floors[email])
        }
        case.known, case.matched = case.known - over, case.matched - over
    return None if case.matched else Reason.RETENTION


# --- rules 8 to 12: is it wanted? -----------------------------------------------------


def _content(case: Case) -> Reason | None:
    return missing_content(case.envelope)


def _waved_through(case: Case) -> Reason | None:
    """Rule 9: what is pushed or allowed need not pass rules 10 to 12."""
    policy = case.policy
    if policy.dropbox in case.emails:
        return Reason.DROPBOX
    if not case.outsiders.isdisjoint(policy.allowed_addresses) or any(
        lies_within(domain_of(email), policy.allowed_domains)
        for email in case.outsiders
    ):
        return Reason.ALLOWED
    return None


def _one_way(case: Case) -> Reason | None:
    incoming = not case.outgoing
    return Reason.ONE_WAY if case.policy.one_way and incoming else None


def _bulk(case: Case) -> str | None:
    """Rule 11; what the owner sent is never bulk."""
    if case.outgoing:
        return None
    return bulk_reason(
        case.envelope, case.directory.own_domains, case.policy.own_addresses
    )


def _person(case: Case) -> Reason | None:
    """Rule 12: a domain matches, but only functions of the company are on the mail."""
    if not case.known and all(map(is_role_address, case.outsiders)):
        return Reason.ROLE_ADDRESS
    return None


def _mirrored(case: Case) -> Reason:
    return Reason.CONTACT if case.known else Reason.DOMAIN


# --- what was looked at ---------------------------------------------------------------


def _named_domains(emails: Iterable[str], domains: frozenset[str]) -> set[str]:
    return {
        domain
        for email in emails
        for domain in parent_domains(domain_of(email))
        if domain in domains
    }


def _outside(case: Case) -> frozenset[str]:
    return case.outsiders


def _matching(case: Case) -> frozenset[str]:
    return case.matched


def _allowing(case: Case) -> set[str]:
    return (case.outsiders & case.policy.allowed_addresses) | _named_domains(
        case.outsiders, case.policy.allowed_domains
    )


def _rule(name: str, speaks, *gives: Reason, found=lambda case: ()) -> Rule:
    return Rule(name, speaks, frozenset(gives), found)


LISTING = (
    _rule("folder", _folder, Reason.FOLDER),  # 1
    _rule("look_back", _look_back, Reason.TOO_OLD),  # 2
    _rule("address", _address, Reason.NO_ADDRESS),  # 3
    _rule(  # 4
        "private_word",
        _private_word,
        Reason.PRIVATE_WORD,
        found=lambda case: case.policy.words.found_in(case.envelope.subject),
    ),
    _rule("sensitivity", _sensitivity, Reason.SENSITIVITY),
    _rule(  # 5
        "excluded_address",
        _excluded_address,
        Reason.EXCLUDED_ADDRESS,
        found=lambda case: case.emails & case.policy.excluded_addresses,
    ),
    _rule(
        "excluded_domain",
        _excluded_domain,
        Reason.EXCLUDED_DOMAIN,
        found=lambda case: _named_domains(case.emails, case.policy.excluded_domains),
    ),
    _rule("erased", _erased, Reason.ERASED),
    _rule("internal", _internal, Reason.INTERNAL, found=_outside),  # 6
    _rule("contact", _contact, Reason.NO_CONTACT, found=_matching),  # 7
    _rule("retention", _retention, Reason.RETENTION, found=_matching),
)
READING = (
    _rule("content", _content, Reason.CALENDAR, Reason.NO_CONTENT),  # 8
    _rule("allowed", _waved_through, Reason.DROPBOX, Reason.ALLOWED, found=_allowing),
    _rule("one_way", _one_way, Reason.ONE_WAY),  # 10
    _rule("bulk", _bulk, *(r for r in Reason if r.startswith("bulk_"))),  # 11
    _rule("person", _person, Reason.ROLE_ADDRESS, found=_outside),  # 12
    # always speaks
    _rule("mirrored", _mirrored, Reason.CONTACT, Reason.DOMAIN, found=_matching),
)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
