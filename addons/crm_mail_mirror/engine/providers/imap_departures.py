# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mail of a folder is no longer there?

* QRESYNC (RFC 7162): the server says what VANISHED and which flags changed.
* otherwise by counting: with equal UIDVALIDITY no mail ever comes in below a known
  UIDNEXT, so an equal number there is the same mail. When the number fell, all UIDs are
  listed and the gaps told.

Mail that is marked \\Deleted is gone, though it may come back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import imap_uids
from .base import Unavailable
from .imap_cursor import State, deleted_of, new_uids
from .imap_session import Session
from .imap_wire import Examined

#: Yahoo lists the newest so many mails of a folder: what lies below is not gone.
YAHOO_WINDOW = 10_000
_YAHOO = ("yahoo.com", "yahoodns.net", "aol.com", "yahoo.co.jp")


@dataclass(frozen=True, slots=True)
class Lost:
    """:param gone: nothing is there, or never was
    :param deleted: UIDs marked \\Deleted now
    :param count: mails below ``next``, ``None`` when not known
    :param marked: which of ``deleted`` changed since, where the server tells: they may
        have been seen without the mark in between"""

    gone: imap_uids.Ranges
    deleted: imap_uids.Ranges
    count: int | None
    marked: imap_uids.Ranges = field(default_factory=list)


def has_qresync(session: Session) -> bool:
    return session.wire.has_qresync


def find_lost(session: Session, path: str, state: State, seen: Examined) -> Lost:
    """What ``path``, just examined, lost since the cursor's state."""
    if _tells_changes(session, state, seen):
        return _ask_changes(session, state, seen)
    return _count_and_list(session, path, state, seen)


def _tells_changes(session: Session, state: State, seen: Examined) -> bool:
    """Not if it was set back, after a crash or from a backup, and counts anew: what
    changed before is then told by no number."""
    before = state["modseq"]
    return bool(
        has_qresync(session) and before is not None and before <= (seen.modseq or 0)
    )


def _ask_changes(session: Session, state: State, seen: Examined) -> Lost:
    """UID FETCH (CHANGEDSINCE n VANISHED), RFC 7162 section 3.2.6."""
    before = deleted_of(state)
    count = seen.exists if seen.uidnext == state["next"] else None
    last = state["next"] - 1
    if last < 1 or state["modseq"] == seen.modseq:
        return Lost([], before, count)
    changed, vanished = session.wire.fetch_flags(f"1:{last}", state["modseq"])
    gone = imap_uids.clip(vanished, 1, last)
    down = imap_uids.compress(uid for uid, deleted in changed.items() if deleted)
    up = imap_uids.compress(uid for uid, deleted in changed.items() if not deleted)
    down = imap_uids.clip(down, 1, last)
    deleted = imap_uids.merge([*before, *down])
    deleted = imap_uids.subtract(imap_uids.subtract(deleted, up), gone)
    return Lost(gone, deleted, count, down)


def _count_and_list(session: Session, path: str, state: State, seen: Examined) -> Lost:
    wire, last = session.wire, state["next"] - 1
    later: imap_uids.Ranges = []
    if seen.uidnext > state["next"]:
        later = wire.search("UID", new_uids(state, seen))
        later = imap_uids.clip(later, state["next"], seen.uidnext - 1)
    count = seen.exists - imap_uids.size(later)
    gone: imap_uids.Ranges = []
    was_plain = has_qresync(session)  # and yet it told no changes: by count neither
    if count != state["count"] or was_plain:
        listed = _list_all(session, path, seen)
        below = imap_uids.clip(listed, 1, last)
        low = listed[0][0] if _is_window(session, seen) and listed else 1
        gone = imap_uids.complement(below, low, last)
        count = imap_uids.size(below)
    deleted = imap_uids.clip(wire.search("DELETED"), 1, last) if seen.exists else []
    return Lost(gone, imap_uids.subtract(deleted, gone), count)


def _list_all(session: Session, path: str, seen: Examined) -> imap_uids.Ranges:
    """Every UID. A list shorter than the folder is never taken for a full one."""
    for _ in range(3):
        listed = _search_all(session, seen.uidnext - 1)
        if imap_uids.size(listed) >= seen.exists - session.wire.shrunk:
            return listed
        again = session.examine(path)
        if again.uidvalidity != seen.uidvalidity:
            break
        seen = again
    raise Unavailable("garbage", "fewer mails listed than counted")


def _search_all(session: Session, last: int) -> imap_uids.Ranges:
    wire = session.wire
    if last < 1:
        return []
    if "ESEARCH" in wire.capable:
        return wire.search("UID", f"1:{last}")
    found: imap_uids.Ranges = []
    low, width = 1, 50_000
    while low <= last:
        high = min(low + width - 1, last)
        some = imap_uids.clip(wire.search("UID", f"{low}:{high}"), low, high)
        found.extend(some)
        if imap_uids.size(some) < width // 4:
            width *= 2
        low = high + 1
    return imap_uids.merge(found)


def _is_window(session: Session, seen: Examined) -> bool:
    return seen.exists == YAHOO_WINDOW or session.host.endswith(_YAHOO)
