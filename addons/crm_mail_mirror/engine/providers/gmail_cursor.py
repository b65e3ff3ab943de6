# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the Gmail cursor remember? It does not grow with the mailbox.

::

    {"v": 1, "kind": "gmail", "since": 1709251200, "history": "987654",
     "fill": {...}}

``since`` is the time from which mail is listed, in seconds since 1970, 0 = everything;
``history`` the id up to which all changes were told, as text: it has 64 bits. While old
mail is listed there is ``fill``:

* ``step``: ``all`` (every mail of a stretch of time), ``count`` (how many there are) or
  ``by`` (by addresses);
* ``low``, ``high``: the stretch, as ``gmail_queries.between``; ``old``: where an older
  stretch begins that is still to come, and ends at ``low``;
* ``page``, ``last``: the page that is being told, and the last mail told of it;
* ``done``: in step ``by``, the last address that was asked for, ``upto``: the last one
  that is being asked for, ``group``: what tells those addresses from others;
* ``round``: how often the stretch is listed; ``pages``: pages of this round so far;
  ``shaky``: mail went while they were listed; ``loose``: it cannot be listed at one go;
  ``over``: all of it was told, whether it was shaky is still to be seen;
* ``told``, ``size``: progress in mails; ``counted``, ``found``: of the old stretch;
* ``whole``: nothing of the mailbox was told before: until all of it is, no mail is
  missing from it.

``off`` stands in place of ``fill`` while its owner deselected the mailbox's only
folder.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime

from .base import CursorExpired

VERSION = 1
#: Seconds of mail that is always listed in full: for so long also what is not mirrored
#: is remembered, and a new contact finds it.
RECENT = 7 * 86_400

Fill = dict


def opened(cursor: dict) -> dict:
    """A copy to work on. :raises CursorExpired: of another version"""
    if cursor.get("v") != VERSION or cursor.get("kind") != "gmail":
        raise CursorExpired("cursor_expired", "unknown version")
    return copy.deepcopy(cursor)


def begun(history: str, since: datetime | None, now: float, by_address: bool) -> dict:
    """A new cursor, before anything is listed.

    :param history: as it was before the first list was asked for
    """
    start = seconds(since)
    fill = stretch(start, 0, int(now) - RECENT if by_address else 0)
    fill["whole"] = 1
    return {
        "v": VERSION,
        "kind": "gmail",
        "since": start,
        "history": history,
        "fill": fill,
    }


def stretch(low: int, high: int, recent: int = 0) -> Fill:
    """What is to be listed: mail from ``low`` until before ``high``.

    :param recent: what came before it may be listed by addresses; 0 = nothing may
    """
    fill: Fill = {"step": "all", "low": low, "high": high, "told": 0, "size": 0}
    if high and recent >= high:
        fill["step"] = "count"
    elif recent > low:
        fill.update(low=recent, old=low)
    rewind(fill)
    return fill


def rewind(fill: Fill, round_: int = 1) -> None:
    """List the stretch from its newest mail on."""
    fill.update(page="", last="", pages=0, round=round_)
    for passing in ("shaky", "over", "loose"):
        fill.pop(passing, None)


def widened(cursor: dict, since: datetime | None, now: float, by_address: bool) -> None:
    """With an earlier start than before, what lies between is listed as well."""
    start, before = seconds(since), cursor["since"]
    if not before or (start and start >= before):
        return
    cursor["since"] = start
    recent = int(now) - RECENT if by_address else 0
    if "fill" in cursor:
        whole = cursor["fill"].get("whole")
        cursor["fill"] = stretch(start, 0, recent)
        if whole:
            cursor["fill"]["whole"] = whole
    else:
        # two seconds that are told again, since bounds may be meant either way
        cursor["fill"] = stretch(start, before + 2, recent)


def seconds(moment: datetime | None) -> int:
    """Since 1970, rounded down; 0 = no bound."""
    if moment is None:
        return 0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp()))
