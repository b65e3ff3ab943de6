# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the owner of a mailbox do in it, and what really lies there?

Plain imaplib, none of the code under test: it plays the mail program next to the
mirror, and it is the witness afterwards.

UIDs go in and come out as refs: strings of ten digits, as in ``Place.ref``.
"""

from __future__ import annotations

import imaplib
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from imapclient.imap_utf7 import decode as utf7_decode
from imapclient.imap_utf7 import encode as utf7_encode


class MailUser:
    """A logged-in mail program; reconnects by itself when the server hung up.

    :param connect: gives a fresh, logged-in ``imaplib.IMAP4``
    """

    def __init__(self, connect):
        self._connect = connect
        self.imap = connect()
        self._selected = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self) -> None:
        try:
            self.imap.logout()
        except (imaplib.IMAP4.error, OSError):
            pass

    # --- what a user does -------------------------------------------------------------

    def append(
        self,
        folder: str,
        raw: bytes,
        flags: Iterable[str] = (),
        received: datetime | None = None,
    ) -> str:
        """Put a mail into a folder. :returns: its ref"""
        when = received or datetime.now(UTC)
        data = self._ok(
            "append",
            _name(folder),
            "(" + " ".join(flags) + ")" if flags else None,
            imaplib.Time2Internaldate(when),
            raw,
        )
        found = re.search(rb"APPENDUID \d+ (\d+)", b" ".join(data))
        return _ref(found[1]) if found else max(self.listing(folder, deleted=True))

    def move(self, folder: str, ref: str, target: str) -> None:
        """MOVE where the server has it, else COPY, \\Deleted, EXPUNGE."""
        self._select(folder)
        if "MOVE" in self.imap.capabilities:
            self._ok("uid", "MOVE", _uid(ref), _name(target))
            return
        self.copy(folder, ref, target)
        self.expunge(folder, ref)

    def copy(self, folder: str, ref: str, target: str) -> None:
        self._select(folder)
        self._ok("uid", "COPY", _uid(ref), _name(target))

    def read(self, folder: str, *refs: str) -> None:
        """Open these mails in the mail program, and put a star on them."""
        for ref in refs:
            self.flag(folder, ref, "\\Seen", "\\Flagged")

    def flag(self, folder: str, ref: str, *flags: str, on: bool = True) -> None:
        self._select(folder)
        sign = "+" if on else "-"
        self._ok("uid", "STORE", _uid(ref), sign + "FLAGS", "(" + " ".join(flags) + ")")

    def expunge(self, folder: str, *refs: str) -> None:
        """Delete for good: these mails, or with none given all that are \\Deleted."""
        self._select(folder)
        for ref in refs:
            self._ok("uid", "STORE", _uid(ref), "+FLAGS", "(\\Deleted)")
        if refs and "UIDPLUS" in self.imap.capabilities:
            self._ok("uid", "EXPUNGE", ",".join(map(_uid, refs)))
        else:
            self._ok("expunge")

    def create(self, folder: str) -> None:
        self._ok("create", _name(folder))

    def rename(self, folder: str, new: str) -> None:
        self._unselect()
        self._ok("rename", _name(folder), _name(new))

    def remove(self, folder: str) -> None:
        """Delete a folder with all its mail."""
        self._unselect()
        self._ok("delete", _name(folder))

    # --- what is true -----------------------------------------------------------------

    def folder_ref(self, name: str) -> str:
        """What ``Place.folder`` calls it."""
        return name

    def folders(self) -> list[str]:
        """Paths of all folders that can be opened."""
        names = []
        for line in self._ok("list", '""', '"*"'):
            if isinstance(line, tuple):
                flags, name = line[0], line[1]
            elif line:
                found = re.match(rb'(\(.*?\)) (?:"[^"]*"|NIL) (.*)$', line)
                flags, name = found[1], found[2]
            else:
                continue
            if b"\\noselect" not in flags.lower():
                if name.startswith(b'"'):
                    name = re.sub(rb"\\(.)", rb"\1", name[1:-1])
                names.append(utf7_decode(name))
        return names

    def listing(self, folder: str, deleted: bool = False) -> dict[str, str]:
        """Ref -> Message-ID of what lies there (without \\Deleted unless asked)."""
        self._select(folder, fresh=True)
        lines = self._ok(
            "uid",
            "FETCH",
            "1:*",
            "(UID FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])",
            untagged="FETCH",
        )
        found = {}
        for index, line in enumerate(lines):
            if not isinstance(line, tuple):
                continue
            after = lines[index + 1] if index + 1 < len(lines) else b""
            after = after if isinstance(after, bytes) else b""
            told = line[0] + b" " + after
            ref = _ref(re.search(rb"UID (\d+)", told)[1])
            if deleted or b"\\deleted" not in told.lower():
                value = line[1].decode("latin-1").partition(":")[2]
                found[ref] = " ".join(value.split())
        return found

    def flags(self, folder: str) -> dict[str, set[str]]:
        """Ref -> flags."""
        self._select(folder, fresh=True)
        found = {}
        for line in self._ok("uid", "FETCH", "1:*", "(UID FLAGS)", untagged="FETCH"):
            if line:
                ref = _ref(re.search(rb"UID (\d+)", line)[1])
                flags = re.search(rb"FLAGS \(([^)]*)\)", line)[1].decode().split()
                found[ref] = set(flags) - {"\\Recent"}
        return found

    def truth(self, ignore: Iterable[str] = ()) -> set[tuple[str, str, str]]:
        """(folder, ref, Message-ID) of every mail that is not \\Deleted."""
        skipped = set(ignore)
        return {
            (folder, ref, message_id)
            for folder in self.folders()
            if folder not in skipped
            for ref, message_id in self.listing(folder).items()
        }

    def state(self) -> dict:
        """All there is to see in the mailbox, flags too."""
        return {
            folder: (self.listing(folder, deleted=True), self.flags(folder))
            for folder in self.folders()
        }

    # --- imaplib ----------------------------------------------------------------------

    def _select(self, folder: str, fresh: bool = False) -> None:
        if fresh or self._selected != folder:
            self._selected = None  # a SELECT that is refused closes the folder too
            try:
                self._ok("select", _name(folder))
            except PeerError as refused:
                # Dovecot's memory of the folder that bore this name before
                if "deleted under us" not in str(refused):
                    raise
                self._reconnect()
                self._ok("select", _name(folder))
            self._selected = folder

    def _unselect(self) -> None:
        """Leave the folder: some servers hang up on who renames the open one."""
        if self._selected is not None:
            self._selected = None
            if "UNSELECT" in self.imap.capabilities:
                self._ok("unselect")
            else:
                self._reconnect()

    def _reconnect(self) -> None:
        self.close()
        self.imap, self._selected = self._connect(), None

    def _ok(self, method: str, *args, untagged: str = ""):
        selected = self._selected
        for attempt in range(3):
            try:
                self.imap.untagged_responses.clear()
                typ, data = getattr(self.imap, method)(*args)
                break
            except (imaplib.IMAP4.abort, OSError):
                if attempt == 2:
                    raise
                time.sleep(0.05)
                self._reconnect()
                if selected is not None and method in ("uid", "expunge"):
                    self._select(selected)
        if typ != "OK":
            raise PeerError(f"{method} {args[:2]}: {typ} {data!r:.200}")
        return data


class PeerError(Exception):
    """The server refused what the test wanted to do."""


def _ref(uid: bytes | str | int) -> str:
    return f"{int(uid):010d}"


def _uid(ref: str | int) -> str:
    """RFC 3501 has no numbers that begin with a zero."""
    return str(int(ref))


def _name(folder: str) -> str:
    name = utf7_encode(folder).decode("ascii")
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
