# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whom on a page of mail could its owner want as a contact?

Only people whose mail the mirror would take if they were one: what is excluded,
private, bulk or automatic suggests nobody. Pure, like the rules it asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from . import rules
from .addresses import normal_email
from .bulk import bulk_reason
from .domains import domain_of, is_disposable
from .envelope import Address, Envelope
from .identity import normalise_message_id
from .names import suggested_name
from .reader import Judged
from .reasons import Reason, State
from .roles import is_role_address
from .rules import Decision, Directory, Need, Policy

#: Which reasons count, by what the owner chose for the mailbox.
MODES = {
    "never": frozenset(),
    "written": frozenset({"written", "answered"}),
    "answered": frozenset({"answered", "answered_me"}),
    "all": frozenset({"written", "answered", "answered_me", "received"}),
}
#: A mail to more people than these is none to anybody.
MOST_PEOPLE = 20
#: Ids that a mail may answer, of those it names.
MOST_REFERENCES = 20
#: RFC 5321 section 4.5.3.1.
MAX_LOCAL, MAX_EMAIL = 64, 254


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody on a mail who is no contact yet.

    :param answers: normalised ids of the mails that this mail may be an answer to
    """

    address: Address
    item: Judged
    answers: tuple[str, ...]

    @property
    def outgoing(self) -> bool:
        return self.item.outgoing


def wants_headers(
    judged: Iterable[Judged],
    mode: str,
    policy: Policy,
    directory: Directory,
    *,
    tells_answers: bool = True,
) -> list[Judged]:
    """Mail that is not mirrored, of which one more fact decides: is it bulk?

    :param tells_answers: the listing names what a mail answers (not Microsoft's)
    """
    return [
        item
        for item in judged
        if item.envelope.headers is None
        and isinstance(item.decision, Decision)
        and item.decision.state is State.UNMATCHED
        and _people(item, mode, policy, directory, tells_answers)
    ]


def candidates(
    judged: Iterable[Judged], mode: str, policy: Policy, directory: Directory
) -> list[Candidate]:
    """Who could be suggested, as far as the page itself tells.

    What they answer is not looked up: see ``why``.
    """
    return [
        Candidate(address, item, references(item.envelope))
        for item in judged
        if isinstance(item.decision, Decision)
        and item.decision.state in (State.UNMATCHED, State.MIRRORED)
        and not item.error
        and not _is_automatic(item, policy, directory)
        for address in _people(item, mode, policy, directory)
        if _would_be_mirrored(item, address.email, policy, directory)
    ]


def why(outgoing: bool, answers: bool) -> str:
    """Under which reason is somebody suggested?

    >>> why(outgoing=True, answers=True)
    'answered'

    :param answers: the mail answers one of the same mailbox: incoming mail one that the
        owner wrote, outgoing mail one that this person took part in
    """
    if outgoing:
        return "answered" if answers else "written"
    return "answered_me" if answers else "received"


def references(envelope: Envelope) -> tuple[str, ...]:
    """Normalised ids that a mail names as what it answers, nearest first."""
    named = (*envelope.in_reply_to, *reversed(envelope.references))
    found = dict.fromkeys(map(normalise_message_id, named[:MOST_REFERENCES]))
    return tuple(filter(None, found))


def _people(
    item: Judged,
    mode: str,
    policy: Policy,
    directory: Directory,
    tells_answers: bool = True,
) -> list[Address]:
    """To whom the owner wrote, or who wrote; ``[]`` where the mode asks for neither."""
    kinds, envelope = MODES[mode], item.envelope
    outsiders = rules.external(envelope, policy, directory)
    if item.outgoing:
        possible = {"written", "answered"} & kinds
        people = [*envelope.to, *envelope.cc]
        if len({a.email for a in people if a.email in outsiders}) > MOST_PEOPLE:
            return []
    else:
        possible = {"answered_me", "received"} & kinds
        people = list(envelope.authors[:1])
    if not possible or (tells_answers and not _may_be(item, possible)):
        return []
    found = {}
    for address in people:
        if address.email in outsiders and _is_person(address, directory):
            # of several spellings the one with a name
            found[address.email] = max(
                found.get(address.email, address), address, key=lambda a: bool(a.name)
            )
    return list(found.values())


def _may_be(item: Judged, possible: set[str]) -> bool:
    answers_alone = not possible & {"written", "received"}
    return not answers_alone or bool(references(item.envelope))


def _is_person(address: Address, directory: Directory) -> bool:
    email = address.email
    return (
        email not in directory.known
        and email == normal_email(email)
        and len(email) <= MAX_EMAIL
        and len(email.rpartition("@")[0]) <= MAX_LOCAL
        and not is_role_address(email)
        and not is_disposable(domain_of(email))
        and not suggested_name(address.name, email).is_relayed
    )


def _is_automatic(item: Judged, policy: Policy, directory: Directory) -> bool:
    """Of outgoing mail the rules do not ask it: replies while on holiday, campaigns."""
    return (
        item.envelope.headers is None
        or bulk_reason(item.envelope, directory.own_domains, policy.own_addresses)
        is not None
    )


def _would_be_mirrored(
    item: Judged, email: str, policy: Policy, directory: Directory
) -> bool:
    decision = rules.decide(
        item.envelope,
        policy,
        replace(directory, known=frozenset({email})),
        role=item.role,
        received_at=item.presence.received_at,
        outgoing=item.outgoing,
    )
    return not isinstance(decision, Need) and decision.reason is Reason.CONTACT
