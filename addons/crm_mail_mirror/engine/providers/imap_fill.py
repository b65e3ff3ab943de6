# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does older mail come in? The newest first, folder by folder."""

from __future__ import annotations

from . import imap_mail, imap_uids
from .imap_bite import Bite
from .imap_cursor import State, imap_date, is_pinned, pin
from .imap_wire import in_our_words

#: Mails of one folder before the fill turns to the next folder, which costs a round
#: trip to open.
WINDOW = 1_000
#: Mails of a page from which on the headers of more pages are asked for at once.
AHEAD_FROM = 250
#: UIDs that one SEARCH of a fill covers, at first.
SEARCHED = 20_000
ORDER = {"inbox": 0, "sent": 1, "archive": 2, "all": 2, "other": 3}


class Fill(Bite):
    """What a folder holds below its first look, window by window."""

    def fill(self) -> None:
        """Older mail, some of each folder in turn, inbox and sent twice as often."""
        while self._has_room() and (waiting := self._to_fill()):
            if not self._fill_window(min(waiting, key=self._share)):
                return

    def _to_fill(self) -> list[str]:
        return [
            path
            for path, state in self.known.items()
            if "low" in state
            and path in self.memory.listed
            and path not in self.refused
            and path not in self.skip
        ]

    def _share(self, path: str) -> tuple:
        role = self.memory.listed[path].folder.role
        weight = 2 if role in ("inbox", "sent") else 1
        return self.known[path]["n"] // (WINDOW * weight), ORDER[role], path

    def _fill_window(self, path: str, again: bool = False) -> bool:
        """The next older mails of a folder. :return: it may go on"""
        state = self.known[path]
        self.worked = True
        if not (self.session.is_open(path) and is_pinned(state)):
            seen = self._open(path)
            if seen is None:
                return True
            self._must_be_same(state, seen)
            if not is_pinned(state):
                pin(state, seen)
        with in_our_words(self.session.wire, "SEARCH"):
            self._find_floor(state)
            low, there = self._search_below(path, state)
        taken = imap_uids.newest(there, min(self._left(), WINDOW))
        self._read_ahead(path, there, taken)
        if imap_uids.size(there) > len(taken):
            low = taken[-1]
        self._tell(path, taken)
        self.relisted = self.relisted or again
        state["low"] = low
        state["n"] = min(state["n"] + len(taken), state["size"])
        if low <= state["floor"]:
            state["n"] = state["size"]
            del state["low"], state["floor"]
            self.memory.searched.pop(path, None)
        return True

    def _read_ahead(self, path: str, there: imap_uids.Ranges, taken: list[int]) -> None:
        """Have the headers of the next pages come with those of this one.

        Not of the first page, which shall soon be there, nor where a mail that hangs is
        looked for, in small pages.
        """
        memory, state = self.memory, self.known[path]
        of = path, state["uv"]
        if memory.ahead_of == of and all(uid in memory.ahead for uid in taken):
            return
        memory.forget_ahead()
        # what is left of the window: its folder stays open until then
        room = WINDOW - state["n"] % WINDOW
        if state["n"] and room > len(taken) and self.budget.mails >= AHEAD_FROM:
            uids = imap_uids.newest(there, room)
            memory.ahead = imap_mail.headers_ahead(self.session, path, uids)
            memory.ahead_of = of

    def _find_floor(self, state: State) -> None:
        if "floor" in state:
            return
        state["floor"] = 1
        if self.cursor["since"]:
            recent = self.session.wire.search("SINCE", imap_date(self.cursor["since"]))
            recent = imap_uids.clip(recent, 1, state["next"] - 1)
            state["floor"] = recent[0][0] if recent else state["next"]
            state["size"] = imap_uids.size(recent)

    def _search_below(self, path: str, state: State) -> tuple[int, imap_uids.Ranges]:
        """What lies just below ``low``. :return: the lowest UID searched, and UIDs"""
        high, floor, since = state["low"] - 1, state["floor"], self.cursor["since"]
        if path in self.memory.searched:
            uv, day, low, top, found = self.memory.searched[path]
            found = imap_uids.clip(found, 1, high)
            # above the top something may have come: an older cursor was given again
            if (uv, day) == (state["uv"], since) and found and low <= high <= top:
                return low, found
        criteria = ("SINCE", imap_date(since)) if since else ()
        width, low, found = SEARCHED, high + 1, []
        while low > floor and not found:
            low = max(floor, low - width)
            found = self.session.wire.search("UID", f"{low}:{high}", *criteria)
            found = imap_uids.clip(found, low, high)
            width *= 4
        self.memory.searched[path] = (state["uv"], since, low, high, found)
        return low, found
