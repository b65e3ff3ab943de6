# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does a mail belong into the mirror? A pure function of mail, settings and directory.

The rules stand in a fixed order and the first that speaks decides. Those that need more
than the listing grade of facts come last, after the contact match, so that of a mail
that does not match not even the structure is asked for::

    decision = decide(envelope, policy, directory, received_at=..., outgoing=...)
    if isinstance(decision, Need):
        envelope = ...                       # provider.facts
        decision = decide(envelope, ...)     # the same call again: now a Decision
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from .bulk import bulk_reason
from .content import missing_content
from .domains import (
    domain_of,
    fold_addresses,
    fold_domains,
    lies_within,
    parent_domains,
    without_tag,
)
from .envelope import Envelope
from .providers.base import COUNTED_ROLES, Presence
from .reasons import Reason, State
from .roles import is_role_address
from .words import DEFAULT_PRIVATE_WORDS, PrivateWords, has_private_word

__all__ = [
    "DEFAULT_PRIVATE_WORDS",
    "Decision",
    "Directory",
    "Need",
    "Policy",
    "Reason",
    "State",
    "bulk_reason",
    "decide",
    "external",
    "has_private_word",
    "is_role_address",
    "outgoing",
    "parent_domains",
]


@dataclass(frozen=True)
class Policy:
    """The settings of a mailbox and its company. Values may come as people type them.

    :param own_addresses: of this mailbox, aliases included
    :param sync_from: mail received before it leaves no row; ``None`` = no bound
    :param one_way: takes no incoming mail but what is pushed or allowed
    :param private_words: whole words, or several of them as a phrase
    :param excluded_domains, allowed_domains: with all their subdomains
    :param match_domains: a company's domain is as good as a contact's address
    :param dropbox: the user's own address for mail to be taken in; ``""`` = none
    """

    own_addresses: frozenset[str] = frozenset()
    sync_from: datetime | None = None
    one_way: bool = False
    private_words: tuple[str, ...] = DEFAULT_PRIVATE_WORDS
    excluded_addresses: frozenset[str] = frozenset()
    excluded_domains: frozenset[str] = frozenset()
    allowed_addresses: frozenset[str] = frozenset()
    allowed_domains: frozenset[str] = frozenset()
    match_domains: bool = False
    dropbox: str = ""
    words: PrivateWords = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "words", PrivateWords(self.private_words))
        for name in ("own_addresses", "excluded_addresses", "allowed_addresses"):
            object.__setattr__(self, name, fold_addresses(getattr(self, name)))
        for name in ("excluded_domains", "allowed_domains"):
            object.__setattr__(self, name, fold_domains(getattr(self, name)))
        object.__setattr__(self, "dropbox", self.dropbox.strip().lower())


@dataclass(frozen=True)
class Directory:
    """What the database knows of the addresses of a page of mail.

    Addresses in the form of ``Address.email``, domains in that of ``Address.domain``.

    :param own: those of users, employees and companies
    :param own_domains: of the companies, with all their subdomains; never a free-mail
        domain
    :param known: those with a contact or lead
    :param known_domains: of companies among the contacts; exact, without subdomains;
        never a free-mail domain
    :param erased: of persons whose data was erased: no mail with them comes back
    :param floors: mail received before its moment does not match that address: it was
        kept as long as it may be
    """

    own: frozenset[str] = frozenset()
    own_domains: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    known_domains: frozenset[str] = frozenset()
    erased: frozenset[str] = frozenset()
    floors: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """What becomes of a mail.

    :param matched: the external addresses that are known, by themselves or (if that is
        switched on) by their domain; empty when a rule before the match decided
    """

    state: State
    reason: Reason
    matched: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Need:
    """More facts are needed: ask again with an envelope that has them.

    :param grade: ``headers``: both ``Envelope.headers`` and ``Envelope.parts``
    """

    grade: Literal["headers"] = "headers"


def decide(
    envelope: Envelope,
    policy: Policy,
    directory: Directory,
    *,
    role: str = "inbox",
    received_at: datetime,
    outgoing: bool,
) -> Decision | Need:
    """Mirrored, unmatched or excluded, and why. Pure; never raises.

    :param role: of the folder, one of ``base.COUNTED_ROLES``; any other, such as
        ``trash`` or ``unselected``, keeps the mail out
    :param received_at: when the mailbox got it; without zone it counts as UTC
    :param outgoing: the owner sent it: see ``outgoing()``
    :return: ``Need`` only if rules 1 to 7 let the mail pass and its second grade is not
        known
    """
    emails = _usable(envelope)
    outsiders = _outsiders(emails, policy, directory)
    reason = _refused_by_listing(
        envelope, emails, outsiders, policy, directory, role, received_at
    )
    if reason:
        return Decision(reason.state, reason)
    known = outsiders & directory.known
    matched = known | _matched_by_domain(outsiders, policy, directory)
    if not matched:
        return Decision(State.UNMATCHED, Reason.NO_CONTACT)
    if directory.floors:
        expired = _expired(matched, directory, received_at)
        known, matched = known - expired, matched - expired
        if not matched:
            return Decision(State.EXCLUDED, Reason.RETENTION)
    if envelope.headers is None or envelope.parts is None:
        return Need("headers")
    reason = (
        missing_content(envelope)  # rule 8
        or _waved_through(emails, outsiders, policy)
        or _unasked(envelope, policy, directory, outgoing)
        or _without_person(outsiders, known)
        or (Reason.CONTACT if known else Reason.DOMAIN)
    )
    return Decision(reason.state, reason, matched)


def external(
    envelope: Envelope, policy: Policy, directory: Directory
) -> frozenset[str]:
    """The addresses of From, To, Cc, Bcc and Reply-To that are nobody's of the house.

    Of the house are the mailbox's own addresses (with any ``+tag``), its dropbox, the
    directory's own addresses, and everything on an own domain or a subdomain of one.
    """
    return _outsiders(_usable(envelope), policy, directory)


def _outsiders(
    emails: frozenset[str], policy: Policy, directory: Directory
) -> frozenset[str]:
    return frozenset(
        email
        for email in emails
        if email not in directory.own
        and email != policy.dropbox
        and not _is_owners(email, policy)
        and not lies_within(domain_of(email), directory.own_domains)
    )


def outgoing(presence: Presence, policy: Policy) -> bool:
    """Did the owner of the mailbox send it?

    What the mailbox says counts; where it does not say, the From address tells.
    """
    if presence.outgoing is not None:
        return presence.outgoing
    sender = presence.envelope.sender if presence.envelope else None
    return sender is not None and _is_owners(sender.email.lower(), policy)


def _is_owners(email: str, policy: Policy) -> bool:
    return email in policy.own_addresses or without_tag(email) in policy.own_addresses


def _usable(envelope: Envelope) -> frozenset[str]:
    """All participants; an empty or broken address is none and matches nothing."""
    return frozenset(
        email.lower() for email in envelope.emails if all(email.rpartition("@")[::2])
    )


# --- rules 1 to 6: what the listing tells ---------------------------------------------

#: RFC 2156 section 5.3.4, and the short name of the last one in Microsoft's API.
_SENSITIVE = {"personal", "private", "company-confidential", "confidential"}


def _refused_by_listing(
    envelope: Envelope,
    emails: frozenset[str],
    outsiders: frozenset[str],
    policy: Policy,
    directory: Directory,
    role: str,
    received_at: datetime,
) -> Reason | None:
    sensitivity = re.sub(r"[\s_-]+", "-", envelope.sensitivity.strip().lower())
    if role not in COUNTED_ROLES:
        return Reason.FOLDER
    if policy.sync_from and _utc(received_at) < _utc(policy.sync_from):
        return Reason.TOO_OLD
    if not emails:
        return Reason.NO_ADDRESS
    if policy.words.stand_in(envelope.subject):
        return Reason.PRIVATE_WORD
    if sensitivity in _SENSITIVE:
        return Reason.SENSITIVITY
    if emails & policy.excluded_addresses:
        return Reason.EXCLUDED_ADDRESS
    if any(lies_within(domain_of(email), policy.excluded_domains) for email in emails):
        return Reason.EXCLUDED_DOMAIN
    if emails & directory.erased:
        return Reason.ERASED
    if not outsiders:
        return Reason.INTERNAL
    return None


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# --- rule 7: the match ----------------------------------------------------------------


def _matched_by_domain(
    outsiders: frozenset[str], policy: Policy, directory: Directory
) -> frozenset[str]:
    if not policy.match_domains:
        return frozenset()
    return frozenset(
        email for email in outsiders if domain_of(email) in directory.known_domains
    )


def _expired(
    matched: frozenset[str], directory: Directory, received_at: datetime
) -> frozenset[str]:
    """Those whose mail of that time was kept as long as it may be."""
    floors = directory.floors
    return frozenset(
        email
        for email in matched
        if email in floors and _utc(received_at) < _utc(floors[email])
    )


# --- rules 9 to 12: is it wanted? -----------------------------------------------------


def _waved_through(
    emails: frozenset[str], outsiders: frozenset[str], policy: Policy
) -> Reason | None:
    """Rule 9: what is pushed or allowed need not pass rules 10 to 12."""
    if policy.dropbox in emails:
        return Reason.DROPBOX
    if outsiders & policy.allowed_addresses or any(
        lies_within(domain_of(email), policy.allowed_domains) for email in outsiders
    ):
        return Reason.ALLOWED
    return None


def _unasked(
    envelope: Envelope, policy: Policy, directory: Directory, outgoing: bool
) -> str | None:
    """Rules 10 and 11; what the owner sent passes both."""
    if outgoing:
        return None
    if policy.one_way:
        return Reason.ONE_WAY
    return bulk_reason(envelope, directory.own_domains, policy.own_addresses)


def _without_person(outsiders: frozenset[str], known: frozenset[str]) -> Reason | None:
    """Rule 12: a domain matches, but only functions of the company are on the mail."""
    if not known and all(map(is_role_address, outsiders)):
        return Reason.ROLE_ADDRESS
    return None
