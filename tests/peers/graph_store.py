# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What lies in a mailbox of the Graph server, and what changed in it since when?

Every change gets the next number of the mailbox's clock. That is all the change
tracking there is: a state token holds a number, and a delta is what came after it.

Items have two ids. The immutable one stays; the other one changes with each move.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .graph_mail import Letter, read

#: well-known name -> display name in English; the order is that of their making
WELL_KNOWN = {
    "msgfolderroot": "Top of Information Store",
    "recoverableitemsdeletions": "Deletions",
    "inbox": "Inbox",
    "drafts": "Drafts",
    "sentitems": "Sent Items",
    "deleteditems": "Deleted Items",
    "junkemail": "Junk Email",
    "archive": "Archive",
    "outbox": "Outbox",
    "conversationhistory": "Conversation History",
}
#: in the mailbox, but outside the tree that its owner sees
OUTSIDE = ("msgfolderroot", "recoverableitemsdeletions")
HIDDEN = "Conversation Action Settings"


@dataclass
class Folder:
    """:param born, changed: the clock when it was made, and last renamed or moved"""

    id: str
    name: str
    parent: str
    well_known: str = ""
    hidden: bool = False
    born: int = 0
    changed: int = 0


@dataclass
class Item:
    """A mail in its folder.

    :param arrived: the clock when it came into this folder
    :param changed: the clock when anything about it changed last
    :param moves: how often it moved; part of the id that is not immutable
    :param headerless: written here, never transported: it has no transport headers
    :param overrides: properties that are answered instead of those read from ``raw``
    """

    id: str
    serial: int
    folder: str
    raw: bytes
    received: datetime
    arrived: int
    changed: int
    moves: int = 0
    is_read: bool = False
    flagged: bool = False
    draft: bool = False
    headerless: bool = False
    overrides: dict = field(default_factory=dict)
    modified: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    conversation: str = ""

    @functools.cached_property
    def letter(self) -> Letter:
        return read(self.raw)

    @property
    def mutable_id(self) -> str:
        place = hashlib.sha256(self.folder.encode()).digest()[:6]
        return _id("AAMkAG", self.id[-20:].encode(), place, self.serial, self.moves)


@dataclass(frozen=True)
class Departure:
    """An item was in a folder from ``arrived`` on, and left it at ``left``."""

    id: str
    mutable_id: str
    arrived: int
    left: int
    received: float
    reason: str


class Refused(Exception):
    """The mailbox cannot do what its owner asked for."""


class Mailbox:
    """All changes go through ``do``, so that a journal can repeat them.

    :param secret: makes ids that are this mailbox's own
    """

    def __init__(self, email: str, secret: bytes):
        self.email, self.secret = email, secret
        self.lock = threading.RLock()
        self.journal: Callable[[str, tuple], None] = lambda op, arguments: None
        self.clock = 0
        self.serial = 0
        self.folders: dict[str, Folder] = {}
        self.gone_folders: dict[str, tuple[int, int]] = {}  # id -> (born, gone)
        self.items: dict[str, Item] = {}
        self.contents: dict[str, set[str]] = {}
        self.departures: dict[str, list[Departure]] = {}
        #: stream -> (tokens made before this clock are refused, how)
        self.refused: dict[str, tuple[int, str]] = {}
        self._threads: dict[str, str] = {}
        for name, shown in WELL_KNOWN.items():
            parent = "" if name in OUTSIDE else self.well_known("msgfolderroot").id
            self._folder(shown, parent, name)
        self._folder(HIDDEN, self.well_known("msgfolderroot").id, hidden=True)

    # --- looking ----------------------------------------------------------------------

    def well_known(self, name: str) -> Folder | None:
        return next((f for f in self.folders.values() if f.well_known == name), None)

    def tree(self, hidden: bool = False) -> list[Folder]:
        """All folders that the owner has, parents before their children."""
        found, queue = [], [self.well_known("msgfolderroot").id]
        while queue:
            parent = queue.pop(0)
            children = [f for f in self.folders.values() if f.parent == parent]
            children = [f for f in children if hidden or not f.hidden]
            found += children
            queue += [f.id for f in children]
        return found

    def mails(self, folder: str) -> Iterator[Item]:
        return (self.items[each] for each in self.contents[folder])

    def find(self, any_id: str) -> Item | None:
        """The item with this id, be it the immutable one or the other."""
        if any_id in self.items:
            return self.items[any_id]
        try:
            serial = serial_of(any_id)
        except ValueError:
            return None
        item = self.items.get(self._immutable(serial))
        return item if item is not None and item.mutable_id == any_id else None

    # --- changing ---------------------------------------------------------------------

    def do(self, op: str, *arguments):
        """``append``, ``move``, ``copy``, ``delete``, ``mark``, ``override``,
        ``touch``, ``create``, ``rename``, ``remove`` or ``refuse``; see below."""
        with self.lock:
            done = getattr(self, "_do_" + op)(*arguments)
            self.journal(op, arguments)
            return done

    def _do_append(self, folder: str, raw: bytes, received: datetime, given: dict):
        """:param given: further fields of ``Item``"""
        self.serial += 1
        self.clock += 1
        item = Item(
            id=self._immutable(self.serial),
            serial=self.serial,
            folder=folder,
            raw=raw,
            received=received,
            arrived=self.clock,
            changed=self.clock,
            modified=received,
            **given,
        )
        item.conversation = self._conversation(item.letter)
        self.items[item.id] = item
        self.contents[folder].add(item.id)
        return item.id

    def _do_copy(self, item_id: str, folder: str) -> str:
        source = self.items[item_id]
        given = {
            name: getattr(source, name)
            for name in ("is_read", "flagged", "draft", "headerless", "overrides")
        }
        return self._do_append(folder, source.raw, source.received, given)

    def _do_move(self, item_id: str, folder: str, when: datetime) -> None:
        item = self.items[item_id]
        if item.folder == folder:
            return
        self._leave(item, "deleted" if item.serial % 2 else "changed")
        item.folder, item.moves, item.modified = folder, item.moves + 1, when
        item.arrived = item.changed = self.clock
        self.contents[folder].add(item.id)

    def _do_delete(self, item_id: str) -> None:
        item = self.items[item_id]
        self._leave(item, "deleted")
        del self.items[item_id]

    def _do_mark(self, item_id: str, field_name: str, value: bool, when: datetime):
        item = self.items[item_id]
        if getattr(item, field_name) != value:
            setattr(item, field_name, value)
            self._changed(item, when)

    def _do_override(self, item_id: str, overrides: dict, when: datetime) -> None:
        item = self.items[item_id]
        item.overrides = {**item.overrides, **overrides}
        self._changed(item, when)

    def _do_touch(self, item_id: str, when: datetime) -> None:
        """Nothing changed, yet the next delta tells the item again."""
        self._changed(self.items[item_id], when)

    def _do_create(self, name: str, parent: str, hidden: bool = False) -> str:
        if any(f.parent == parent and f.name == name for f in self.folders.values()):
            raise Refused(f"there is a folder {name!r} already")
        return self._folder(name, parent, hidden=hidden).id

    def _do_rename(self, folder: str, name: str, parent: str) -> None:
        row = self.folders[folder]
        if folder in self._ancestors(parent):
            raise Refused("a folder cannot be moved into itself")
        if any(
            f.parent == parent and f.name == name and f.id != folder
            for f in self.folders.values()
        ):
            raise Refused(f"there is a folder {name!r} already")
        self.clock += 1
        row.name, row.parent, row.changed = name, parent, self.clock

    def _do_remove(self, folder: str) -> None:
        """With all that is in it; nothing of it tells that it left."""
        if self.folders[folder].well_known:
            raise Refused("this folder cannot be deleted")
        for child in [f.id for f in self.folders.values() if f.parent == folder]:
            self._do_remove(child)
        self.clock += 1
        row = self.folders.pop(folder)
        self.gone_folders[folder] = (row.born, self.clock)
        for item_id in self.contents.pop(folder):
            del self.items[item_id]
        self.departures.pop(folder, None)

    def _do_refuse(self, stream: str, how: str) -> None:
        """State tokens of a stream (a folder's id, ``tree``) that exist by now."""
        self.clock += 1
        self.refused[stream] = (self.clock, how)

    # --- inside -----------------------------------------------------------------------

    def _changed(self, item: Item, when: datetime) -> None:
        self.clock += 1
        item.changed, item.modified = self.clock, when

    def _leave(self, item: Item, reason: str) -> None:
        self.clock += 1
        self.contents[item.folder].discard(item.id)
        self.departures.setdefault(item.folder, []).append(
            Departure(
                id=item.id,
                mutable_id=item.mutable_id,
                arrived=item.arrived,
                left=self.clock,
                received=item.received.timestamp(),
                reason=reason,
            )
        )

    def _folder(self, name, parent, well_known="", hidden=False) -> Folder:
        self.serial += 1
        self.clock += 1
        digest = hashlib.sha256(self.secret + b"folder").digest()
        made = Folder(
            id=_id("AQMkAD", digest[:30], self.serial),
            name=name,
            parent=parent,
            well_known=well_known,
            hidden=hidden,
            born=self.clock,
            changed=self.clock,
        )
        self.folders[made.id] = made
        self.contents[made.id] = set()
        return made

    def _ancestors(self, folder: str) -> set[str]:
        found = set()
        while folder in self.folders and folder not in found:
            found.add(folder)
            folder = self.folders[folder].parent
        return found

    def _immutable(self, serial: int) -> str:
        digest = hashlib.sha256(self.secret + self.email.encode()).digest()
        return _id("AAkALg", digest[:24], serial)

    def _conversation(self, letter: Letter) -> str:
        """Answers belong to the mail they answer."""
        known = (self._threads.get(each) for each in letter.answers)
        thread = next((each for each in known if each), None)
        if thread is None:
            thread = _id("AAQkAG", self.secret[:12], self.serial)
        for each in (letter.message_id, *letter.answers):
            if each:
                self._threads.setdefault(each, thread)
        return thread


def _id(prefix: str, *parts: bytes | int) -> str:
    """Numbers at the end: ids that differ in the case of one letter alone do occur."""
    packed = b"".join(
        struct.pack(">I", part) if isinstance(part, int) else part for part in parts
    )
    packed += b"\0" * (-len(packed) % 3)
    return prefix + "AA" + base64.urlsafe_b64encode(packed).decode()


def serial_of(mutable_id: str) -> int:
    """:raises ValueError: this is no id of that kind"""
    if not mutable_id.startswith("AAMkAGAA"):
        raise ValueError("no item id")
    packed = base64.urlsafe_b64decode(mutable_id[8:])
    if len(packed) < 34:
        raise ValueError("no item id")
    return struct.unpack(">I", packed[26:30])[0]
