# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""imaplib on a leash: bounded reads, bounded time, nothing remembered, all counted."""

from __future__ import annotations

import imaplib
import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .base import Traffic
from .imap_compress import Deflated

# Bounds are of what is told: of a compressed stream, of what comes out of it.
#: One line: a plain server lists a million UIDs in 8 MB. imaplib's own bound is 1 MB.
MAX_LINE = 12_000_000
#: One literal, and all of one answer, unless a command asks for more.
MAX_LITERAL = 16_000_000
MAX_ANSWER = 64_000_000


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. :param connect: until TCP and TLS stand, for all addresses together
    :param read: between two pieces of an answer :param command: for a whole answer"""

    connect: float = 15.0
    read: float = 30.0
    command: float = 90.0


class TooMuch(imaplib.IMAP4.abort):
    """The server wants to send more than anybody asked for."""


class Connection(imaplib.IMAP4):
    """imaplib over a socket that was opened and checked elsewhere.

    :param sock: connected; the first bytes of the server may be waiting in it
    """

    def __init__(
        self, sock: socket.socket, host: str, timeouts: Timeouts, traffic: Traffic
    ):
        self._given = sock
        self._timeouts = timeouts
        self._traffic = traffic
        self._buffer = bytearray()
        self._held: bytearray | None = None
        self._deflated: Deflated | None = None
        self._awaited = b""
        self._doubted = False
        #: the server could not compress, though it offered to
        self.miscompressed = False
        self.failure = ""
        self.limit_answer()
        super().__init__(host, 0)

    # --- what imaplib lets be overridden ----------------------------------------------

    def open(self, host="", port=0, timeout=None):
        self.host, self.port, self.sock = host, port, self._given

    def read(self, size: int) -> bytes:
        self._admit(size, self._max_literal)
        while len(self._buffer) < size:
            self._receive()
        return self._take(size)

    def readline(self) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > MAX_LINE:
                raise self._too_much()
            if not self._receive(end_is_error=False):
                return b""
        self._admit(end + 1, MAX_LINE)
        line = self._take(end + 1)
        if self._awaited and line.startswith(self._awaited):
            self._compress(line)
        # some servers end some lines with LF alone
        return line if line.endswith(b"\r\n") else line[:-1] + b"\r\n"

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is said within goes out at its end, in one piece."""
        self._held = bytearray()
        try:
            yield
            said, self._held = bytes(self._held), None
            self.send(said)
        finally:
            self._held = None

    def send(self, data: bytes) -> None:
        if self._held is not None:
            self._held += data
            return
        if self._deflated is not None:
            data = self._deflated.deflate(data)
        try:
            self.sock.settimeout(self._patience())
            self.sock.sendall(data)
        except TimeoutError:
            self.failure = "timeout"
            raise
        except OSError:
            self.miscompressed = self.miscompressed or self._doubted
            raise
        self._traffic.sent += len(data)

    def shutdown(self) -> None:
        self._buffer.clear()  # the last error may keep this object for a while
        try:
            self.sock.close()
        except OSError:
            pass

    def _get_capabilities(self):
        """Take them from the greeting where they stand there: one round trip less."""
        told = self.untagged_responses.get("CAPABILITY")
        if told and told[-1]:
            self.capabilities = tuple(str(told[-1], "ascii", "replace").upper().split())
        else:
            super()._get_capabilities()

    def _log(self, line):
        """imaplib keeps the last lines in memory, the one with the password too."""

    def _mesg(self, text, seconds=None):
        """No wire log, at no level."""

    # --- bounds -----------------------------------------------------------------------

    def limit_answer(
        self, answer: int = MAX_ANSWER, literal: int = MAX_LITERAL
    ) -> None:
        """A new command begins: so many bytes and so much time for its answer."""
        self.failure = ""
        self._left = answer
        self._max_literal = literal
        self._deadline = time.monotonic() + self._timeouts.command

    def _admit(self, size: int, most: int) -> None:
        self._left -= size
        if size > most or self._left < 0:
            raise self._too_much()

    def _too_much(self) -> TooMuch:
        self.failure = "garbage"  # imaplib makes other exceptions of ours
        return TooMuch("more than was asked for")

    def _patience(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            self.failure = "timeout"
            raise TimeoutError("command")
        return min(left, self._timeouts.read)

    def _receive(self, end_is_error: bool = True) -> bool:
        patience = self._patience()
        if self._deflated is not None and self._deflated.has_more:
            self._buffer += self._inflated(b"")
            return True
        self.sock.settimeout(patience)
        try:
            octets = self.sock.recv(262_144)
        except TimeoutError:
            if self._doubted:
                raise self._no_stream() from None
            self.failure = "timeout"
            raise
        except OSError:  # reset, as by a firewall that reads IMAP
            self.miscompressed = self.miscompressed or self._doubted
            raise
        if not octets:
            self.miscompressed = self.miscompressed or self._doubted
            if end_is_error:
                raise self.abort("socket error: EOF")
            return False
        self._traffic.received += len(octets)
        self._buffer += octets if self._deflated is None else self._inflated(octets)
        return True

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    # --- compression ------------------------------------------------------------------

    def compress_after(self, tag: bytes) -> None:
        """COMPRESS was said with this tag: the line that accepts it is the last, on

        either side, that is not compressed. Until something was understood after it, it
        is to blame when the server falls silent or hangs up.
        """
        self._awaited, self._doubted = tag + b" ", True

    def _compress(self, answer: bytes) -> None:
        self._awaited = b""
        self._doubted = answer.split()[1:2] == [b"OK"]
        if self._doubted:
            self._deflated = Deflated()
            early = self._take(len(self._buffer))  # came with the answer
            self._buffer += self._inflated(early)

    def _inflated(self, octets: bytes) -> bytes:
        try:
            told = self._deflated.inflate(octets)
        except zlib.error:
            raise self._no_stream() from None
        self._doubted = self._doubted and not told
        return told

    def _no_stream(self) -> imaplib.IMAP4.abort:
        """Like a connection that broke, so that it is tried again over another one."""
        self.miscompressed, self.failure = True, "connection_lost"
        return self.abort("compression")

    # --- TLS --------------------------------------------------------------------------

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Wrap the socket after STARTTLS was accepted (RFC 3501 section 6.2.1).

        :raises ValueError: somebody has put words into the server's mouth before
        """
        if self._buffer:
            raise ValueError("plain text after STARTTLS")
        self.sock.settimeout(self._timeouts.connect)
        self.sock = context.wrap_socket(self.sock, server_hostname=host)
        self._tls_established = True
        self.untagged_responses.clear()
