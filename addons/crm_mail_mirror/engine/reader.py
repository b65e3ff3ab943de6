# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does a page of listed mail become a page that can be stored? Judge, then read.

judged = judge(presences, ...)      # pure
read(provider, judged, ...)         # network: facts and texts of what matched
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from . import identity, rules
from .envelope import Body, Envelope
from .providers.base import MessageBroken, Presence, Provider, ProviderError
from .rules import Decision, Directory, Need, Policy, State

#: Texts asked for at once, at first: between two bites time is looked at.
BITE = 100
#: Of the time that texts may take: what took less is followed by all there is.
QUICK, ALL = 0.1, 10_000


@dataclass
class Judged:
    """One mail of a page and what became of it.

    :param key: ``identity.mail_key`` in clear; the store keeps only its keyed hash
    :param decision: ``None`` for mail that was decided before and is only found again
    :param external: the participants that are nobody's of the house
    :param body: only when the decision is to mirror
    :param error: why a mail that was to be read could not be
    :param is_late: its text was not asked for, because time was up
    :param is_removed: nothing was asked for, because its owner removed it before
    """

    presence: Presence
    key: str
    role: str
    outgoing: bool = False
    decision: Decision | Need | None = None
    external: frozenset[str] = frozenset()
    body: Body | None = None
    error: ProviderError | None = None
    is_late: bool = False
    is_removed: bool = False

    @property
    def envelope(self) -> Envelope:
        return self.presence.envelope or Envelope()


def judge(
    presences: Iterable[Presence],
    known_keys: frozenset[str],
    roles: Mapping[str, str],
    policy: Policy,
    directory: Directory,
) -> list[Judged]:
    """Decide each mail as far as its facts allow.

    :param presences: of a place that is told twice the later one counts
    :param known_keys: mail keys (in clear) that were decided before
    :param roles: folder ref -> role
    """
    page = []
    for presence in {each.place: each for each in presences}.values():
        item = Judged(
            presence,
            identity.mail_key(presence),
            roles.get(presence.place.folder, "other"),
            rules.outgoing(presence, policy),
        )
        known = item.key in known_keys and not may_be_a_twin(item)
        if not known and presence.envelope is not None:
            _decide(item, policy, directory)
        page.append(item)
    return page


def read(
    provider: Provider,
    page: list[Judged],
    policy: Policy,
    directory: Directory,
    seconds: float = math.inf,
    removed: Callable[[Judged], bool] | None = None,
    bite: int = BITE,
) -> int:
    """Fetch what the decisions still need: the second grade, then the texts.

    Fills ``decision``, ``body``, ``error``, ``is_late`` and ``is_removed`` of the mails
    in place.

    :param seconds: after so much time no further texts are asked for
    :param removed: did its owner remove this mail? Then it is left alone
    :param bite: texts asked for at once
    :return: that of the next page: far away each one costs a round trip

    :raises ProviderError: the connection as a whole failed; the page is void
    """
    _leave_alone(page, removed)
    _each(page, provider.facts, _is_needed)
    for item in page:
        if _is_needed(item) and not item.error:
            # all rules again: the second grade may tell sensitivity, addresses or a
            # sender that the listing did not have
            item.outgoing = rules.outgoing(item.presence, policy)
            _decide(item, policy, directory)
            if isinstance(item.decision, Need):
                item.error = MessageBroken("message_broken", "no headers")
    # the second grade may tell addresses that the listing did not have
    _leave_alone(page, removed)
    wanted = [item for item in page if _is_wanted(item)]
    began = time.monotonic()
    while wanted:
        some, wanted = wanted[:bite], wanted[bite:]
        _each(some, provider.fetch, lambda item: True)
        spent = time.monotonic() - began
        bite = ALL if spent < QUICK * seconds else BITE
        if spent > seconds:
            for item in wanted:
                item.is_late = True
            break
    return bite


def look_closer(provider: Provider, page: list[Judged]) -> None:
    """The second grade of mail that is decided already; its decision stands.

    Of what cannot be had nothing is said.

    :raises ProviderError: the connection as a whole failed
    """
    asked = {item.presence.place: item for item in page}
    if not asked:
        return
    mails = [(place, item.envelope) for place, item in asked.items()]
    for place, answer in provider.facts(mails):
        if isinstance(answer, Envelope):
            item = asked[place]
            item.presence = replace(item.presence, envelope=answer)


def may_be_a_twin(item: Judged) -> bool:
    """Without any id, a mail that looks like a known one may be another."""
    return not item.presence.key and not item.envelope.message_id


def _leave_alone(page: list[Judged], removed: Callable[[Judged], bool] | None) -> None:
    for item in page if removed else ():
        if _is_needed(item) or _is_wanted(item):
            item.is_removed = item.envelope != Envelope() and removed(item)


def _is_needed(item: Judged) -> bool:
    return isinstance(item.decision, Need) and not item.is_removed


def _is_wanted(item: Judged) -> bool:
    decision = item.decision
    return (
        isinstance(decision, Decision)
        and decision.state is State.MIRRORED
        and not item.error
        and not item.is_removed
    )


def _decide(item: Judged, policy: Policy, directory: Directory) -> None:
    if item.envelope == Envelope():
        # it is there, but the listing could not read it: no ground for a judgement
        item.decision = Need("headers")
        return
    item.external = rules.external(item.envelope, policy, directory)
    item.decision = rules.decide(
        item.envelope,
        policy,
        directory,
        role=item.role,
        received_at=item.presence.received_at,
        outgoing=item.outgoing,
    )


def _each(page, call, condition) -> None:
    """Ask the provider about the mails that meet the condition; keep its answers."""
    asked = {item.presence.place: item for item in page if condition(item)}
    if not asked:
        return
    mails = [(place, item.envelope) for place, item in asked.items()]
    for place, answer in call(mails):
        item = asked[place]
        if isinstance(answer, ProviderError):
            item.error = answer
        elif isinstance(answer, Envelope):
            item.presence = replace(item.presence, envelope=answer)
        else:
            item.body = answer
