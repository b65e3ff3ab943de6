# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The connection of a mailbox, opened again when the server hangs up."""

from __future__ import annotations

import time

from imapclient.imap_utf7 import encode as utf7_encode

from .base import Traffic, Unavailable
from .imap_connect import Account, open_wire
from .imap_folders import Listed
from .imap_wire import Examined, Refused, Wire, in_our_words

#: Seconds for which a server that does not bear compression is not asked for it.
PLAIN = 86_400.0

#: (host, port) -> until then (time.monotonic); of this process, as it is only a wait
_plain: dict[tuple[str, int], float] = {}

#: A server that hangs up more often than this in one call gets no further call.
MAX_REOPENED = 24


class Session:
    """:param account: opened at once
    :raises: whatever ``imap_connect.open_wire`` does"""

    def __init__(self, account: Account):
        self._account = account
        self.traffic = Traffic()
        #: in one call: connections after the first, and commands without an answer
        self.reopened = self.hung = 0
        self.raw_names: dict[str, bytes] = {}
        self.roles: dict[str, str] = {}
        #: until it goes wrong once: then no more in this session
        self._may_pair = True
        #: of the open folder
        self.uidvalidity = 0
        self.wire: Wire = open_wire(account, self.traffic)
        self.wire.may_compress = self._may_compress()

    def __repr__(self) -> str:
        return f"<Session {self._account.host}>"

    @property
    def host(self) -> str:
        return self._account.host.lower()

    @property
    def _server(self) -> tuple[str, int]:
        return self.host, self._account.port

    def _may_compress(self) -> bool:
        return time.monotonic() >= _plain.get(self._server, 0.0)

    @property
    def login(self) -> str:
        return self._account.login

    def learn(self, listed: list[Listed]) -> None:
        """What the folders are called on the wire, and what each is for."""
        self.raw_names = {entry.folder.ref: entry.raw for entry in listed}
        self.roles = {entry.folder.ref: entry.folder.role for entry in listed}

    def raw(self, folder: str) -> bytes:
        return self.raw_names.get(folder) or utf7_encode(folder)

    def examine(self, folder: str) -> Examined:
        """Open afresh. :raises Refused: it is gone, or not for us"""
        seen = self.wire.examine(self.raw(folder))
        self.uidvalidity = seen.uidvalidity
        return seen

    def is_open(self, folder: str) -> bool:
        return self.wire.selected == self.raw(folder).decode("latin-1")

    def reopen(self, folder: str | None = None) -> None:
        """A new connection, with this folder, and no successor of it, open."""
        self.close()
        self.reopened += 1
        if self.reopened > MAX_REOPENED:
            raise Unavailable("connection_lost", "again and again")
        if self.wire.miscompressed:
            _plain[self._server] = time.monotonic() + PLAIN
        self._may_pair = self._may_pair and not self.wire.mispaired
        self.wire = open_wire(self._account, self.traffic)
        self.wire.may_compress = self._may_compress()
        self.wire.may_pair = self._may_pair
        if folder is not None:
            before = self.uidvalidity
            with in_our_words(self.wire, "EXAMINE"):
                try:
                    same = self.examine(folder).uidvalidity == before
                except Refused:
                    same = False
            if not same:
                raise Unavailable("connection_lost", "the folder is gone")

    def close(self) -> None:
        self.wire.close()
