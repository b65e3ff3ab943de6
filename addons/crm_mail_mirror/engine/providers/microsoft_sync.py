# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What changed in a mailbox since the cursor? One bounded bite of it.

    all folders, and what changed in each -> what left, confirmed -> pass complete
                                               -> walk: older mail, the newest first

The first two are one question where nothing happened: the delta of the tree and those
of up to nineteen folders go into one ``$batch``. Each step may end the bite; the cursor
then says where the next one goes on.
"""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import groupby

from .base import Absence, ChangeBatch, Folder, ProviderError
from .microsoft_bite import EVERYTHING, page_of
from .microsoft_cursor import (
    begin_round,
    begun,
    bound,
    is_full,
    is_walked,
    meet,
    note_guest,
    progress,
    stamp,
)
from .microsoft_graph import BATCH, Ask, Reply, items_of, path
from .microsoft_mail import LISTING, is_message, moment
from .microsoft_walk import Walk

#: Seconds for which a walk need not look for news.
LOOK_EVERY = 10.0
#: A folder of the tree that cannot be read in more looks in a row holds up departures
#: no longer; with a look a minute it is waited for about as many minutes.
REFUSED_LOOKS = 20
_TREE, _CHANGES, _NEWS = "tree", "changes", "news"


class Pull(Walk):
    """One ``pull``, step by step."""

    is_done = False

    def run(self) -> ChangeBatch:
        """:raises ProviderError: when nothing at all could be told"""
        unfinished = False
        try:
            self._steps()
        except ProviderError:
            # what was told is worth keeping; the trouble comes back with the next pull
            unfinished = True
            if not (self.present or self.gone or self.reset or self.forgotten):
                raise
        return self._batch(unfinished)

    def _steps(self) -> None:
        looks = self._must_look()
        if looks:
            self.memory.quiet = False
            self.memory.quiet = self.look()
        if self.memory.quiet:
            self.walk()
            if looks and self.is_all_walked() and self.find_lost():
                self.complete()
                self.is_done = True
        if self.trouble and self.refused.issuperset(self.now):
            raise self.trouble

    def _must_look(self) -> bool:
        """While old mail is walked, news are looked for only now and then."""
        fresh = time.monotonic() - self.memory.looked_at < LOOK_EVERY
        if not (self.memory.quiet and fresh):
            return True
        # of folders that are not in the cursor nobody may have been told
        self.now = {r: f for r, f in self._counted().items() if r in self.known}
        self._bound_all()
        return not self._to_walk()

    # --- look -------------------------------------------------------------------------

    def look(self) -> bool:
        """Everything that happened since the last look. :return: all of it was told"""
        asks = {(_TREE, name): ask for name, ask in self.tree.asks().items()}
        self.now = dict.fromkeys(self.known)  # what the last look found, for asking
        asks |= dict(list(self._news().items())[: BATCH - len(asks)])
        replies = self.graph.batch(asks)
        told = {
            name: replies.pop((_TREE, name)) for what, name in asks if what == _TREE
        }
        self.tree.take(self.graph, told)
        self.cursor["tree"] = self.tree.state()
        self._learn(self.tree.listing())
        self._meet_all()
        self._take(replies)
        if not (self._read_all() and self.find_lost()):
            return False
        self._forget()
        self.cursor["pass"] += 1
        return True

    def _learn(self, folders: tuple[Folder, ...]) -> None:
        self.folders = folders
        self.memory.listed = {folder.ref: folder for folder in folders}
        self.memory.looked_at = time.monotonic()

    def _meet_all(self) -> None:
        """Which folders count now; what is new among them, and from when on."""
        self.now = self._counted()
        for ref in self.now:
            if ref not in self.known:
                self.known[ref] = begun(self.since, self.tree.total(ref))
        self._bound_all()

    def _bound_all(self) -> None:
        for ref in self.now:
            bound(self.known[ref], self.since, self.tree.total(ref))

    # --- changes ----------------------------------------------------------------------

    def _read_all(self) -> bool:
        """The changes of all folders. :return: all of them were told"""
        while news := self._news():
            if not self._has_room():
                return False
            if self.has_many_lost() and not self.find_lost():
                return False
            some = dict(list(news.items())[:BATCH])
            if not self._take(self.graph.batch(some)):
                return False
        return True

    def _news(self) -> dict[tuple[str, str], Ask]:
        """What is still to be asked in this look."""
        look, asks = self.cursor["pass"], {}
        prefer = self._prefer(self._left())
        for ref in self.now:
            state = self.known[ref]
            if ref in self.refused:
                continue
            if is_walked(state):
                if state.get("pass") != look:
                    asks[_CHANGES, ref] = Ask(state["link"], prefer)
            elif state["walk"].get("top") and state.get("seen") != look:
                if not is_full(state):
                    asks[_NEWS, ref] = self._ask_newest(ref, state["walk"]["top"])
        return asks

    def _ask_newest(self, ref: str, top: str) -> Ask:
        """A walk tells what arrives meanwhile at its end only: this is no delta.

        From the next second on: Exchange knows fractions of it that it does not tell.
        """
        after = moment(top) + timedelta(seconds=1)
        return Ask(
            path(
                *("me", "mailFolders", ref, "messages"),
                select=LISTING,
                filter=f"receivedDateTime ge {stamp(after)}",
                orderby="receivedDateTime desc",
                top=min(self._left(), 100),
            )
        )

    def _take(self, replies: dict[tuple[str, str], Reply]) -> bool:
        """:return: there was room for all :raises ProviderError: some failed"""
        trouble: ProviderError | None = None
        fits = True
        for (what, ref), reply in replies.items():
            if ref not in self.now:
                continue  # it counted when it was asked for
            if what == _CHANGES and reply.is_resync:
                self._start_again(ref)
            elif problem := reply.problem():
                trouble = self._refuse(ref, problem) or trouble
            elif what == _CHANGES:
                fits = self._take_changes(ref, reply) and fits
            else:
                fits = self._take_newest(ref, reply) and fits
        if trouble:
            raise trouble
        return fits

    def _take_changes(self, ref: str, reply: Reply) -> bool:
        page, state = page_of(self.graph, reply), self.known[ref]
        if not self._fits(page):
            return False
        if not state.pop("mid", 0):
            begin_round(state)
        self._take_items(ref, page)
        state["link"] = page.link
        if page.is_last:
            state["pass"] = self.cursor["pass"]
            for guest in state.pop("guests", ()):
                self._miss(ref, guest)
        else:
            state["mid"] = 1
        return True

    def _take_newest(self, ref: str, reply: Reply) -> bool:
        """What arrived in a folder while it is walked: guests till that is over."""
        state = self.known[ref]
        top = state["walk"]["top"]
        items = [
            item
            for item in items_of(reply.body)
            if is_message(item) and item["receivedDateTime"] > top
        ]
        if self.present and len(self.present) + len(items) > self.budget.mails:
            return False
        for item in items:
            if item.get("parentFolderId", ref) == ref and self._tell(ref, item):
                meet(state, {item["id"]})
                note_guest(state, item["id"])
        state["walk"]["top"] = max([top, *(i["receivedDateTime"] for i in items)])
        state["seen"] = self.cursor["pass"]
        return True

    # --- departures -------------------------------------------------------------------

    def _forget(self) -> None:
        """Folders that are gone, ignored or deselected, once all else was told."""
        for ref in [ref for ref in self.known if ref not in self.now]:
            state = self.known.pop(ref)
            self.forgotten.append(Absence(ref, state["g"], EVERYTHING))
        for ref in [ref for ref in self.lost if ref not in self.now]:
            del self.lost[ref]

    def complete(self) -> None:
        """All was told, but for the folders that cannot be read though they are there.

        Mail that left elsewhere may lie in one of them, so it is waited for them, but
        not for ever.
        """
        before = self.cursor.pop("refused", {})
        refused = {
            ref: min(before.get(ref, 0), REFUSED_LOOKS) + 1 for ref in self.refused
        }
        if refused:
            self.cursor["refused"] = refused
        self.pass_complete = all(count > REFUSED_LOOKS for count in refused.values())

    # --- the batch --------------------------------------------------------------------

    def _batch(self, unfinished: bool) -> ChangeBatch:
        more = unfinished or not self.is_done or bool(self._to_walk())
        done, total = progress(self.known)
        present = sorted(
            self.present.values(), key=lambda p: p.received_at, reverse=True
        )
        return ChangeBatch(
            cursor=self.cursor,
            folders=self.folders,
            reset=tuple(self.reset.items()),
            present=tuple(present),
            absent=(*self._absent(), *self.forgotten),
            relisted=self.relisted and bool(present),
            pass_complete=self.pass_complete,
            more=more,
            done=done,
            total=total,
            cost=self.graph.traffic.received - self.received,
        )

    def _absent(self) -> list[Absence]:
        def where(place):
            return place.folder, place.generation

        return [
            Absence(folder, generation, tuple((p.ref, p.ref) for p in places))
            for (folder, generation), places in groupby(sorted(self.gone), where)
        ]
