# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What would come of a mailbox's newest mail if it were mirrored? Counted, not kept.

One ``look`` is one bounded bite: headers are listed, judged in memory and forgotten.
No text is ever asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from . import reader
from .domains import domain_of
from .envelope import Envelope
from .providers.base import Budget, ChangeBatch, Presence, Provider
from .rules import Decision, Directory, Need, Policy, State

#: Mails and seconds of one look: short, so that progress is seen and Cancel is heard.
BITE = Budget(mails=60, seconds=4.0)


@dataclass
class Counts:
    """What was found, in numbers.

    :param seen: mails that were judged
    :param reasons: how many came to which end, by ``Reason``
    :param contacts: mails that would be mirrored, by the known address on them, or by
        ``@domain`` where its domain alone is known
    """

    seen: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    contacts: Counter[str] = field(default_factory=Counter)

    def add(self, decision: Decision, known: frozenset[str]) -> None:
        self.seen += 1
        self.reasons[str(decision.reason)] += 1
        if decision.state is State.MIRRORED:
            self.contacts.update(
                {
                    email if email in known else f"@{domain_of(email)}"
                    for email in decision.matched
                }
            )


@dataclass
class Glance:
    """What one look brought.

    :param more: look again with ``cursor``
    :param passed_by: mails that were not listed, since nobody known is on them
    :param done, total: mails listed, and to be listed; 0: not known
    """

    cursor: dict
    more: bool
    counts: Counts
    passed_by: int = 0
    done: int = 0
    total: int = 0


def look(
    provider: Provider,
    cursor: dict | None,
    since: datetime | None,
    policy: Policy,
    look_up: Callable[[set[str]], Directory],
    *,
    roles: Mapping[str, str],
    skip: frozenset[str] = frozenset(),
    addresses: Sequence[str] | None = None,
) -> Glance:
    """:param look_up: whose are these addresses?
    :raises ProviderError: nothing is counted; the same look may be asked for again
    """
    batch = provider.pull(cursor, since, BITE, skip, addresses=addresses)
    if batch.folders is not None:
        roles = {
            folder.ref: "unselected" if folder.ref in skip else folder.role
            for folder in batch.folders
        }
    presences = _with_envelopes(provider, batch)
    if since is not None:
        # IMAP knows no time of day
        presences = [each for each in presences if each.received_at >= since]
    emails = {email for each in presences for email in each.envelope.emails}
    directory = look_up(emails)
    judged = reader.judge(presences, frozenset(), roles, policy, directory)
    needed = [
        (item.presence.place, item.envelope)
        for item in judged
        if isinstance(item.decision, Need)
    ]
    if needed:
        told = dict(provider.facts(needed))
        presences = [
            replace(item.presence, envelope=told[item.presence.place])
            if isinstance(told.get(item.presence.place), Envelope)
            else item.presence
            for item in judged
        ]
        judged = reader.judge(presences, frozenset(), roles, policy, directory)
    counts, seen = Counts(), set()
    for item in judged:
        # what lies in two folders is one mail
        if isinstance(item.decision, Decision) and item.key not in seen:
            seen.add(item.key)
            counts.add(item.decision, directory.known)
    more = batch.more and not _is_past(batch, since)
    return Glance(batch.cursor, more, counts, batch.passed_by, batch.done, batch.total)


def _with_envelopes(provider: Provider, batch: ChangeBatch) -> list[Presence]:
    bare = [each.place for each in batch.present if each.envelope is None]
    told = dict(provider.envelopes(bare)) if bare else {}
    found = [told.get(each.place, each) for each in batch.present]
    return [
        each
        for each in found
        if isinstance(each, Presence) and each.envelope is not None
    ]


def _is_past(batch: ChangeBatch, since: datetime | None) -> bool:
    """Microsoft's walks go on to a folder's very end, past all that is too old."""
    if since is None or batch.cursor.get("kind") != "microsoft":
        return False
    walks = [
        state["walk"]
        for state in batch.cursor.get("folders", {}).values()
        if "walk" in state
    ]
    # times as Graph writes them, which compare as text
    start = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return all("" < walk.get("at", "") < start for walk in walks)
