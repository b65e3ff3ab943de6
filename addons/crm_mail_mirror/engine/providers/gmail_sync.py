# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What changed in a Gmail mailbox since the cursor? One bounded bite of it.

    the history id of now -> fill: ids of old mail -> pass complete
    history since then    ------------------------------^   2 units when nothing is new

Mail is told by its place alone; its headers are asked for by who does not know it. What
bears a label that its owner switched off is not told at all (``gmail_turn``).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable
from datetime import datetime

from .base import (
    Absence,
    Budget,
    ChangeBatch,
    CursorExpired,
    ProviderError,
    Throttled,
    Unavailable,
)
from .gmail_api import Api, integer
from .gmail_bite import EVERYTHING, Memory
from .gmail_cursor import VERSION, begun, opened, seconds, split, widened
from .gmail_labels import FOLDERS, hide_of
from .gmail_mail import ALL
from .gmail_quota import OutOfTime
from .gmail_turn import Turn

#: Seconds for which a fill need not look for news.
LOOK_EVERY = 10.0
#: Seconds that even the shortest bite may take, to get anywhere.
SHORTEST = 1.0


def pull(
    api: Api,
    memory: Memory,
    cursor: dict | None,
    since: datetime | None,
    budget: Budget,
    skip: frozenset[str],
    addresses: Iterable[str] | None,
) -> ChangeBatch:
    """See ``Provider.pull``."""
    known = opened(cursor) if cursor is not None else {}
    if ALL in skip:
        return _deselected(known, since)
    if "off" in known:
        known = {}
    api.end = time.monotonic() + max(budget.seconds, SHORTEST)
    try:
        hide = hide_of(skip)
        return Pull(api, memory, known, since, budget, addresses, hide).run()
    finally:
        api.end = None


def _deselected(known: dict, since: datetime | None) -> ChangeBatch:
    """The owner wants nothing of the one folder there is."""
    cursor = {"v": VERSION, "kind": "gmail", "since": seconds(since), "off": 1}
    gone = () if "off" in known else (Absence(ALL, "", EVERYTHING),)
    # which labels there are was told before, or is told when it is switched on
    folders = None if known else FOLDERS
    return ChangeBatch(cursor=cursor, folders=folders, absent=gone, pass_complete=True)


class Pull(Turn):
    """One ``pull``, step by step."""

    def run(self) -> ChangeBatch:
        """:raises ProviderError: when nothing at all could be told"""
        before, units = copy.deepcopy(self.cursor), self.api.traffic.units
        unfinished = False
        try:
            self._steps()
        except OutOfTime as late:
            unfinished = True
            if self.cursor == before and not self.learnt:
                raise Throttled("throttled", "quota", max(late.wait, 1.0)) from None
        except CursorExpired:
            raise
        except ProviderError:
            # what was told is worth keeping; the trouble comes back with the next pull
            unfinished = True
            if self.cursor == before:
                raise
        return self._batch(unfinished, self.api.traffic.units - units)

    def _steps(self) -> None:
        if not self.cursor:
            self._begin()
        else:
            widened(self.cursor, self.since)
            self._share_quota()
            self.know_labels()
            if self._must_look():
                self.look()
        self.choose()
        if self.addresses is not None:
            split(self.cursor, time.time())
        if self.memory.quiet and self.put_out():
            self.fill_in()

    def _begin(self) -> None:
        """Where history stands now; what comes later is told by it."""
        profile = self.api.profile()
        history = integer(profile.get("historyId"))
        if not history:
            raise Unavailable("garbage", "no history id")
        # what was listed before belongs to an older history
        self.memory.listing = None
        self.memory.gone.clear()
        self.memory.seen.clear()
        self.ask_for_labels()
        self.cursor.update(begun(str(history), self.since, self.hide))
        if not self.cursor["since"]:
            self.fill["size"] = max(0, integer(profile.get("messagesTotal")))
        self.memory.looked_at = time.monotonic()
        self.memory.begun = self.memory.quiet = self.looked = True

    def _share_quota(self) -> None:
        """A long import goes from process to process, each with a bucket of its own.

        What the one before used up is not there a second time.
        """
        if self.fill and not self.memory.begun:
            self.api.bucket.empty()
        self.memory.begun = True

    def _must_look(self) -> bool:
        """While old mail is filled in, news are looked for only now and then."""
        fresh = time.monotonic() - self.memory.looked_at < LOOK_EVERY
        waiting = self.fill and not self.fill.get("over")
        return not (waiting and fresh and self.memory.quiet)

    def _batch(self, unfinished: bool, cost: int) -> ChangeBatch:
        done, total = self.current_progress()
        whole = bool(self.fill and self.fill.get("whole"))
        waiting = bool(self.fill or self.cursor.get("turn"))
        more = unfinished or waiting or not self.looked
        return ChangeBatch(
            cursor=self.cursor,
            folders=self.folders,
            present=tuple(self.present()),
            absent=self.absent(),
            pass_complete=self.looked and not whole,
            more=more,
            passed_by=self.passed_by,
            done=done,
            total=total,
            cost=cost,
        )
