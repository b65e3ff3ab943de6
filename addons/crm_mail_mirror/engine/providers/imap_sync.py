# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What changed in a mailbox since the cursor? One bounded bite of it.

    look at all folders -> arrivals of all -> departures of all -> pass complete
                                               -> fill: older mail, the newest first

Each step may end the bite; the cursor then says where the next one goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from . import imap_uids
from .base import (
    Absence,
    Budget,
    ChangeBatch,
    Folder,
    Presence,
    ProviderError,
    Unavailable,
)
from .imap_cursor import (
    State,
    begun,
    deleted_of,
    imap_date,
    is_pinned,
    new_uids,
    opened,
    pin,
    progress,
    remember_deleted,
    set_aside,
    watermark,
)
from .imap_departures import find_lost, has_qresync
from .imap_folders import Listed, only_all_mail, read_folders, renames
from .imap_mail import read_presences
from .imap_session import Session
from .imap_wire import Examined, Refused, in_our_words, is_busy

EVERYTHING = (("0000000000", "9999999999"),)
ORDER = {"inbox": 0, "sent": 1, "archive": 2, "all": 2, "other": 3}
#: Mails of one folder before the fill turns to the next folder.
WINDOW = 250
#: UIDs that one SEARCH of a fill covers, at first.
SEARCHED = 20_000
#: A folder that is refused in more passes in a row holds up no departures any longer;
#: with a pass a minute it is waited for about as many minutes.
REFUSED_PASSES = 20
#: Seconds for which a fill need not look for news.
LOOK_EVERY = 10.0


class Changed(Exception):
    """A folder is no longer what it was when all were looked at."""


@dataclass
class Memory:
    """What one connection remembers between two pulls; all of it may be lost."""

    looked_at: float = 0.0
    quiet: bool = False
    listed: dict[str, Listed] = field(default_factory=dict)
    #: folder -> (UIDVALIDITY, since, lowest UID searched, what lies there)
    searched: dict[str, tuple] = field(default_factory=dict)


class Pull:
    """One ``pull``: collects facts, and moves the cursor past each once it is told.

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

    def run(self) -> ChangeBatch:
        """:raises ProviderError: when nothing at all could be told"""
        unfinished = False
        try:
            self._steps()
        except Changed:
            unfinished = True
            if not self.present and not self.absent:
                raise Unavailable("garbage", "folders keep changing") from None
        except ProviderError:
            # what was told is worth keeping; the trouble comes back with the next pull
            unfinished = True
            if not self.present and not self.absent:
                raise
        return self._batch(unfinished)

    def _steps(self) -> None:
        for attempt in range(3):
            try:
                if self._must_look():
                    self.look()
                    self.memory.quiet = self.arrivals() and self.departures()
                    if self.memory.quiet:
                        self.complete()
                if self.memory.quiet:
                    self.fill()
                return
            except Changed:
                self.memory.quiet = False
                if self.present or self.absent or attempt == 2:
                    raise

    # --- look -------------------------------------------------------------------------

    def _must_look(self) -> bool:
        """While old mail is filled in, news are looked for only now and then."""
        memory = self.memory
        fresh = time.monotonic() - memory.looked_at < LOOK_EVERY
        return not (memory.quiet and fresh and self._to_fill())

    def look(self) -> None:
        """All folders: new, renamed, replaced, gone, no longer wanted."""
        session = self.session
        with in_our_words(session.wire, "LIST"):
            listed = read_folders(session.wire)
        session.learn(listed)
        there = {entry.folder.ref: entry for entry in listed}
        if "INBOX" not in there:
            raise Unavailable("garbage", "no INBOX in the list of folders")
        self.folders = tuple(entry.folder for entry in listed)
        self.memory.listed = there
        self.memory.looked_at = time.monotonic()
        for old, new in renames(self.known, there):
            if old in self.skip:
                self.skip.add(new)
            self.known[new] = self.known.pop(old)
            self.renamed.append((old, new))
        gmail = "X-GM-EXT-1" in session.wire.capable
        self.now = {
            entry.folder.ref: entry
            for entry in sorted(only_all_mail(listed) if gmail else listed, key=_order)
            if entry.counts and entry.folder.ref not in self.skip
        }
        for path in list(self.now):
            self._meet(path)
        for path, entry in there.items():
            if path not in self.now and path not in self.known and entry.uidvalidity:
                self.known[path] = set_aside(entry)

    def _meet(self, path: str) -> None:
        """One folder that counts: is it the one we know?"""
        entry, state = self._with_numbers(path), self.known.get(path)
        if entry is None:
            self.refused.add(path)
        elif state is None or "off" in state:
            self.known[path] = begun(entry, 0 if self.first_look else 1)
        elif self._is_other(state, entry) and self._open(path) is None:
            pass  # its mail stays as it is until it can be listed again
        elif state["uv"] != entry.uidvalidity:
            self.reset.append((path, str(entry.uidvalidity)))
            self.known[path] = begun(entry, 2)
        elif self._is_other(state, entry):
            # emptied and begun anew under the same UIDVALIDITY, against RFC 3501: void
            # all of it, and list it again with the next pull
            self.absent.append(Absence(path, str(state["uv"]), EVERYTHING))
            self.known[path] = begun(entry, 2)
            self.held.add(path)

    def _is_other(self, state: State, entry: Listed) -> bool:
        return entry.uidvalidity != state["uv"] or entry.uidnext < state["next"]

    def _with_numbers(self, path: str) -> Listed | None:
        """From EXAMINE, where STATUS did not tell them all."""
        entry = self.now[path]
        if None in (entry.uidvalidity, entry.uidnext, entry.messages):
            seen = self._open(path)
            if seen is None:
                return None
            self.now[path] = entry = Listed(
                entry.folder,
                entry.raw,
                seen.uidvalidity,
                seen.uidnext,
                seen.exists,
                seen.modseq,
            )
        return entry

    # --- arrivals ---------------------------------------------------------------------

    def arrivals(self) -> bool:
        """New mail of all folders. :return: all of it was told"""
        for path, entry in self.now.items():
            if path in self.held:
                continue
            state = self.known[path] if path not in self.refused else {}
            while "first" in state and "low" in state and path not in self.refused:
                again = state["first"] == 2
                if not self._has_room(again) or not self._fill_window(path, again):
                    return False
            state.pop("first", None)
            while path not in self.refused and entry.uidnext > state["next"]:
                if not self._has_room():
                    return False
                before = state["next"]
                self._arrive(path)
                if state["next"] == before:
                    break  # STATUS promised more than EXAMINE shows
        return not self.held

    def _arrive(self, path: str) -> None:
        state, seen = self.known[path], self._open(path)
        if seen is None:
            return
        self._must_be_same(state, seen)
        with in_our_words(self.session.wire, "SEARCH"):
            fresh = self.session.wire.search("UID", new_uids(state, seen))
        fresh = imap_uids.clip(fresh, state["next"], seen.uidnext - 1)
        taken = imap_uids.oldest(fresh, self._left())
        following = seen.uidnext
        if imap_uids.size(fresh) > len(taken):
            following = taken[-1] + 1
        if not is_pinned(state):
            pin(state, seen)
            state["count"] = seen.exists - imap_uids.size(fresh)
        self._tell(path, taken)
        state["next"] = following
        if state["count"] is not None:
            state["count"] += len(taken)

    # --- departures -------------------------------------------------------------------

    def departures(self) -> bool:
        """Lost mail of all folders. :return: all of it was told"""
        if self.relisted:
            return False  # what comes back from \\Deleted is not relisted
        self._forget_folders()
        for path, entry in self.now.items():
            if path in self.refused or not is_pinned(self.known[path]):
                continue
            if self._is_changed(self.known[path], entry):
                if self._out_of_time() or not self._depart(path):
                    return False
        return self._take_turn()

    def _forget_folders(self) -> None:
        for path in list(self.known):
            if path in self.now:
                continue
            state, entry = self.known.pop(path), self.memory.listed.get(path)
            if "off" not in state:
                self.absent.append(Absence(path, str(state["uv"]), EVERYTHING))
            if entry is not None and entry.uidvalidity:
                self.known[path] = set_aside(entry)

    def _is_changed(self, state: State, entry: Listed) -> bool:
        if entry.modseq is not None:
            if entry.modseq != state["modseq"]:
                return True
            if has_qresync(self.session):
                return False
        return entry.messages != state["count"]

    def _take_turn(self) -> bool:
        """Servers without MODSEQ do not tell of flags: ask one folder a pass."""
        plain = sorted(
            path
            for path, entry in self.now.items()
            if entry.modseq is None
            and entry.messages
            and path not in self.refused
            and is_pinned(self.known[path])
        )
        if not plain:
            return True
        turn = self.cursor.get("turn", "")
        path = next((path for path in plain if path > turn), plain[0])
        if self._out_of_time() or not self._depart(path):
            return False
        self.cursor["turn"] = path
        return True

    def _depart(self, path: str) -> bool:
        """:return: all departures of this folder were told"""
        state, seen = self.known[path], self._open(path)
        if seen is None:
            return True
        self._must_be_same(state, seen)
        with in_our_words(self.session.wire, "departures"):
            lost = find_lost(self.session, path, state, seen)
        before = deleted_of(state)
        fell = imap_uids.subtract(lost.deleted, before)
        ranges = imap_uids.merge([*lost.gone, *fell])
        if ranges:
            self.absent.append(Absence(path, str(state["uv"]), imap_uids.refs(ranges)))
        back = imap_uids.subtract(imap_uids.subtract(before, lost.deleted), lost.gone)
        taken = imap_uids.oldest(back, self._left()) if back else []
        remember_deleted(state, imap_uids.merge([*lost.deleted, *back]))
        if taken:
            self._tell(path, taken)
        if imap_uids.size(back) > len(taken):
            return False
        state["modseq"] = watermark(seen, self.now[path])
        state["count"] = lost.count
        return True

    def complete(self) -> None:
        """All was told, but for the folders that the server refuses to open.

        Mail that left elsewhere may lie in one of them, so it is waited for them, but
        not for ever: a folder that is not for us would switch off all deletions. Its
        own mail is not touched, it keeps its places. Mail moved into it is deleted
        then, since nobody can see it there, and told as new once the folder opens.
        """
        self.cursor["pass"] += 1
        before = self.cursor.pop("refused", {})
        refused = {
            path: min(before.get(path, 0), REFUSED_PASSES) + 1 for path in self.refused
        }
        if refused:
            self.cursor["refused"] = refused
        self.pass_complete = all(count > REFUSED_PASSES for count in refused.values())

    # --- fill -------------------------------------------------------------------------

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
            uv, day, low, found = self.memory.searched[path]
            found = imap_uids.clip(found, 1, high)
            if (uv, day) == (state["uv"], since) and found and low <= high:
                return low, found
        criteria = ("SINCE", imap_date(since)) if since else ()
        width, low, found = SEARCHED, high + 1, []
        while low > floor and not found:
            low = max(floor, low - width)
            found = self.session.wire.search("UID", f"{low}:{high}", *criteria)
            found = imap_uids.clip(found, low, high)
            width *= 4
        self.memory.searched[path] = (state["uv"], since, low, found)
        return low, found

    # --- common -----------------------------------------------------------------------

    def _open(self, path: str) -> Examined | None:
        """EXAMINE. ``None`` when the server refuses this folder: the others go on."""
        self.worked = True
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

    def _tell(self, path: str, uids: list[int]) -> None:
        """Mail is present, but for what is marked \\Deleted.

        ``deleted`` keeps what comes back until it is told: any command may fail.
        """
        state = self.known[path]
        outgoing = True if self.memory.listed[path].folder.role == "sent" else None
        with in_our_words(self.session.wire, "FETCH"):
            present, deleted = read_presences(
                self.session, path, str(state["uv"]), outgoing, uids
            )
        self.present.extend(present)
        before = deleted_of(state)
        if before or deleted:
            others = imap_uids.subtract(before, imap_uids.compress(uids))
            deleted = imap_uids.compress(deleted)
            remember_deleted(state, imap_uids.merge([*others, *deleted]))

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

    def _batch(self, unfinished: bool) -> ChangeBatch:
        more = unfinished or not self.memory.quiet or bool(self._to_fill())
        done, total = progress(self.known)
        return ChangeBatch(
            cursor=self.cursor,
            folders=self.folders,
            renamed=tuple(self.renamed),
            reset=tuple(self.reset),
            present=tuple(self.present),
            absent=tuple(self.absent),
            relisted=self.relisted,
            pass_complete=self.pass_complete,
            more=more,
            done=done,
            total=total,
            cost=self.session.traffic.received - self.received,
        )


def _order(entry: Listed) -> tuple:
    return ORDER.get(entry.folder.role, 9), entry.folder.ref
