# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the owner of a Graph mailbox do in it, and what really lies there?

Works on the server's store itself. Folders have the names a person sees, nested with
``/``; INBOX, Sent, Drafts, Trash, Junk and Archive stand for Outlook's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .graph_store import Folder, Item, Mailbox, Refused
from .mail_user import PeerError

if TYPE_CHECKING:
    from .graph import Graph

STANDARD = {
    "INBOX": "inbox",
    "Sent": "sentitems",
    "Drafts": "drafts",
    "Trash": "deleteditems",
    "Junk": "junkemail",
    "Archive": "archive",
}
_SHOWN = {well_known: name for name, well_known in STANDARD.items()}
_FLAGS = {"\\Seen": "is_read", "\\Flagged": "flagged", "\\Draft": "draft"}


class GraphUser:
    """:param recoverable: what is deleted for good goes to Recoverable Items first, as
    in Exchange: its id still answers, with a folder that no listing shows
    """

    def __init__(self, graph: Graph, mailbox: Mailbox):
        self._graph, self._box = graph, mailbox
        self.recoverable = False

    def __enter__(self) -> GraphUser:
        return self

    def __exit__(self, *exc) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is open."""

    # --- what a user does -------------------------------------------------------------

    def append(
        self,
        folder: str,
        raw: bytes,
        flags: Iterable[str] = (),
        received: datetime | None = None,
        headers: bool = True,
        overrides: dict | None = None,
    ) -> str:
        """Put a mail into a folder. :returns: its immutable id

        :param headers: ``False``: written in Outlook, it has no transport headers
        :param overrides: properties to answer instead of what ``raw`` says, such as
            ``{"from": {"emailAddress": {"name": "X", "address": "/O=EXCHANGELABS"}}}``
        """
        row = self._folder(folder)
        own = row.well_known in ("sentitems", "drafts")
        given = {_FLAGS[flag]: True for flag in flags if flag in _FLAGS}
        given["headerless"] = not headers or (own and self._graph.headerless_sent)
        given["overrides"] = dict(overrides or {})
        if row.well_known == "drafts":
            given["draft"] = True
        when = received or datetime.now(UTC)
        return self._box.do("append", row.id, raw, when, given)

    def move(self, folder: str, ref: str, target: str) -> None:
        self._item(folder, ref)
        self._box.do("move", ref, self._folder(target).id, datetime.now(UTC))

    def copy(self, folder: str, ref: str, target: str) -> str:
        """:returns: the copy's immutable id"""
        self._item(folder, ref)
        return self._box.do("copy", ref, self._folder(target).id)

    def delete(self, folder: str, *refs: str) -> None:
        """As the Delete key does: to Deleted Items."""
        for ref in refs:
            self.move(folder, ref, "Trash")

    def expunge(self, folder: str, *refs: str) -> None:
        """Delete for good."""
        for ref in refs:
            self._item(folder, ref)
            if self.recoverable:
                bin_id = self._box.well_known("recoverableitemsdeletions").id
                self._box.do("move", ref, bin_id, datetime.now(UTC))
            else:
                self._box.do("delete", ref)

    def read(self, folder: str, *refs: str) -> None:
        """Mark as read and flagged."""
        for ref in refs:
            self.flag(folder, ref, "\\Seen", "\\Flagged")

    def flag(self, folder: str, ref: str, *flags: str, on: bool = True) -> None:
        self._item(folder, ref)
        for flag in flags:
            if flag not in _FLAGS:
                raise PeerError(f"Outlook knows no {flag}")
            self._box.do("mark", ref, _FLAGS[flag], on, datetime.now(UTC))

    def override(self, folder: str, ref: str, **properties) -> None:
        """Answer these instead of what the mail says (``from`` is ``from_``)."""
        self._item(folder, ref)
        told = {name.rstrip("_"): value for name, value in properties.items()}
        self._box.do("override", ref, told, datetime.now(UTC))

    def replay(self, folder: str, *refs: str) -> None:
        """Nothing changes, yet the next delta tells these again."""
        for ref in refs:
            self._item(folder, ref)
            self._box.do("touch", ref, datetime.now(UTC))

    def create(self, folder: str, hidden: bool = False) -> None:
        """With the folders above it that are not there yet."""
        parent, name = self._parent(folder, make=True)
        self._do("create", name, parent.id, hidden)

    def rename(self, folder: str, new: str) -> None:
        """Also to another place in the tree: ``rename("A", "Trash/A")``."""
        row = self._folder(folder)
        if row.well_known:
            raise PeerError(f"{folder} cannot be renamed")
        parent, name = self._parent(new, make=True)
        self._do("rename", row.id, name, parent.id)

    def remove(self, folder: str) -> None:
        """Delete a folder with all its mail and folders, for good."""
        self._do("remove", self._folder(folder).id)

    # --- what is true -----------------------------------------------------------------

    def folders(self) -> list[str]:
        with self._box.lock:
            return [self._path(row) for row in self._box.tree()]

    def listing(self, folder: str, deleted: bool = False) -> dict[str, str]:
        """Immutable id -> Message-ID of what lies there."""
        with self._box.lock:
            row = self._folder(folder)
            return {item.id: _message_id(item) for item in self._box.mails(row.id)}

    def flags(self, folder: str) -> dict[str, set[str]]:
        """Immutable id -> flags."""
        with self._box.lock:
            return {
                item.id: {flag for flag, name in _FLAGS.items() if getattr(item, name)}
                for item in self._box.mails(self._folder(folder).id)
            }

    def folder_ref(self, name: str) -> str:
        return self._folder(name).id

    def truth(self, ignore: Iterable[str] = ()) -> set[tuple[str, str, str]]:
        """(folder id, immutable id, Message-ID) of all mail in folders that are shown;
        a draft is none, wherever it lies.

        :param ignore: names or ids of folders that do not count
        """
        skipped = set(ignore)
        with self._box.lock:
            return {
                (row.id, item.id, _message_id(item))
                for row in self._box.tree()
                if row.id not in skipped and self._path(row) not in skipped
                for item in self._box.mails(row.id)
                if not item.draft
            }

    def state(self) -> object:
        """All there is, to see whether anything changed."""
        with self._box.lock:
            folders = {
                row.id: (row.name, row.parent, row.hidden, row.changed)
                for row in self._box.folders.values()
            }
            items = {
                item.id: (item.folder, item.is_read, item.flagged, item.changed)
                for item in self._box.items.values()
            }
            return folders, items

    def mutable_id(self, ref: str) -> str:
        """The id that changes with each move."""
        return self._box.items[ref].mutable_id

    # --- names ------------------------------------------------------------------------

    def _do(self, op: str, *arguments) -> None:
        try:
            self._box.do(op, *arguments)
        except Refused as refused:
            raise PeerError(str(refused)) from refused

    def _item(self, folder: str, ref: str) -> Item:
        item = self._box.items.get(ref)
        if item is None or item.folder != self._folder(folder).id:
            raise PeerError(f"no such mail in {folder}")
        return item

    def _path(self, row: Folder) -> str:
        if row.well_known in _SHOWN:
            return _SHOWN[row.well_known]
        parent = self._box.folders.get(row.parent)
        if parent is None or parent.well_known == "msgfolderroot":
            return row.name
        return f"{self._path(parent)}/{row.name}"

    def _folder(self, path: str) -> Folder:
        found = self._find(path)
        if found is None:
            raise PeerError(f"no folder {path}")
        return found

    def _find(self, path: str) -> Folder | None:
        first, *names = path.split("/")
        if first in STANDARD:
            row = self._box.well_known(STANDARD[first])
        else:
            row, names = self._box.well_known("msgfolderroot"), [first, *names]
        with self._box.lock:
            for name in names:
                children = self._box.folders.values()
                row = next(
                    (f for f in children if f.parent == row.id and f.name == name), None
                )
                if row is None:
                    return None
        return row

    def _parent(self, path: str, make: bool) -> tuple[Folder, str]:
        above, _slash, name = path.rpartition("/")
        if not above:
            if name in STANDARD:
                raise PeerError(f"there is a folder {name!r} already")
            return self._box.well_known("msgfolderroot"), name
        if make and self._find(above) is None:
            self.create(above)
        return self._folder(above), name


def _message_id(item: Item) -> str:
    return item.letter.message_id
