# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What can the owner of a mailbox do in it, and see there, at any provider?

Each peer has one: ``MailUser`` (IMAP), ``GoogleUser``, ``GraphUser``. They speak to the
server as another program would; none of the code under test is in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol


class MailOwner(Protocol):
    """Folders are named as a person sees them: INBOX, Sent, Drafts, Trash, Junk,
    Archive, and the owner's own. Refs are those of ``Place.ref``.

    Every method may raise ``PeerError`` when the server refuses.
    """

    def append(
        self,
        folder: str,
        raw: bytes,
        flags: Iterable[str] = (),
        received: datetime | None = None,
    ) -> str:
        """Put a mail into a folder. :return: its ref"""

    def move(self, folder: str, ref: str, target: str) -> None: ...

    def copy(self, folder: str, ref: str, target: str) -> None: ...

    def expunge(self, folder: str, *refs: str) -> None:
        """Delete for good, not into the trash."""

    def read(self, folder: str, *refs: str) -> None:
        """Mark as read and with a star."""

    def create(self, folder: str) -> None: ...

    def rename(self, folder: str, new: str) -> None: ...

    def remove(self, folder: str) -> None:
        """Delete a folder, with its mail where mail lies in folders."""

    def folders(self) -> list[str]: ...

    def folder_ref(self, name: str) -> str:
        """What ``Place.folder`` calls it."""

    def listing(self, folder: str) -> dict[str, str]:
        """Ref -> Message-ID."""

    def truth(self, ignore: Iterable[str] = ()) -> set[tuple[str, str, str]]:
        """(folder ref, ref, Message-ID) of all mail.

        :param ignore: names or refs of folders whose mail does not count
        """

    def state(self) -> object:
        """All there is to see, marks and labels too: equal when nothing changed."""

    def close(self) -> None: ...
