# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One bounded bite of what changed in Gmail: what was found, is there room for more?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from .base import Absence, Budget, Folder, Presence, Unavailable
from .gmail_api import Api
from .gmail_history import Standing
from .gmail_labels import hidden_by
from .gmail_mail import ALL, told
from .gmail_quota import GET

#: All refs there may be: ids are hexadecimal.
EVERYTHING = (("0", "z" * 20),)
#: Changes of one bite: departures have no other bound.
MAX_CHANGES = 5_000
#: Mails of a bite at least, however little quota there is.
FEWEST = 5


@dataclass
class Listing:
    """Ids that were listed and wait to be told.

    :param key: the place in the cursor where it goes on
    :param page: the token of the page that ``ids`` are left of, ``ahead``: further ones
    :param following: the token of the page to be asked for next, ``""`` = there is none
    :param sound: all its pages were asked for while no mail went
    """

    key: tuple = ()
    page: str = ""
    ids: list[str] = field(default_factory=list)
    ahead: list[tuple[str, list[str]]] = field(default_factory=list)
    following: str = ""
    sound: bool = False

    @property
    def waiting(self) -> int:
        return len(self.ids) + sum(len(ids) for _page, ids in self.ahead)


@dataclass
class Bearing:
    """Mail of a stretch that bears a label which is switched off.

    :param key: the stretch, and the labels :param left: of these, still to be asked for
    """

    key: tuple = ()
    ids: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)
    page: str = ""


@dataclass
class Memory:
    """What one connection remembers between two pulls; all of it may be lost.

    :ivar quiet: history had been told to its end when it was ``looked_at``
    :ivar gone: mail that was told as absent; a list may still show it
    :ivar seen: mail of the old stretch that was told, however often it is found
    :ivar hide: labels that were switched off at the last pull
    """

    begun: bool = False
    looked_at: float = float("-inf")
    quiet: bool = False
    gone: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    listing: Listing | None = None
    bearing: Bearing = field(default_factory=Bearing)
    hide: frozenset[str] = frozenset()


class Bite:
    """Collects facts, and moves the cursor past each once it is told.

    Of mail that is told the headers will be asked for, at 20 units each: no more is
    told than can be read in about the time of the bite.
    """

    def __init__(
        self,
        api: Api,
        memory: Memory,
        cursor: dict,
        since: datetime | None,
        budget: Budget,
        addresses: Iterable[str] | None,
        hide: frozenset[str] = frozenset(),
    ):
        self.api, self.memory, self.cursor = api, memory, cursor
        self.since, self.budget = since, budget
        #: labels that are switched off; all labels of mail that does not count
        self.hide, self.hidden = hide, hidden_by(hide)
        self.addresses: Sequence[str] | None = (
            None if addresses is None else sorted(set(addresses))
        )
        readable = int(api.bucket.rate * budget.seconds / GET)
        self.room = min(budget.mails, max(FEWEST, readable))
        self.started = time.monotonic()
        # the facts
        self.changes: dict[str, Standing] = {}
        self.listed: dict[str, None] = {}
        #: mail that had to be looked at
        self.read: dict[str, Presence] = {}
        self.passed_by = 0
        self.progress = (0, 0)
        self.looked = self.restarted = False
        #: asked for in this bite
        self.folders: tuple[Folder, ...] | None = None
        #: mail that bears a label which was switched off
        self.unwanted: dict[str, None] = {}
        #: something was learnt that stands in the memory, not in the cursor
        self.learnt = False
        self._arrived = 0

    @property
    def fill(self) -> dict | None:
        return self.cursor.get("fill")

    @property
    def left(self) -> int:
        """Mails that may still be told."""
        return self.room - self._arrived - len(self.listed)

    def begin_again(self) -> None:
        """A page token is worth nothing any more: once in a bite that is borne.

        :raises Unavailable: Gmail does not take those that it gave just now
        """
        if self.restarted:
            raise Unavailable("server_error", "page tokens are refused")
        self.restarted = True

    def add_changes(self, found: dict[str, Standing]) -> bool:
        """The last word on a mail counts. :return: there was room for them"""
        fresh = [
            id_
            for id_, standing in found.items()
            if standing.here and not (id_ in self.changes and self.changes[id_].here)
        ]
        if self.changes and (
            len(fresh) > self.left or len(self.changes) + len(found) > MAX_CHANGES
        ):
            return False
        for id_, standing in found.items():
            before = self.changes.pop(id_, None)
            self.changes[id_] = standing
            self._arrived += standing.here - bool(before and before.here)
            if standing.here:
                self.memory.gone.discard(id_)
            else:
                self.memory.gone.add(id_)
        return True

    def add_listed(self, ids: Iterable[str]) -> int:
        """:return: how many of them are told"""
        news = [
            id_
            for id_ in ids
            if id_ not in self.memory.gone and id_ not in self.changes
        ]
        self.listed.update(dict.fromkeys(news))
        return len(news)

    def present(self) -> list[Presence]:
        """The newest first."""
        arrived = [
            self.read.get(id_) or told(id_, standing.sent)
            for id_, standing in reversed(self.changes.items())
            if standing.here
        ]
        return arrived + [told(id_) for id_ in self.listed if id_ not in self.changes]

    def absent(self) -> tuple[Absence, ...]:
        gone = [id_ for id_, standing in self.changes.items() if not standing.here]
        # a list may be older than the history
        out = [id_ for id_ in self.unwanted if id_ not in self.changes]
        told_ = (
            Absence(ALL, "", tuple((id_, id_) for id_ in some), unwanted)
            for some, unwanted in ((gone, False), (out, True))
            if some
        )
        return tuple(told_)
