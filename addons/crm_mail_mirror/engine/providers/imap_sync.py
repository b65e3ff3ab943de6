# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What changed in a mailbox since the cursor? One bounded bite of it.

    look at all folders -> arrivals of all -> departures of all -> pass complete
                                               -> fill: older mail, the newest first

Each step may end the bite; the cursor then says where the next one goes on.
"""

from __future__ import annotations

import time

from . import imap_uids
from .base import Absence, ChangeBatch, ProviderError, Unavailable
from .imap_bite import Changed
from .imap_cursor import (
    State,
    begun,
    deleted_of,
    is_pinned,
    new_uids,
    pin,
    progress,
    remember_deleted,
    set_aside,
    watermark,
)
from .imap_departures import find_lost, has_qresync
from .imap_fill import ORDER, Fill
from .imap_folders import Listed, only_all_mail, read_folders, renames
from .imap_wire import in_our_words

EVERYTHING = (("0000000000", "9999999999"),)
#: A folder that is refused in more passes in a row holds up no departures any longer;
#: with a pass a minute it is waited for about as many minutes.
REFUSED_PASSES = 20
#: Seconds for which a fill need not look for news.
LOOK_EVERY = 10.0


class Pull(Fill):
    """One ``pull``, step by step."""

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
            # an answer that comes late would be taken for the next command's
            self.session.close()
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
            self.memory.forget_ahead()
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
        marked = self._tell(path, taken)
        # a search or ``confirm`` may have seen mail that came and went since
        gone = imap_uids.complement(fresh, state["next"], following - 1)
        gone = imap_uids.merge([*gone, *marked])
        if gone:
            self.absent.append(Absence(path, str(state["uv"]), imap_uids.refs(gone)))
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
        if entry.modseq is not None and entry.modseq != state["modseq"]:
            return True
        if entry.messages == state["count"]:
            return False
        return entry.modseq is None or not has_qresync(self.session)

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
        ranges = imap_uids.merge([*lost.gone, *fell, *lost.marked])
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

    # --- the batch --------------------------------------------------------------------

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
