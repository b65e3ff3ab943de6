# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What came to a Gmail mailbox and what left it since we looked last?"""

from __future__ import annotations

import time

from .base import CursorExpired, MessageGone, Presence, Unavailable
from .gmail_api import integer
from .gmail_bite import Bite
from .gmail_errors import Refused
from .gmail_history import Standing, in_steps, is_left, labels_in
from .gmail_labels import may_be_own
from .gmail_mail import place_of, read

#: The id of history records, and what they say of mails.
Step = tuple[int, dict[str, Standing]]


class News(Bite):
    """Arrivals and departures, out of the history."""

    def look(self) -> bool:
        """Tell what changed after ``cursor["history"]``, oldest first.

        The cursor moves id by id: where a bite is full, the next one asks for what
        comes after the last record that was told. No page token is kept.

        :return: all of it was told
        :raises CursorExpired: Gmail no longer knows what happened since then
        """
        self.memory.looked_at = time.monotonic()
        self.memory.quiet = self.looked = False
        self.memory.quiet = self._look()
        self.looked = self.memory.quiet
        return self.memory.quiet

    def _look(self) -> bool:
        while True:
            before = self.cursor["history"]
            try:
                told = self.api.history(before)
            except Refused:
                raise CursorExpired("cursor_expired", "history") from None
            more, records = bool(told.get("nextPageToken")), told.get("history")
            self._note_labels(records)
            steps = in_steps(records, int(before), more, self.hidden)
            if not self._walk(list(steps)):
                return False
            if not more:
                newest = integer(told.get("historyId"))
                if newest > int(self.cursor["history"]):
                    self.cursor["history"] = str(newest)
                return True
            if self.cursor["history"] == before:
                raise Unavailable("garbage", "history does not go on")

    def _note_labels(self, records: object) -> None:
        """Where labels of the user's own are about, new ones may be among them."""
        turn = self.cursor.get("turn", {})
        if (turn.get("page") or turn.get("over")) and is_left(records, turn["off"][0]):
            turn["shaky"] = 1
        if self.folders is None and any(map(may_be_own, labels_in(records))):
            self.ask_for_labels()

    def ask_for_labels(self) -> None:
        raise NotImplementedError

    def _walk(self, walk: list[Step]) -> bool:
        """:return: all of it was told"""
        looked_at = self._look_at(walk)
        for number, found in walk:
            for id_, standing in found.items():
                if not standing.sure:
                    if id_ not in looked_at:
                        return False
                    found[id_] = looked_at[id_]
            if not self.add_changes(found):
                return False
            self._shake(found)
            self.cursor["history"] = str(number)
        return True

    def _look_at(self, walk: list[Step]) -> dict[str, Standing]:
        """Mail of which history does not say enough, as much as one request brings.

        Its headers come along, so that nobody has to ask for them a second time.
        """
        unsure = dict.fromkeys(
            id_
            for _number, found in walk
            for id_, standing in found.items()
            if not standing.sure
        )
        some = list(unsure)[: max(1, min(self.left, self.api.bucket.gets))]
        standing: dict[str, Standing] = {}
        for place, answer in read(
            self.api, [place_of(id_) for id_ in some], self.hidden
        ):
            if isinstance(answer, Presence):
                self.read[place.ref] = answer
            standing[place.ref] = Standing(not isinstance(answer, MessageGone))
        return standing

    def _shake(self, found: dict) -> None:
        """Mail went while the pages of a list were asked for, one after another."""
        fill, listing = self.fill, self.memory.listing
        if fill and fill["step"] != "count" and fill["pages"]:
            sound = listing is not None and listing.sound
            if not sound and any(not standing.here for standing in found.values()):
                fill["shaky"] = 1
