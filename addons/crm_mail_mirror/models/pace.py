# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How fast does an import go on, and how long will it take?"""

import time
from collections import deque
from dataclasses import dataclass, field

#: Pages that the pace is worked out of.
PAGES = 8
#: Seconds between two things told of one mailbox.
TELL_EVERY = 1.0


@dataclass
class Pace:
    """Of one mailbox, as long as one job works on it.

    :param pages: when a page was written, and how many mails were done by then
    :param told_at: when its owner was told last (time.monotonic)
    """

    pages: deque = field(default_factory=lambda: deque(maxlen=PAGES))
    told_at: float = 0.0

    def note(self, done, now=None):
        """:param done: mails that the import has behind it"""
        now = time.monotonic() if now is None else now
        if self.pages and done < self.pages[-1][1]:
            # it began anew
            self.pages.clear()
        self.pages.append((now, done))

    def is_due(self, now=None):
        """Is it time to tell the owner again? Then it counts as done."""
        now = time.monotonic() if now is None else now
        if now - self.told_at < TELL_EVERY:
            return False
        self.told_at = now
        return True

    @property
    def rate(self):
        """Mails a second over the last pages; ``None``: not known yet."""
        if len(self.pages) < 2:
            return None
        (begin, before), (end, after) = self.pages[0], self.pages[-1]
        if end <= begin or after <= before:
            return None
        return (after - before) / (end - begin)
