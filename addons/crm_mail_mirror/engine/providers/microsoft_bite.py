# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One bounded bite of what changed: what was found, and is there room for more?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .. import charsets
from . import microsoft_mail
from .base import (
    COUNTED_ROLES,
    Absence,
    Budget,
    Folder,
    Place,
    Presence,
    ProviderError,
    Unavailable,
)
from .microsoft_cursor import State, begun, following, meet, opened, stamp
from .microsoft_folders import Tree
from .microsoft_graph import Graph, Reply, items_of

#: All ids there can be: they are made of letters, digits and ``-_=+/``, and sort below
#: this in every collation of a database as well.
EVERYTHING = (("", "z" * 40),)
#: Mails in one answer.
PAGE = 250


@dataclass
class Memory:
    """What one connection remembers between two pulls; all of it may be lost.

    :param listed: all folders, as they were last seen
    :param generations: of the places in each folder
    """

    looked_at: float = 0.0
    quiet: bool = False
    listed: dict[str, Folder] = field(default_factory=dict)
    generations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """One answer of a delta.

    :param link: to the next page, or when this was the last one to the next round
    """

    items: list[dict]
    removed: list[str]
    link: str
    is_last: bool


def page_of(graph: Graph, reply: Reply) -> Page:
    """:raises Unavailable: that is none"""
    items, removed = {}, {}
    for item in items_of(reply.body):
        if ref := charsets.ascii_id(item.get("id")):
            if "@removed" in item:
                removed[ref] = None
            else:
                items[ref] = item  # told twice, it counts once
    is_last = "@odata.nextLink" not in reply.body
    link = reply.body.get("@odata.deltaLink" if is_last else "@odata.nextLink")
    return Page(list(items.values()), list(removed), graph.relative(link), is_last)


class Bite:
    """Collects facts, and moves the cursor past each once it is told.

    :param memory: of the connection
    """

    def __init__(
        self,
        graph: Graph,
        memory: Memory,
        cursor: dict | None,
        since: datetime | None,
        budget: Budget,
        skip: Iterable[str],
    ):
        self.graph, self.memory = graph, memory
        self.cursor = opened(cursor)
        self.known: dict[str, State] = self.cursor["folders"]
        self.lost: dict[str, list[str]] = self.cursor["lost"]
        self.tree = Tree(self.cursor["tree"])
        self.since = stamp(since)
        self.skip = frozenset(skip)
        self.budget = budget
        self.started = time.monotonic()
        self.received = graph.traffic.received
        self.asked = graph.traffic.commands
        graph.be_patient(budget.seconds)
        #: folders that count, in the order in which they are looked at
        self.now: dict[str, Folder] = {}
        self.refused: set[str] = set()
        #: (folder, id) of mails of which the server cannot say where they are
        self.stubborn: set[tuple[str, str]] = set()
        self.trouble: ProviderError | None = None
        # the facts
        self.folders: tuple[Folder, ...] | None = None
        self.reset: dict[str, str] = {}
        self.present: dict[Place, Presence] = {}
        self.gone: dict[Place, None] = {}
        self.forgotten: list[Absence] = []
        self.relisted = False
        self.pass_complete = False

    # --- room -------------------------------------------------------------------------

    def _left(self) -> int:
        return max(1, self.budget.mails - len(self.present))

    def _out_of_time(self) -> bool:
        worked = self.graph.traffic.commands > self.asked
        return worked and time.monotonic() - self.started > self.budget.seconds

    def _has_room(self, again: bool = False) -> bool:
        """May more mail be told in this batch? What is relisted goes alone."""
        if self.present and again != self.relisted:
            return False
        return len(self.present) < self.budget.mails and not self._out_of_time()

    def _fits(self, page: Page) -> bool:
        """A page is taken whole or not at all; the first one always, even if the
        server gave more than was asked for."""
        there = len(self.present)
        return not there or there + len(page.items) <= self.budget.mails

    def _prefer(self, size: int = PAGE) -> tuple[str, ...]:
        return (f"odata.maxpagesize={max(1, min(size, PAGE))}",)

    # --- facts ------------------------------------------------------------------------

    def _place(self, folder: str, ref: str) -> Place:
        return Place(folder, self.known[folder]["g"], ref)

    def _tell(self, folder: str, item: Mapping, since: str = "") -> bool:
        """A mail is here, unless it is a draft, or was received before the start.

        :return: it was told
        """
        received = item.get("receivedDateTime")
        if item.get("isDraft") is True:
            return False
        if isinstance(received, str) and received < max(since, self.since):
            return False
        place = self._place(folder, item["id"])
        outgoing = True if self.now[folder].role == "sent" else None
        self.present[place] = microsoft_mail.presence(item, place, outgoing)
        # a batch's arrivals are applied before its departures: it came back since
        self.gone.pop(place, None)
        return True

    def _tell_gone(self, folder: str, ref: str) -> None:
        place = self._place(folder, ref)
        self.present.pop(place, None)
        self.gone[place] = None

    def _take_items(self, folder: str, page: Page, since: str = "", till: str = ""):
        """What a page of the folder's own delta tells."""
        state = self.known[folder]
        for item in page.items:
            if item.get("parentFolderId", folder) != folder:
                # told late: it is elsewhere by now
                self._miss(folder, item["id"])
                continue
            received = item.get("receivedDateTime")
            if till and isinstance(received, str) and received >= till:
                continue
            self._tell(folder, item, since)
        meet(state, {item["id"] for item in page.items})
        for ref in page.removed:
            self._miss(folder, ref)

    def _miss(self, folder: str, ref: str) -> None:
        """It seems to have left: to be looked for."""
        missing = self.lost.setdefault(folder, [])
        if ref not in missing:
            missing.append(ref)

    def _start_again(self, folder: str) -> None:
        """The server forgot what it told of a folder: its places are void."""
        generation = following(self.known[folder]["g"])
        self.reset[folder] = generation
        self.present = {p: v for p, v in self.present.items() if p.folder != folder}
        self.gone = {place: None for place in self.gone if place.folder != folder}
        self.lost.pop(folder, None)
        size = self.tree.total(folder)
        self.known[folder] = begun(self.since, size, generation, again=True)

    def _refuse(self, folder: str, problem: ProviderError) -> ProviderError | None:
        """A folder that cannot be read leaves the others their turn; of one that was
        deleted just now the tree will tell.

        :return: trouble that is not this folder's alone
        """
        if not isinstance(problem, Unavailable):
            return problem
        self.refused.add(folder)
        self.trouble = problem
        return None

    def _counted(self) -> dict[str, Folder]:
        return {
            folder.ref: folder
            for folder in self.memory.listed.values()
            if folder.role in COUNTED_ROLES and folder.ref not in self.skip
        }
