# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does a folder's mail come in for the first time? All folders side by side.

A folder is walked with its delta from the start, ordered newest first; the last page
brings the link that tells what changes from then on. That page is at the folder's very
end, so mail from before the start is walked past as well: a delta with ``$filter``
would stop after 5,000 mails, silently. The next page is always that of the folder whose
last mail was the newest, so that the mailbox as a whole comes newest first.
"""

from __future__ import annotations

from .base import ProviderError
from .microsoft_bite import PAGE, Page, page_of
from .microsoft_cursor import State, begin_round, is_walked
from .microsoft_graph import BATCH, Ask, Reply, path
from .microsoft_lost import Lost
from .microsoft_mail import LISTING, is_message


class Walk(Lost):
    """What lies in folders since before they were first looked at."""

    def walk(self) -> None:
        """As much as there is room for."""
        while waiting := self._to_walk():
            again = self._is_again(waiting)
            waiting = [ref for ref in waiting if self._again(ref) == again]
            if not waiting or not self._has_room(again):
                return
            self.relisted = again
            unbegun = [ref for ref in waiting if not self.known[ref]["walk"]["link"]]
            sizes = self._first_sizes(unbegun)
            if not unbegun:
                newest = max(waiting, key=lambda r: self.known[r]["walk"].get("at", ""))
                sizes = {newest: self._left()}
            if not self._take_pages(sizes):
                return  # the server gives more at once than there is room for

    def _to_walk(self) -> list[str]:
        return [
            ref
            for ref in self.now
            if "walk" in self.known.get(ref, ()) and ref not in self.refused
        ]

    def is_all_walked(self) -> bool:
        return all(
            is_walked(self.known[ref]) or ref in self.refused for ref in self.now
        )

    def _again(self, ref: str) -> bool:
        return "again" in self.known[ref]["walk"]

    def _is_again(self, waiting: list[str]) -> bool:
        """What comes next: what is listed again, or other mail?"""
        if self.present:
            return self.relisted
        return any(map(self._again, waiting))

    def _first_sizes(self, unbegun: list[str]) -> dict[str, int]:
        """The first pages of up to twenty folders in one question: half the room for
        the inbox, half of what is left for sent mail, the rest for all others."""
        unbegun = unbegun[: min(BATCH, self._left())]
        room, sizes = self._left(), {}
        for number, ref in enumerate(unbegun):
            others = len(unbegun) - number - 1
            share = room // (others + 1)
            if self.now[ref].role in ("inbox", "sent") and others:
                share = min(room // 2, room - others)
            sizes[ref] = max(1, share)
            room -= sizes[ref]
        return sizes

    def _take_pages(self, sizes: dict[str, int]) -> bool:
        """:return: the walk went on
        :raises ProviderError: not all could be had; those that could are told"""
        before = [self.known[ref].get("walk", {}).get("link") for ref in sizes]
        asks = {ref: self._ask_walk(ref, size) for ref, size in sizes.items()}
        trouble: ProviderError | None = None
        for ref, reply in self.graph.batch(asks).items():
            trouble = self._take_page(ref, reply) or trouble
        if trouble:
            raise trouble
        after = [self.known[ref].get("walk", {}).get("link") for ref in sizes]
        return before != after or not self.refused.isdisjoint(sizes)

    def _ask_walk(self, ref: str, size: int) -> Ask:
        link = self.known[ref]["walk"]["link"] or path(
            *("me", "mailFolders", ref, "messages", "delta"),
            select=LISTING,
            orderby="receivedDateTime desc",
        )
        return Ask(link, self._prefer(min(size, PAGE)))

    def _take_page(self, ref: str, reply: Reply) -> ProviderError | None:
        state = self.known[ref]
        walk = state["walk"]
        if reply.is_resync and walk["link"]:
            if is_walked(state):  # its changes are told by another link
                walk["link"] = ""
                state["n"] = 0
            else:
                self._start_again(ref)
            return None
        if problem := reply.problem():
            return self._refuse(ref, problem)
        page = page_of(self.graph, reply)
        if self._fits(page):
            self._walk_on(ref, state, page)
        return None

    def _walk_on(self, ref: str, state: State, page: Page) -> None:
        walk = state["walk"]
        widens = "till" in walk
        if not walk["link"] and not widens:
            begin_round(state)
        if widens:
            page = Page(page.items, [], page.link, page.is_last)
        self._take_items(ref, page, walk["since"], walk.get("till", ""))
        times = [i["receivedDateTime"] for i in page.items if is_message(i)]
        if times:
            walk["at"] = min(times)
            walk["top"] = max(times + [walk.get("top", "")])
        walk["link"] = page.link
        state["n"] += len(page.items)
        if page.is_last:
            self._walked(ref, state)

    def _walked(self, ref: str, state: State) -> None:
        walk = state.pop("walk")
        state["since"] = walk["since"]
        state["n"] = state["size"] = max(state["n"], state["size"])
        if not is_walked(state):
            state["link"] = walk["link"]
            for guest in state.pop("guests", ()):
                self._miss(ref, guest)
