# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the network do when somebody asks where a mail is? Headers, into memory.

Plain Python without ORM. Nothing of what comes is kept: it is judged, told to who
asked, and forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field
from functools import partial

from ..engine.providers.base import Cut, Presence, Query
from .mailbox_run import Failed, MailboxRun

#: Mails of one mailbox that are explained; more of them are counted.
MOST = 15
#: Seconds that all mailboxes have together.
SECONDS = 25.0


@dataclass
class Seen:
    """What a mailbox holds of it.

    :param found: how many places the provider found, of which the first are explained
    :param error: code of what went wrong; then nothing is known
    """

    presences: list[Presence] = field(default_factory=list, repr=False)
    found: int = 0
    error: str = ""


def look(runs: Sequence[MailboxRun], query: Query, seconds: float | None = None):
    """Search these mailboxes at once. :return: ``[Seen]`` in the order of the runs"""
    end = time.monotonic() + (SECONDS if seconds is None else seconds)
    pool = ThreadPoolExecutor(max(1, len(runs)), thread_name_prefix="mail-mirror-why")
    try:
        asked = [pool.submit(_ask, run, query) for run in runs]
        return [_answer(future, end) for future in asked]
    finally:
        # threads that hang in the network must not keep who asked waiting
        pool.shutdown(wait=False)


def _answer(future: Future, end: float) -> Seen:
    try:
        return future.result(max(0.0, end - time.monotonic()))
    except TooLate:
        return Seen(error="timeout")


def _ask(run: MailboxRun, query: Query) -> Seen:
    try:
        for found in run.steps(partial(_search, run, query)):
            if isinstance(found, Failed):
                return Seen(error=found.error.code)
            return found
        return Seen(error="bug")
    finally:
        run.close()


def _search(run: MailboxRun, query: Query) -> Iterator[Seen]:
    # what a label keeps out is there, and that is the answer
    run.provider.skip = frozenset()
    found = run.provider.search(query)
    places = list(found)
    told = dict(run.provider.envelopes(places[:MOST])) if places else {}
    presences = [
        answer
        for answer in told.values()
        if isinstance(answer, Presence) and answer.envelope is not None
    ]
    # of what it cannot look for nobody knows that it is not there
    is_unsure = not presences and isinstance(found, Cut)
    yield Seen(presences, len(places), "not_searchable" if is_unsure else "")
