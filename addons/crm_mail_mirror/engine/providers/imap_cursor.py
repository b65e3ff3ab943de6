# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the IMAP cursor remember? It is small and does not grow with the mailbox.

::

    {"v": 1, "kind": "imap", "pass": 7, "since": "2025-03-01", "turn": "Work",
     "folders": {"INBOX": {...}, ...}, "refused": {"Shared/Secret": 3}}

``turn`` is the plain folder last asked for \\\\Deleted; ``refused`` tells in how many
passes in a row the server did not open a folder. Of each folder it keeps

* ``uv`` UIDVALIDITY and ``next``: every UID below it was told or waits to be filled;
* ``low``: while it is filled; every UID from here to ``next`` was told;
* ``floor``: the lowest UID worth filling, once it was searched for;
* ``modseq``, ``count``: of an EXAMINE up to which all departures were told, ``None``
  when the server did not say. Without ``modseq`` no mail of the folder was told yet;
* ``deleted``: UIDs below ``next`` that are marked \\\\Deleted, and told as absent;
* ``n``, ``size``: progress of the fill in mails;
* ``first``: the folder came after the first look: it is filled before departures are
  told, since what left elsewhere may be here. 2 = what it tells is ``relisted``;
* ``off``: it does not count; kept to know it when it is renamed.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta

from . import imap_uids
from .base import CursorExpired
from .imap_folders import Listed
from .imap_wire import Examined

VERSION = 1
#: Ranges of \\Deleted that are remembered exactly.
MAX_DELETED = 300

State = dict

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def opened(cursor: dict | None, since: datetime | None) -> dict:
    """A copy to work on, or a new cursor. :raises CursorExpired: of another version"""
    if cursor is None:
        day = search_day(since)
        return {"v": VERSION, "kind": "imap", "pass": 0, "since": day, "folders": {}}
    if cursor.get("v") != VERSION or cursor.get("kind") != "imap":
        raise CursorExpired("cursor_expired", "unknown version")
    return widened(copy.deepcopy(cursor), search_day(since))


def widened(cursor: dict, day: str) -> dict:
    """With an earlier start than before all folders are filled again."""
    if cursor["since"] and (not day or day < cursor["since"]):
        cursor["since"] = day
        for state in cursor["folders"].values():
            if "off" not in state:
                state.pop("floor", None)
                state.update(low=state["next"], n=0, size=state.get("count") or 0)
    return cursor


def begun(entry: Listed, first: int = 0) -> State:
    """A folder of which nothing was told yet."""
    state = {"uv": entry.uidvalidity, "next": entry.uidnext}
    if entry.messages:
        state.update(low=entry.uidnext, n=0, size=entry.messages)
        if first:
            state["first"] = first
    return state


def set_aside(entry: Listed) -> State:
    """A folder that does not count."""
    return {"uv": entry.uidvalidity, "next": entry.uidnext or 1, "off": 1}


def is_pinned(state: State) -> bool:
    """Were its watermarks taken, and so mail of it told?"""
    return "modseq" in state


def pin(state: State, seen: Examined) -> None:
    """The EXAMINE before the first mail is told."""
    state["modseq"] = seen.modseq
    state["count"] = seen.exists if seen.uidnext == state["next"] else None


def watermark(seen: Examined, status: Listed) -> int | None:
    """HIGHESTMODSEQ of the EXAMINE before the question, of nothing that came later.

    Not ``status.modseq``: STATUS may run ahead of what the session was shown.
    """
    return seen.modseq


def new_uids(state: State, seen: Examined) -> str:
    """What came since. Closed: ``n:*`` is never empty (RFC 3501 section 9)."""
    return f"{state['next']}:{seen.uidnext - 1}"


def deleted_of(state: State) -> imap_uids.Ranges:
    return imap_uids.parse(state["deleted"]) if state.get("deleted") else []


def remember_deleted(state: State, ranges: imap_uids.Ranges) -> None:
    if ranges:
        state["deleted"] = imap_uids.write(imap_uids.coarsen(ranges, MAX_DELETED))
    else:
        state.pop("deleted", None)


def imap_date(day: str) -> str:
    """``2025-03-01`` -> ``1-Mar-2025`` (RFC 3501 section 9, date)"""
    year, month, number = day.split("-")
    return f"{int(number)}-{_MONTHS[int(month) - 1]}-{year}"


def search_day(since: datetime | None) -> str:
    """The day from which SEARCH SINCE misses nothing, whatever the server's zone."""
    if since is None:
        return ""
    since = since if since.tzinfo else since.replace(tzinfo=UTC)
    return (since.astimezone(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")


def progress(folders: dict[str, State]) -> tuple[int, int]:
    """Mails told and to be told by the fill; forgotten once all folders are filled."""
    states = [state for state in folders.values() if "size" in state]
    done = sum(state["n"] for state in states)
    total = sum(state["size"] for state in states)
    if not any("low" in state for state in states):
        for state in states:
            del state["size"], state["n"]
    return done, total
