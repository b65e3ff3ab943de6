# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whose turn is it in a job that works on many mailboxes at once?"""

import time
from collections import deque
from itertools import count
from queue import PriorityQueue

from .lease import RENEW_EVERY

#: Seconds for which a page of a first import lets those of others go first.
MANNERS = 1.0
#: A job that was given so many mailboxes in the last seconds waits for more: Odoo would
#: call it again in up to a minute, and all that came due meanwhile would be late.
BUSY, LATELY = 5, 2.0


class Ready:
    """What the network found, in its order; pages of first imports a bit later.

    One that takes hours delays nobody's news, and many news delay it by a second.
    """

    def __init__(self):
        self._queue, self._number = PriorityQueue(), count()

    def put(self, run, found):
        later = MANNERS if run.lease.listing else 0
        self._queue.put((time.monotonic() + later, next(self._number), run, found))

    def get(self, timeout):
        """:raises queue.Empty:"""
        return self._queue.get(timeout=timeout)[2:]


class Clock:
    """What a job does now and then.

    :param pool: mailboxes at once; half as many more are claimed ahead, so that no
        place stays empty while the database is asked
    :param ask_every: seconds to the next question at most
    :param together: seconds for which mailboxes without news wait to be written
    """

    def __init__(self, pool, ask_every, together):
        self._pool, self._ask_every, self._together = pool, ask_every, together
        self._asked_at, self._began_at = float("-inf"), None
        self._renewed_at = time.monotonic()
        self._pause = ask_every
        self._given = deque()

    def room(self, active, calm):
        """For how many more is it worth asking now?

        Not after each page: that took a tenth of a job's time.
        """
        room = self._pool + self._pool // 2 - len(active)
        if time.monotonic() - self._asked_at >= self._pause:
            return room if room >= self._pool // 2 else 0
        return 0 if active or calm else room

    def asked(self, room, given):
        """:param given: mailboxes, out of ``room`` that were asked for"""
        self._asked_at = time.monotonic()
        if given == room:
            self._pause = 0.0
        else:
            # no more are due, or their server has no room until some are written
            longer = 0.0 if given else 2 * self._pause
            self._pause = min(max(self._together, longer), self._ask_every)
        self._given.append((self._asked_at, given))

    def is_busy(self):
        while self._given and self._given[0][0] < time.monotonic() - LATELY:
            self._given.popleft()
        return sum(given for _at, given in self._given) >= BUSY

    def is_time_to_write(self, calm):
        now = time.monotonic()
        if calm and self._began_at is None:
            self._began_at = now
        if calm and len(calm) < self._pool and now - self._began_at < self._together:
            return False
        self._began_at = None
        return bool(calm)

    def is_time_to_renew(self):
        now = time.monotonic()
        if now - self._renewed_at < RENEW_EVERY:
            return False
        self._renewed_at = now
        return True


def imports_left(pool, active):
    """Of all places half: who is up to date shall stay so beside them."""
    return (pool + 1) // 2 - sum(bool(run.lease.listing) for run in active.values())
