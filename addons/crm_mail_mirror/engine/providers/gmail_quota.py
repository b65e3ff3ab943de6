# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What may be asked of Gmail when? A bucket of quota units for each account.

Google counts units per user, project and minute, and refuses what goes beyond. To wait
before asking is cheaper than to be refused: refused calls count too.
"""

from __future__ import annotations

import hashlib
import threading
import time

from .base import Throttled

#: Units of each method, by its id in the discovery document, as Google charges projects
#: since May 2026 (developers.google.com/workspace/gmail/api/reference/quota). Older
#: projects pay 5 for what costs 20 here; they get more than they use, never less.
UNITS = {
    "gmail.users.getProfile": 1,
    "gmail.users.history.list": 2,
    "gmail.users.labels.get": 1,
    "gmail.users.labels.list": 1,
    "gmail.users.messages.attachments.get": 20,
    "gmail.users.messages.get": 20,
    "gmail.users.messages.list": 5,
    "gmail.users.settings.sendAs.list": 1,
}
LIST, GET = UNITS["gmail.users.messages.list"], UNITS["gmail.users.messages.get"]
#: Seconds of quota that may be used at once after a rest.
BURST = 10.0
#: Seconds that are waited for within a call; a longer rest is the engine's to wait for.
LONGEST_REST = 5.0
#: Buckets that a process keeps; a full one is as good as a new one.
MAX_BUCKETS = 2_000


class OutOfTime(Exception):
    """:param wait: seconds until there would be units enough"""

    def __init__(self, wait: float = 0.0):
        super().__init__(wait)
        self.wait = wait


class Bucket:
    """Fills by ``units_per_minute``, up to what ``BURST`` seconds bring."""

    def __init__(self, units_per_minute: float):
        self.rate = max(units_per_minute, 1.0) / 60
        self._level = self.rate * BURST
        self._at = time.monotonic()
        self._rests_until = float("-inf")
        self._lock = threading.Lock()

    @property
    def gets(self) -> int:
        """Mails that one request may ask for, so that nobody waits long for it."""
        return max(1, min(50, int(self.rate * BURST / GET)))

    def take(self, units: int, end: float | None = None) -> None:
        """Wait until so many units are there, and use them.

        :param end: ``time.monotonic()`` after which nothing is to be asked any more
        :raises OutOfTime: it is later than that, or would be
        :raises Throttled: Google wants nothing to be asked for longer than a moment
        """
        with self._lock:
            self._fill()
            rest = self._rests_until - time.monotonic()
            if rest > LONGEST_REST:
                raise Throttled(retry_after=rest)
            wait = max(0.0, rest, (units - self._level) / self.rate)
            if end is not None and time.monotonic() + wait > end:
                raise OutOfTime(wait)
            self._level -= units  # may go below zero: whoever comes next waits longer
        if wait:
            time.sleep(wait)

    def rest(self, seconds: float) -> None:
        """Google said ``Retry-After``: nothing is asked until then, whoever asks."""
        with self._lock:
            until = time.monotonic() + seconds
            self._rests_until = max(self._rests_until, until)

    def empty(self) -> None:
        """Somebody else used the account's units: Google said so, or it may be."""
        with self._lock:
            self._fill()
            self._level = min(self._level, 0.0)

    def is_full(self) -> bool:
        with self._lock:
            self._fill()
            rested = self._rests_until < time.monotonic()
            return rested and self._level >= self.rate * BURST

    def _fill(self) -> None:
        now = time.monotonic()
        self._level += (now - self._at) * self.rate
        self._level = min(self._level, self.rate * BURST)
        self._at = now


_buckets: dict[tuple[str, float], Bucket] = {}
_buckets_lock = threading.Lock()


def bucket_of(account: str, units_per_minute: float) -> Bucket:
    """The bucket that all connections of this process to an account share.

    :param account: whatever tells accounts apart; only a hash of it is kept
    """
    name = hashlib.sha256(account.encode()).hexdigest(), units_per_minute
    with _buckets_lock:
        if len(_buckets) > MAX_BUCKETS:
            for full in [key for key, one in _buckets.items() if one.is_full()]:
                del _buckets[full]
        if name not in _buckets:
            _buckets[name] = Bucket(units_per_minute)
        return _buckets[name]
