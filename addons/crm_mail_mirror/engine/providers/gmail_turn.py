# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What becomes of mail whose label its owner switched off, or on again?

    off: its ids are listed and told as absent, page by page
    on:  its ids are listed like older mail that comes in, by addresses where that is
         cheaper, but for what another label keeps out

All of it comes after what is new, which is judged by today's choice already. Each step
may be begun again at will: the cursor remembers what is certain.
"""

from __future__ import annotations

import time

from .base import CursorExpired
from .gmail_batch import is_gone
from .gmail_cursor import split, stretch
from .gmail_errors import Refused, meaning
from .gmail_fill import MAX_ROUNDS, Fill
from .gmail_labels import folders_of, hidden_by
from .gmail_queries import between

#: Seconds after which it is asked which labels there are, whatever happens.
LABELS_EVERY = 3_600


class Turn(Fill):
    """Labels that are switched off and on."""

    # --- which labels are there? ------------------------------------------------------

    def know_labels(self) -> None:
        """Ask for them: at first, now and then, and where one was switched.

        :raises CursorExpired: one that was switched off was deleted. Which mail bore it
            nobody can tell any more, and whether history does is written nowhere
        """
        cursor, known = self.cursor, self._known
        is_due = abs(time.time() - cursor.get("labels", 0)) >= LABELS_EVERY
        if self.folders is None and (is_due or self.hide != known):
            self.ask_for_labels()

    def ask_for_labels(self) -> None:
        self.folders = folders_of(self.api.labels())
        self.cursor["labels"] = int(time.time())
        there = {folder.ref for folder in self.folders}
        shown = {self.fill["label"]} if self.fill and "label" in self.fill else set()
        if (self._known | shown) - there:
            raise CursorExpired("cursor_expired", "a label was deleted")
        self.hide &= there
        self.hidden = hidden_by(self.hide)

    @property
    def _known(self) -> set[str]:
        """Labels that keep or kept mail out, as far as was told."""
        turn = self.cursor.get("turn", {})
        hide = self.cursor.get("hide", ())
        return {*hide, *turn.get("off", ()), *turn.get("on", ())}

    # --- what was switched? -----------------------------------------------------------

    def choose(self) -> None:
        """Compare what is switched off with what was when the cursor was made."""
        cursor, memory = self.cursor, self.memory
        if memory.hide != self.hide:
            # what a label kept out may be told again
            memory.hide = self.hide
            memory.gone.clear()
        certain = set(cursor.get("hide", ())) & self.hide
        turn = cursor.get("turn", {})
        off, on = sorted(self.hide - certain), sorted(self._known - self.hide)
        if off != turn.get("off", []) or on != turn.get("on", []):
            turn = {"page": "", "round": 1}
        if self.fill and self.fill.get("label") in self.hide:
            del cursor["fill"]
            memory.listing = None
        self._keep("hide", sorted(certain))
        self._keep("turn", {**turn, "off": off, "on": on} if off or on else {})

    def _keep(self, name: str, value) -> None:
        if value:
            self.cursor[name] = value
        else:
            self.cursor.pop(name, None)

    # --- off --------------------------------------------------------------------------

    def put_out(self) -> bool:
        """Tell mail of labels that were switched off as absent.

        :return: of no label is anything left to be told
        """
        while (turn := self.cursor.get("turn", {})).get("off"):
            if turn.get("over"):
                self._conclude_label(turn)
            elif len(self.unwanted) >= self.budget.mails:
                return False
            elif not self._put_out_page(turn):
                return False
        return True

    def _put_out_page(self, turn: dict) -> bool:
        """:return: it may go on in this bite"""
        question, page = between(self.cursor["since"]), turn["page"]
        try:
            ids, turn["page"] = self.api.list(
                question, page, labels=[turn["off"][0]], most=self.budget.mails
            )
        except Refused as answer:
            if page:
                self.begin_again()
                turn["page"] = ""
                return True
            if not is_gone(answer):
                raise meaning(answer) from None
            ids, turn["page"] = [], ""  # which labels there are is asked soon enough
        if not page:
            turn.pop("shaky", None)
        self.unwanted.update(dict.fromkeys(ids))
        if turn["page"]:
            return True
        turn["over"] = 1
        # of a list of several pages mail may have gone between them
        return not page or self.look()

    def _conclude_label(self, turn: dict) -> None:
        again = "shaky" in turn and turn["round"] < MAX_ROUNDS
        if not again:
            label = turn["off"].pop(0)
            self.cursor["hide"] = sorted({*self.cursor.get("hide", ()), label})
        left = {"off": turn["off"], "on": turn["on"]}
        more = {"page": "", "round": turn["round"] + 1 if again else 1}
        self._keep("turn", {**left, **more} if any(left.values()) else {})

    # --- on ---------------------------------------------------------------------------

    def fill_in(self) -> None:
        """Older mail; then that of labels that were switched on, one by one."""
        super().fill_in()
        while not self.fill and (turn := self.cursor.get("turn")):
            label = turn["on"].pop(0)
            self._keep("turn", turn if turn["on"] else {})
            self.cursor["fill"] = {**stretch(self.cursor["since"], 0), "label": label}
            if self.addresses is not None:
                split(self.cursor, time.time())
            super().fill_in()

    def _finish(self) -> None:
        if "label" in self.fill:  # the list of one that was deleted may just be empty
            self.ask_for_labels()
        super()._finish()
