# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the network do when a mailbox is searched for something?

Plain Python without ORM, like ``mailbox_run``: first the provider is asked for places,
then, bite by bite, for the headers of what lies there and nobody knows::

    Task(query) -> search -> Found -> ... -> Task(places) -> look_at -> Looked -> a page

The search is coarse (parts of words, other cases): what is found is judged like mail
that was listed, and what is not wanted leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..engine.providers.base import EPOCH, Cut, MessageBroken, Place, Presence, Query

#: Terms that are searched for at once.
AT_ONCE = 50
#: Places that are looked at before the clock is.
LOOKS = 200


@dataclass(frozen=True)
class Task:
    """What a mailbox is searched for now, or what of that is looked at now.

    :param rows: ids of the terms; the first holds what was found
    :param query: the terms; ``None`` when they were searched for already
    :param places: the next of those that were found, newest first
    """

    rows: tuple[int, ...]
    query: Query | None = None
    places: tuple[Place, ...] = field(default=(), repr=False)


@dataclass
class Found:
    """
    :param whole: that was all; else the provider may have left some out
    :param for_good: and would, were it asked for fewer terms at once
    """

    task: Task
    places: list[Place] = field(repr=False)
    whole: bool = True
    for_good: bool = False


@dataclass
class Listed:
    """Headers of mail that is looked at once more.

    :param lost: where nothing was found
    :param asked: all places that were asked for, and what to say of those that fail
    """

    presences: list
    lost: tuple[Place, ...] = ()
    asked: dict[Place, str] = field(default_factory=dict)

    def tell(self, page) -> None:
        """What the page has to know of it, once it is judged."""
        page.lost, page.asked = self.lost, self.asked

    def _broken(self) -> list[Place]:
        """Where something is whose headers nobody can have."""
        known = {p.place for p in self.presences if p.envelope is not None}
        return [place for place in self.asked if place not in known.union(self.lost)]


@dataclass
class Looked(Listed):
    """Headers of mail that a search found."""

    task: Task | None = None

    def tell(self, page) -> None:
        page.sought = True
        page.search = Task(self.task.rows, places=tuple(self.asked))
        broken = {item.presence.place: item for item in page.judged}
        for place in self._broken():
            broken[place].error = MessageBroken(self.asked[place])

    def name_broken(self) -> None:
        """They are set aside one by one, under a name that nothing else has."""
        self.presences += [
            Presence(place, EPOCH, key=f"place {place}") for place in self._broken()
        ]


class SearchSteps:
    """The steps of a ``MailboxRun`` in a search."""

    def search(self, task: Task) -> Iterator:
        told = self.provider.search(task.query, self.lease.since)
        places = list(told)
        is_cut = isinstance(told, Cut) or len(places) >= self.provider.most_found
        yield Found(task, places, not is_cut, getattr(told, "for_good", False))

    def look_at(self, task: Task) -> Iterator:
        listed = self.headers_of(task.places[: self._bite(LOOKS)])
        looked = Looked(**vars(listed), task=task)
        looked.name_broken()
        yield looked
