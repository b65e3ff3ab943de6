# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One bounded bite of what changed: what was found, and is there room for more?"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from . import imap_mail, imap_uids
from .base import Absence, Budget, Folder, Presence
from .imap_cursor import State, deleted_of, opened, remember_deleted
from .imap_folders import Listed
from .imap_mail import Row
from .imap_session import Session
from .imap_wire import Examined, Refused, in_our_words, is_busy


class Changed(Exception):
    """A folder is no longer what it was when all were looked at."""


@dataclass
class Memory:
    """What one connection remembers between two pulls; all of it may be lost."""

    looked_at: float = 0.0
    quiet: bool = False
    listed: dict[str, Listed] = field(default_factory=dict)
    #: folder -> (UIDVALIDITY, since, lowest and highest UID searched, what lies there)
    searched: dict[str, tuple] = field(default_factory=dict)
    #: headers of a folder's next pages, by UID; ``ahead_of``: folder, UIDVALIDITY
    ahead: dict[int, Row] = field(default_factory=dict)
    ahead_of: tuple[str, int] | None = None

    def forget_ahead(self) -> None:
        """Before any watermark: mail that went before it must not be told after it."""
        self.ahead, self.ahead_of = {}, None


class Bite:
    """Collects facts, and moves the cursor past each once it is told.

    :param memory: of the connection
    """

    def __init__(
        self,
        session: Session,
        memory: Memory,
        cursor: dict | None,
        since: datetime | None,
        budget: Budget,
        skip: Iterable[str],
    ):
        self.session, self.memory = session, memory
        self.first_look = cursor is None
        self.cursor = opened(cursor, since)
        self.known: dict[str, State] = self.cursor["folders"]
        self.skip = set(skip)
        self.budget = budget
        self.started = time.monotonic()
        self.received = session.traffic.received
        self.worked = False
        self.now: dict[str, Listed] = {}
        self.refused: set[str] = set()
        self.held: set[str] = set()
        # the facts
        self.folders: tuple[Folder, ...] | None = None
        self.renamed: list[tuple[str, str]] = []
        self.reset: list[tuple[str, str]] = []
        self.present: list[Presence] = []
        self.absent: list[Absence] = []
        self.relisted = False
        self.pass_complete = False

    def _open(self, path: str) -> Examined | None:
        """EXAMINE. ``None`` when the server refuses this folder: the others go on."""
        self.worked = True
        self.memory.forget_ahead()
        with in_our_words(self.session.wire, "EXAMINE"):
            try:
                return self.session.examine(path)
            except Refused as refusal:
                if refusal.answer == "BAD" or is_busy(refusal.text, refusal.code):
                    raise
        self.refused.add(path)
        return None

    def _must_be_same(self, state: State, seen: Examined) -> None:
        if seen.uidvalidity != state["uv"] or seen.uidnext < state["next"]:
            raise Changed

    def _tell(self, path: str, uids: list[int]) -> imap_uids.Ranges:
        """Mail is present, but for what is marked \\Deleted. :return: that

        ``deleted`` keeps what comes back until it is told: any command may fail.
        """
        state, memory = self.known[path], self.memory
        early = memory.ahead if memory.ahead_of == (path, state["uv"]) else None
        outgoing = True if memory.listed[path].folder.role == "sent" else None
        with in_our_words(self.session.wire, "FETCH"):
            present, deleted = imap_mail.read_presences(
                self.session,
                path,
                str(state["uv"]),
                outgoing,
                uids,
                early=early,
            )
        self.present.extend(present)
        self._take_back(path, state, present)
        before, marked = deleted_of(state), imap_uids.compress(deleted)
        if before or marked:
            others = imap_uids.subtract(before, imap_uids.compress(uids))
            remember_deleted(state, imap_uids.merge([*others, *marked]))
        return marked

    def _take_back(self, path: str, state: State, present: list[Presence]) -> None:
        """A batch's arrivals are applied before its departures.

        What was marked when the departures were told and is not when the fill comes by
        would be dropped again, and never told any more.
        """
        uids = imap_uids.compress(int(presence.place.ref) for presence in present)
        for number, told in enumerate(self.absent):
            if (told.folder, told.generation) == (path, str(state["uv"])):
                gone = [(int(low), int(high)) for low, high in told.ranges]
                left = imap_uids.refs(imap_uids.subtract(gone, uids))
                self.absent[number] = replace(told, ranges=left)

    def _left(self) -> int:
        return max(1, self.budget.mails - len(self.present))

    def _out_of_time(self) -> bool:
        spent = time.monotonic() - self.started
        return self.worked and spent > self.budget.seconds

    def _has_room(self, again: bool = False) -> bool:
        """May more mail be told in this batch? What is relisted goes alone."""
        if self.present and again != self.relisted:
            return False
        return len(self.present) < self.budget.mails and not self._out_of_time()
