# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the Gmail cursor remember? It does not grow with the mailbox.

::

    {"v": 1, "kind": "gmail", "since": 1709251200, "history": "987654",
     "fill": {...}, "labels": 1763800000, "hide": ["Label_7"], "turn": {...}}

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
* ``told``, ``size``: progress in mails, ``before``: those told of newer stretches;
  ``counted``, ``found``: of the old stretch;
* ``whole``: nothing of the mailbox was told before: until all of it is, no mail is
  missing from it;
* ``label``: only mail that bears it is listed: it was switched on.

``labels`` is the time at which labels were asked for. ``hide`` are the labels whose
mail stays out, sorted; there is none when it is missing. ``turn`` are those of which
that is not certain yet: ``off``, whose mail is still to be told as absent, the first of
them from ``page`` on (``round``, ``shaky`` and ``over`` as above), and ``on``, whose
mail is still to be listed.

``off`` stands in place of ``fill`` while its owner deselected the mailbox's only
folder.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
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


def begun(history: str, since: datetime | None, hide: Iterable[str] = ()) -> dict:
    """A new cursor, before anything is listed.

    :param history: as it was before the first list was asked for
    :param hide: labels whose mail stays out
    """
    start = seconds(since)
    return {
        "v": VERSION,
        "kind": "gmail",
        "since": start,
        "history": history,
        "fill": {**stretch(start, 0), "whole": 1},
        **({"hide": sorted(hide)} if hide else {}),
    }


def stretch(low: int, high: int) -> Fill:
    """Mail from ``low`` until before ``high`` is to be listed."""
    fill: Fill = {"step": "all", "low": low, "high": high, "told": 0, "size": 0}
    rewind(fill)
    return fill


def split(cursor: dict, now: float) -> None:
    """Addresses are known: what is older than a week may be listed by them.

    Whenever they come to be known: what was told before, and is told again, costs
    nothing.
    """
    fill, recent = cursor.get("fill"), int(now) - RECENT
    is_decided = not fill or fill["step"] != "all" or "old" in fill or "counted" in fill
    if is_decided or fill["low"] >= recent:
        return
    if fill["high"] and fill["high"] <= recent:
        fill["step"] = "count"
    else:
        fill.update(low=recent, old=fill["low"])
    fill["told"] = 0
    rewind(fill)


def rewind(fill: Fill, round_: int = 1) -> None:
    """List the stretch from its newest mail on."""
    fill.update(page="", last="", pages=0, round=round_)
    for passing in ("shaky", "over", "loose"):
        fill.pop(passing, None)


def widened(cursor: dict, since: datetime | None) -> None:
    """With an earlier start than before, what lies between is listed as well."""
    start, before = seconds(since), cursor["since"]
    if not before or (start and start >= before):
        return
    cursor["since"] = start
    if "fill" in cursor:
        whole = {"whole": 1} if "whole" in cursor["fill"] else {}
        cursor["fill"] = {**stretch(start, 0), **whole}
    else:
        # two seconds that are told again, since bounds may be meant either way
        cursor["fill"] = stretch(start, before + 2)


def seconds(moment: datetime | None) -> int:
    """Since 1970, rounded down; 0 = no bound."""
    if moment is None:
        return 0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp()))
