# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does a mail belong into the mirror? A pure function of mail, settings and directory.

The rules stand in a fixed order (``rulebook``) and the first that speaks decides. Those
that need more than the listing grade of facts come last, after the contact match, so
that of a mail that does not match not even the structure is asked for::

    decision = decide(envelope, policy, directory, received_at=..., outgoing=...)
    if isinstance(decision, Need):
        envelope = ...                       # provider.facts
        decision = decide(envelope, ...)     # the same call again: now a Decision

Why it came out so tells ``explain``, which walks the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from .bulk import bulk_reason
from .domains import parent_domains
from .envelope import Envelope
from .policy import Directory, Policy
from .providers.base import Presence
from .reasons import Reason, State
from .roles import is_role_address
from .rulebook import LISTING, READING, Case, outsiders, usable
from .words import DEFAULT_PRIVATE_WORDS, has_private_word

__all__ = [
    "DEFAULT_PRIVATE_WORDS",
    "Decision",
    "Directory",
    "Need",
    "Outcome",
    "Policy",
    "Reason",
    "State",
    "Step",
    "bulk_reason",
    "decide",
    "explain",
    "external",
    "has_private_word",
    "is_role_address",
    "outgoing",
    "parent_domains",
    "steps_to",
]


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


class Outcome(StrEnum):
    PASSED = "passed"
    SPOKE = "spoke"
    NOT_REACHED = "not_reached"  #: a rule before it spoke, or its facts are not known


@dataclass(frozen=True)
class Step:
    """What one rule made of a mail.

    :param rule: its name in ``rulebook``
    :param reason: of the rule that spoke
    :param what: addresses, domains or words it found: content of the mail, for nobody
        but the owner of the mailbox
    """

    rule: str
    outcome: Outcome
    reason: Reason | None = None
    what: tuple[str, ...] = ()


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
    :return: ``Need`` only if all rules up to the match let the mail pass and its second
        grade is not known
    """
    case = Case(envelope, policy, directory, role, received_at, outgoing)
    for rule in LISTING:
        reason = rule.speaks(case)
        if reason:
            return Decision(reason.state, reason)
    if _needs_headers(envelope):
        return Need("headers")
    for rule in READING:
        reason = rule.speaks(case)
        if reason:
            return Decision(reason.state, reason, case.matched)
    raise AssertionError("the last rule always speaks")


def explain(
    envelope: Envelope,
    policy: Policy,
    directory: Directory,
    *,
    role: str = "inbox",
    received_at: datetime,
    outgoing: bool,
) -> tuple[Step, ...]:
    """What each rule says, in their order: the reason of ``decide``, step by step.

    Takes what ``decide`` takes. Where that would answer ``Need``, no step spoke and the
    rules that need more facts are not reached.
    """
    case = Case(envelope, policy, directory, role, received_at, outgoing)
    steps, over = [], False
    for rules in (LISTING, READING):
        over = over or (rules is READING and _needs_headers(envelope))
        for rule in rules:
            reason = None if over else rule.speaks(case)
            if over:
                steps.append(Step(rule.name, Outcome.NOT_REACHED))
                continue
            what = tuple(sorted(rule.found(case)))
            outcome = Outcome.SPOKE if reason else Outcome.PASSED
            steps.append(Step(rule.name, outcome, reason, what))
            over = bool(reason)
    return tuple(steps)


def steps_to(reason: Reason) -> tuple[Step, ...]:
    """What each rule must have said of a mail of which only the reason is known.

    Empty for reasons that no rule gives (a mail that was not listed, or is ignored).
    """
    steps, over = [], False
    for rule in LISTING + READING:
        if over:
            steps.append(Step(rule.name, Outcome.NOT_REACHED))
        elif reason in rule.gives:
            steps.append(Step(rule.name, Outcome.SPOKE, reason))
            over = True
        else:
            steps.append(Step(rule.name, Outcome.PASSED))
    return tuple(steps) if over else ()


def external(
    envelope: Envelope, policy: Policy, directory: Directory
) -> frozenset[str]:
    """The addresses of From, To, Cc, Bcc and Reply-To that are nobody's of the house.

    Of the house are the mailbox's own addresses (with any ``+tag``), its dropbox, the
    directory's own addresses, and everything on an own domain or a subdomain of one.
    """
    return outsiders(usable(envelope), policy, directory)


def outgoing(presence: Presence, policy: Policy) -> bool:
    """Did the owner of the mailbox send it?

    What the mailbox says counts; where it does not say, the From address tells.
    """
    if presence.outgoing is not None:
        return presence.outgoing
    sender = presence.envelope.sender if presence.envelope else None
    return sender is not None and policy.is_own(sender.email.lower())


def _needs_headers(envelope: Envelope) -> bool:
    return envelope.headers is None or envelope.parts is None
