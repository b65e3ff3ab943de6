# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does Microsoft's cursor remember? It does not grow with the mails of a mailbox.

::

    {"v": 1, "kind": "microsoft", "pass": 7, "tree": {...},
     "folders": {"AQMk...": {...}, ...},
     "lost": {"AQMk...": ["AAkA...", ...]}, "refused": {"AQMk...": 3}}

``tree`` is ``Tree.state()``. ``lost`` are ids that a delta told as removed and that
nobody has looked for yet; ``refused`` tells in how many looks in a row a folder that is
in the tree could not be read. Links are paths, without the host. Kept of each folder:

* ``g``: the generation of its places, ``""`` at first, then ``"2"``, ...
* ``link``: where its round of changes goes on; absent until it was walked once
* ``mid``: 1 while ``link`` leads to a further page of a round
* ``pass``: the look in which its changes were last told to the end
* ``since``: mail received before it was not told by the walk; ``""`` = all was
* ``walk``: while all of it is listed: ``link`` (``""``: not begun), ``since``;
  ``till``: mail from here on was told before, and the ``link`` above goes on telling
  what becomes of it; ``again``: 1 = what it tells is ``relisted``; ``at``, ``top``:
  when the last and the newest mail so far were received
* ``n``, ``size``: progress of the walk in mails
* ``fresh``, ``guests``: ids told as present from elsewhere than this folder's delta
  (see ``microsoft_lost``): those of the time before the round under way, and later ones
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime

from .base import CursorExpired
from .microsoft_folders import Tree

VERSION = 1
#: Ids of guests that are remembered of a folder.
MAX_GUESTS = 1_000

State = dict


def opened(cursor: dict | None) -> dict:
    """A copy to work on, or a new cursor. :raises CursorExpired: of another version"""
    if cursor is None:
        return {
            **{"v": VERSION, "kind": "microsoft", "pass": 0},
            **{"tree": Tree().state(), "folders": {}, "lost": {}},
        }
    if cursor.get("v") != VERSION or cursor.get("kind") != "microsoft":
        raise CursorExpired("cursor_expired", "unknown version")
    return copy.deepcopy(cursor)


def stamp(since: datetime | None) -> str:
    """As Graph writes it, so that times compare as text; ``""`` is before all."""
    if since is None:
        return ""
    since = since if since.tzinfo else since.replace(tzinfo=UTC)
    return since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def begun(since: str, size: int, generation: str = "", again: bool = False) -> State:
    """A folder of which nothing was told yet, or nothing counts any more."""
    walk = {"link": "", "since": since}
    if again:
        walk["again"] = 1
    return {"g": generation, "walk": walk, "n": 0, "size": size}


def bound(state: State, since: str, size: int) -> None:
    """Another start than before: a later one has passed over mail, an earlier one
    wants more of it; the link that tells changes goes on meanwhile."""
    walk = state.get("walk")
    if walk is not None:
        walk["since"] = max(walk["since"], since)
        return
    state["since"] = max(state["since"], since)
    if since < state["since"]:
        state["walk"] = {"link": "", "since": since, "till": state["since"]}
        state.update(n=0, size=size)


def following(generation: str) -> str:
    return str(int(generation or "1") + 1)


def is_walked(state: State) -> bool:
    """Was it listed once, so that its changes are told?"""
    return "link" in state


def note_guest(state: State, ref: str) -> None:
    guests = state.setdefault("fresh", [])
    if ref not in guests and len(guests) < MAX_GUESTS:
        guests.append(ref)


def is_full(state: State) -> bool:
    return len(state.get("fresh", ())) >= MAX_GUESTS


def begin_round(state: State) -> None:
    """Who was a guest before it is told by this round, or is gone already."""
    if fresh := state.pop("fresh", None):
        state["guests"] = [*state.get("guests", ()), *fresh]


def meet(state: State, refs: set[str]) -> None:
    """The folder's own delta told them: guests no longer."""
    for name in ("fresh", "guests"):
        if name in state:
            state[name] = [ref for ref in state[name] if ref not in refs]
            if not state[name]:
                del state[name]


def progress(folders: dict[str, State]) -> tuple[int, int]:
    """Mails told and to be told by the walks; forgotten once all folders are walked."""
    states = [state for state in folders.values() if "size" in state]
    done = sum(min(state["n"], state["size"]) for state in states)
    total = sum(state["size"] for state in states)
    if not any("walk" in state for state in states):
        for state in states:
            del state["size"], state["n"]
    return done, total
