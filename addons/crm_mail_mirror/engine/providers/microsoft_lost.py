# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where is a mail that a folder's delta told as removed?

``@removed`` says no more than "not in this folder", and not even that: with immutable
ids a mail that went away and came back between two looks is told as removed, and never
again (microsoft-graph-docs-contrib issue 72). So each is asked for by its id, which
says where it is now:

* nowhere, or in a folder that does not count: it is absent here;
* in another folder that counts: present there *and* absent here, in one batch;
* still here: present here, once more.

So a departure is never told without the arrival that belongs to it, whichever of two
folders is read first. And the other way round, a mail told as present that way may
leave that folder before its delta ever came to tell it; then the delta tells nothing
at all. Such mail is a *guest* until the folder's delta tells it; who is a guest still
after a whole round that began later is asked for as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from . import microsoft_mail
from .base import MessageBroken, MessageGone, ProviderError
from .microsoft_bite import Bite
from .microsoft_cursor import note_guest
from .microsoft_graph import BATCH, Reply

#: Ids that may wait while further folders are read; they stand in the cursor.
MAX_LOST = 500


class Lost(Bite):
    """What left, confirmed mail by mail."""

    def find_lost(self) -> bool:
        """:return: all were asked for"""
        while some := list(islice(self._lost(), min(BATCH, self._left()))):
            if not self._has_room():
                return False
            replies = self.graph.batch(
                {lost: microsoft_mail.ask_listing(lost[1]) for lost in some}
            )
            trouble = None
            for (folder, ref), reply in replies.items():
                problem = self._settle(folder, ref, reply)
                if problem is None:
                    self._found(folder, ref)
                elif isinstance(problem, MessageBroken):
                    self.stubborn.add((folder, ref))
                else:
                    trouble = problem
            if trouble:
                raise trouble
        return True

    def _lost(self) -> Iterator[tuple[str, str]]:
        for folder, refs in self.lost.items():
            for ref in refs:
                if (folder, ref) not in self.stubborn:
                    yield folder, ref

    def has_many_lost(self) -> bool:
        return sum(map(len, self.lost.values())) >= MAX_LOST

    def _found(self, folder: str, ref: str) -> None:
        self.lost[folder].remove(ref)
        if not self.lost[folder]:
            del self.lost[folder]

    def _settle(self, folder: str, ref: str, reply: Reply) -> ProviderError | None:
        """:return: why nothing can be said of it yet"""
        if folder not in self.now:
            return None  # the folder as a whole is told as absent
        problem = reply.problem(one_mail=True)
        if problem is not None and not isinstance(problem, MessageGone):
            return problem  # a mail that Exchange chokes on is asked for in each look
        item = {**reply.body, "id": ref}
        there = item.get("parentFolderId") if problem is None else None
        if there == folder:
            if item.get("isDraft") is True:
                self._tell_gone(folder, ref)
            else:
                self._tell(folder, item)
            return None
        if there in self.now and there in self.known and self._tell(there, item):
            note_guest(self.known[there], ref)
        self._tell_gone(folder, ref)
        return None
