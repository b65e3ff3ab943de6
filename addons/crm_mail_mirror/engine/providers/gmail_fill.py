# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does older mail of Gmail come in? By its ids, the newest first.

    all of it, or:   all of the last week -> how many are older? -> all of them too,
                                                                  or by addresses

A list of ids costs 5 units for 500 mails, so whatever is in doubt is listed once more.
Page tokens are not known to be more than offsets: where a mail goes while a list is
read, another one may slip through between two pages. So a list in which that can have
happened is read again, at one go where it is not too long for that.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence

from .base import CursorExpired
from .gmail_batch import is_gone
from .gmail_bite import Bearing, Listing
from .gmail_cursor import rewind
from .gmail_errors import Refused, meaning
from .gmail_news import News
from .gmail_queries import between, group_after, is_cheaper_by_address
from .gmail_quota import OutOfTime

#: Pages that are read at one go: 50,000 mails.
MAX_AHEAD = 100
#: How often a stretch is listed at most while mail keeps going out of it.
MAX_ROUNDS = 5


class Fill(News):
    """Old mail, bite by bite."""

    def fill_in(self) -> None:
        """:raises OutOfTime: with the cursor behind what was told"""
        if self.fill and self.fill.get("over"):
            self._conclude()
        while self.fill:
            if self.fill["step"] == "count":
                self._count()
            elif (query := self._query()) and not self._tell(query):
                return

    def _query(self) -> str:
        """What is to be listed now; ``""`` when that was the last of a step."""
        fill = self.fill
        if fill["step"] == "all":
            return between(fill["low"], fill["high"])
        return self._query_by_address()

    # --- one list, page by page -------------------------------------------------------

    def _tell(self, query: str) -> bool:
        """:return: it may go on in this bite"""
        self._list_hidden()
        fill, listing = self.fill, self._listing(query)
        if fill["round"] > 1 and not listing.sound and not fill.get("loose"):
            if not self._at_one_go(listing, query):
                return not fill["pages"]  # when it begins again
        while listing.waiting or listing.following:
            if self.left <= 0:
                return False
            if not listing.ids:
                self._turn(listing, query)
            taken, listing.ids = listing.ids[: self.left], listing.ids[self.left :]
            self._add(taken)
            fill["page"], fill["last"] = listing.page, taken[-1] if taken else ""
            self._remember(listing)
        return self._over(listing)

    def _add(self, ids: list[str]) -> None:
        fill, seen = self.fill, self.memory.seen
        if fill["step"] == "all" and fill["round"] == 1:
            fill["told"] += len(ids)
        ids = self._wanted(ids)
        if fill["step"] == "by":
            ids = [id_ for id_ in ids if id_ not in seen]
            seen.update(ids)
            fill["found"] += self.add_listed(ids)
        else:
            self.add_listed(ids)

    def _listing(self, query: str) -> Listing:
        """What is left of the page that the cursor stands in."""
        fill, known = self.fill, self.memory.listing
        if known is not None and known.key == self._key():
            return known
        listing = Listing(page=fill["page"], following=fill["page"])
        self._ask_for_page(listing, query)
        _page, ids = listing.ahead.pop()
        # where the last one told has gone, its page is told once more
        told = ids.index(fill["last"]) + 1 if fill["last"] in ids else 0
        listing.ids = ids[told:]
        # a list of one page has no gaps
        listing.sound = not fill["page"] and not listing.following
        self._remember(listing)
        return listing

    def _ask_for_page(self, listing: Listing, query: str) -> None:
        fill, page = self.fill, listing.following
        try:
            ids, listing.following = self._list(query, page)
        except Refused:
            self._restart()
            rewind(fill, fill["round"])
            listing.page, listing.ahead, page = "", [], ""
            ids, listing.following = self._list(query)
        listing.ahead.append((page, ids))
        if page:
            fill["pages"] += 1
        else:
            fill["pages"] = 1
            fill.pop("shaky", None)

    def _restart(self) -> None:
        """A page token is worth nothing any more: list from the start, once in a bite.

        :raises Unavailable: Gmail does not take those that it gave just now
        """
        self.begin_again()
        if self.fill["step"] == "all" and self.fill["round"] == 1:
            self.fill["told"] = self.fill.get("before", 0)

    def _turn(self, listing: Listing, query: str) -> None:
        """To the next page."""
        if not listing.ahead:
            self._ask_for_page(listing, query)
        listing.page, listing.ids = listing.ahead.pop(0)

    def _at_one_go(self, listing: Listing, query: str) -> bool:
        """Read the whole list before any of it is told.

        :return: it was, and no mail went meanwhile
        """
        try:
            while listing.following:
                if len(listing.ahead) >= MAX_AHEAD:
                    raise OutOfTime
                self._ask_for_page(listing, query)
        except OutOfTime:
            self.fill["loose"] = 1
            self._remember(listing)
            return False
        self._remember(listing)
        if not self.look():
            return False
        if "shaky" in self.fill and self.fill["round"] < MAX_ROUNDS:
            self._again()
            return False
        listing.sound = True
        return True

    def _over(self, listing: Listing) -> bool:
        """Everything was told; what is not certain is whether that was all."""
        fill = self.fill
        fill["over"] = 1
        if fill["pages"] > 1 and not listing.sound and not self.look():
            return False
        self._conclude()
        return True

    def _conclude(self) -> None:
        fill = self.fill
        if "shaky" in fill and fill["round"] < MAX_ROUNDS:
            self._again()
        elif fill["step"] == "by":
            fill["done"] = fill["upto"]
            rewind(fill)
        elif "old" in fill:
            fill.update(step="count", low=fill.pop("old"), high=fill["low"])
            fill.update(counted=0, before=fill["told"])
            rewind(fill)
        else:
            self._finish()

    def _again(self) -> None:
        rewind(self.fill, self.fill["round"] + 1)

    def _finish(self) -> None:
        size = self.fill["size"] if self.fill["step"] == "by" else self.fill["told"]
        self.progress = (size, size)
        del self.cursor["fill"]
        self.memory.listing = None
        self.memory.gone.clear()
        self.memory.seen.clear()
        if not self.looked:
            self.look()

    # --- how many are older? ----------------------------------------------------------

    def _count(self) -> None:
        self._list_hidden()
        fill = self.fill
        query = between(fill["low"], fill["high"])
        fill.setdefault("counted", 0)
        while True:
            try:
                ids, fill["page"] = self._list(query, fill["page"])
            except Refused:
                self._restart()
                fill.update(page="", counted=0)
                continue
            fill["counted"] += len(self._wanted(ids))
            if not fill["page"]:
                break
        fill["size"] = fill["told"] + fill["counted"]
        if self.addresses is not None and is_cheaper_by_address(
            self.addresses, fill["counted"]
        ):
            fill.update(step="by", done="", upto="", group="", found=0)
        else:
            fill["step"] = "all"
        rewind(fill)

    # --- by addresses -----------------------------------------------------------------

    def _query_by_address(self) -> str:
        """For the next addresses that have not been asked for."""
        fill = self.fill
        if self.addresses is None:  # nobody knows them any more
            fill["step"] = "all"
            rewind(fill)
            return ""
        group = group_after(self.addresses, fill["done"])
        if group is None:
            if "label" not in fill:  # else it may have been counted before
                self.passed_by = max(0, fill["counted"] - fill["found"])
            self._finish()
            return ""
        if not group.query:
            fill["done"] = group.last
            return ""
        mark = hashlib.sha256(group.query.encode()).hexdigest()[:12]
        if fill["group"] != mark:  # addresses came or went: it is another list
            if fill["done"] != fill["upto"]:
                # what the list found that is given up is found once more
                fill["found"] = fill.get("base", 0)
            fill.update(group=mark, upto=group.last, base=fill["found"])
            rewind(fill)
        return between(fill["low"], fill["high"], group.query)

    # --- labels -----------------------------------------------------------------------

    def _list(self, query: str, page: str = "") -> tuple[list[str], str]:
        """:raises Refused: this page token is worth nothing any more"""
        if not (label := self.fill.get("label")):
            return self.api.list(query, page)
        try:
            return self.api.list(query, page, labels=[label])
        except Refused as answer:
            if page:
                raise
            if is_gone(answer):
                raise CursorExpired("cursor_expired", "a label was deleted") from None
            raise meaning(answer) from None

    def _list_hidden(self) -> None:
        """What of the stretch bears a label that is switched off: 5 units for 500.

        Once for each connection: who listed it before remembers no ids.
        """
        fill, known = self.fill, self.memory.bearing
        label = fill.get("label", "")
        key = (fill["low"], fill["high"], label, self.hide)
        if known.key != key:
            known = self.memory.bearing = Bearing(key, left=sorted(self.hide))
        query = between(fill["low"], fill["high"])
        while known.left:
            both = [known.left[0], label] if label else known.left[:1]
            page = known.page
            try:
                ids, known.page = self.api.list(query, page, labels=both)
            except Refused as answer:
                known.page = ""
                if page:
                    self.begin_again()
                    continue
                if not is_gone(answer):
                    raise meaning(answer) from None
                ids = []  # no such label: nothing bears it
            self.learnt = True
            known.ids.update(ids)
            if not known.page:
                known.left.pop(0)

    def _wanted(self, ids: Sequence[str]) -> list[str]:
        """Those that bear no label which is switched off."""
        return [id_ for id_ in ids if id_ not in self.memory.bearing.ids]

    # --- common -----------------------------------------------------------------------

    def _key(self) -> tuple:
        names = ("step", "low", "high", "round", "page", "last", "done", "group")
        return tuple(self.fill.get(name) for name in (*names, "label"))

    def _remember(self, listing: Listing) -> None:
        """For the next bite, and for the progress."""
        fill, self.memory.listing = self.fill, listing
        listing.key = self._key()
        if fill["step"] == "all" and fill["round"] == 1:
            known = fill["told"] + listing.waiting
            if listing.following or "old" in fill:
                fill["size"] = max(fill["size"], known)
            else:
                fill["size"] = known

    def current_progress(self) -> tuple[int, int]:
        fill = self.fill
        if not fill:
            return self.progress
        told = fill["told"]
        if fill["step"] == "by":
            told += _share(self.addresses or (), fill["done"], fill["counted"])
        return min(told, fill["size"]), fill["size"]


def _share(addresses: Sequence[str], done: str, counted: int) -> int:
    return counted * bisect_right(addresses, done) // max(1, len(addresses))
