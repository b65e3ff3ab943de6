# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How many mailboxes of one mail server are open at once, and which are next?

Decided here without clock or database. What counts is the server: an IMAP host, or
Google or Microsoft as a whole, over all workers of all hosts of ours.

A server that fails gets half the connections, down to one; then pauses that double.
Each mailbox of it that works again gives it one more. So an outage of an hour costs a
try a minute, occupies nobody else's place, and ends with 1, 2, 4, 8 connections instead
of all mailboxes in one second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: Mailboxes of one server that are open at once, where nobody set anything else.
CONNECTIONS = {"imap": 50, "gmail": 100, "microsoft": 100}
#: What a pause is spread over, so that mailboxes do not come due in one second; and
#: seconds by which one is late that is spread wider: else all that waited through an
#: outage would come due together again, each two minutes.
SPREAD, LATE, SPREAD_LATE = (0.9, 1.0), 20, (0.55, 1.0)
#: Seconds of the first and of the longest pause of a server that does not answer.
PAUSE, LONGEST_PAUSE = 5, 60


@dataclass(frozen=True)
class Trouble:
    """What is known of a server that failed lately; of others nothing is kept.

    :param room: mailboxes of it that may be open at once
    :param pause: seconds that the next failure makes it wait; 0: it has room yet
    :param mailbox_id: which failed last
    :param is_quiet: its pause is not over
    """

    room: int
    pause: int = 0
    mailbox_id: int | None = None
    is_quiet: bool = False


@dataclass(frozen=True)
class Candidate:
    """A mailbox that is due. ``is_import``: all of its mail is being listed."""

    mailbox_id: int
    server: str
    is_import: bool


def limits(text: str | None) -> dict[str, int]:
    """The administrator's, such as ``imap=20 mail.example.com=4``, over the defaults.

    What cannot be read is as if it were not there.
    """
    found = dict(CONNECTIONS)
    for word in (text or "").replace(",", " ").split():
        name, _sign, number = word.rpartition("=")
        if name and number.isdigit() and int(number):
            found[name.lower()] = int(number)
    return found


def limit_of(server: str, kind: str, allowed: Mapping[str, int]) -> int:
    return allowed.get(server) or allowed[kind]


def spread(late: float) -> tuple[float, float]:
    """:param late: seconds since a mailbox was due"""
    return SPREAD_LATE if late > LATE else SPREAD


def failed(trouble: Trouble | None, limit: int, mailbox_id: int) -> Trouble:
    """After a failure. One mailbox that always fails is its own trouble alone."""
    if trouble is None:
        # the first one may be the mailbox's fault
        return Trouble(limit, 0, mailbox_id)
    if trouble.mailbox_id == mailbox_id or trouble.is_quiet:
        return trouble  # what was open when it fell silent says nothing new
    if trouble.room > 1:
        return Trouble(min(limit, trouble.room) // 2 or 1, 0, mailbox_id)
    pause = min(LONGEST_PAUSE, 2 * trouble.pause or PAUSE)
    return Trouble(1, pause, mailbox_id)


def worked(trouble: Trouble, limit: int) -> Trouble | None:
    """After a mailbox of it worked; ``None``: nothing is left of the trouble."""
    if trouble.room + 1 >= limit:
        return None
    return Trouble(trouble.room + 1, 0, trouble.mailbox_id)


def room_left(limit: int, held: int, trouble: Trouble | None) -> int:
    """:param held: mailboxes of it that are open"""
    if trouble is not None:
        limit = 0 if trouble.is_quiet else min(limit, trouble.room)
    return max(0, limit - held)


def choose(
    candidates: Iterable[Candidate],
    rooms: Mapping[str, int],
    imports: int,
    most: int,
) -> list[int]:
    """Which mailboxes are next?

    :param candidates: who waited longest first
    :param rooms: so many more mailboxes of each server may be open
    :param imports: so many mailboxes whose mail is all listed, at most: others get
        their turn beside them, however many those are
    """
    chosen, taken = [], Counter()
    for each in candidates:
        if len(chosen) == most:
            break
        if taken[each.server] >= rooms[each.server] or (
            each.is_import and imports <= 0
        ):
            continue
        taken[each.server] += 1
        imports -= each.is_import
        chosen.append(each.mailbox_id)
    return chosen
