# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the network do when its owner is about to switch labels off? Ids, no more.

Plain Python without ORM. Which mail bears which label is not stored: it is asked for
when somebody wants to know.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field

from ..engine.providers.base import ProviderError
from . import mailbox_run
from .lease import Lease

_logger = logging.getLogger(__name__)

#: Seconds that somebody waits for it; and places that are counted.
SECONDS, MOST = 8.0, 50_000


@dataclass
class Bearing:
    """Places of mail that bears one of the labels.

    :param whole: those are all
    :param error: code of what went wrong; then more may be known, or nothing
    """

    refs: list[str] = field(default_factory=list, repr=False)
    whole: bool = False
    error: str = ""


def look(
    lease: Lease, keep: Callable[[str], None], labels: Sequence[str], seconds=None
) -> Bearing:
    """:param seconds: after which is told what is known by then"""
    found = Bearing()
    end = time.monotonic() + (SECONDS if seconds is None else seconds)
    pool = ThreadPoolExecutor(1, thread_name_prefix="mail-mirror-labels")
    asked = pool.submit(_list, lease, keep, labels, found, end)
    with contextlib.suppress(TooLate):
        asked.result(max(0.0, end - time.monotonic()))
    # a thread that hangs in the network must not keep who asked waiting
    pool.shutdown(wait=False)
    return Bearing(list(found.refs), found.whole, found.error)


def _list(lease, keep, labels, found: Bearing, end: float) -> None:
    try:
        with mailbox_run.open_mailbox(
            lease.kind, lease.settings, lease.secret, keep
        ) as provider:
            for place in provider.bearing(labels, lease.since):
                found.refs.append(place.ref)
                if len(found.refs) >= MOST or time.monotonic() > end:
                    return
            found.whole = True
    except ProviderError as trouble:
        found.error = trouble.code
    except Exception as bug:
        # its text may hold a mail: the log gets where it happened
        where = mailbox_run.where(bug)
        _logger.error("labels of mailbox %s: %s", lease.mailbox_id, where)
        found.error = "bug"
