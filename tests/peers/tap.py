# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What really goes over the wire? A proxy that writes it down, and can cut it."""

from __future__ import annotations

import re
import socket
import threading
import zlib
from collections.abc import Callable


class Tap:
    """Listens on ``port`` and passes on to a server on this machine.

    :param cut_after: bytes of the server after which each connection is cut; ``None`` =
        never. May be changed while it runs
    :ivar said, heard: by the client, as it went over the wire
    :ivar asked, told: the same as it was meant, where IMAP's COMPRESS was accepted
    :ivar before_each: called when the client asks something, before the server hears it
    """

    host = "localhost"

    def __init__(self, port: int, cut_after: int | None = None):
        self._target = port
        self.cut_after = cut_after
        self.said = bytearray()
        self.heard = bytearray()
        self.asked = bytearray()
        self.told = bytearray()
        self.connections = 0
        self.before_each: Callable[[], None] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._listener.close()

    @property
    def commands(self) -> list[str]:
        """What the client said, line by line, without tags."""
        lines = bytes(self.asked).decode("latin-1").split("\r\n")
        return [line.partition(" ")[2] for line in lines if " " in line]

    def forget(self) -> None:
        for record in (self.said, self.heard, self.asked, self.told):
            record.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(("127.0.0.1", self._target))
            for each in (client, server):  # small pieces go on at once
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answered = threading.Event()
            answered.set()
            meant = _Meant()
            for source, target, records, is_server in (
                (client, server, (self.said, self.asked, meant.asked), False),
                (server, client, (self.heard, self.told, meant.told), True),
            ):
                threading.Thread(
                    target=self._pass_on,
                    args=(source, target, records, is_server, answered),
                    daemon=True,
                ).start()

    def _pass_on(self, source, target, records, is_server, answered) -> None:
        """:param answered: nothing is being asked: what the client says is new"""
        left = self.cut_after if is_server else None
        wire, meant, means = records
        try:
            while octets := source.recv(65536):
                if is_server:
                    answered.set()
                elif answered.is_set():
                    answered.clear()
                    if self.before_each:
                        self.before_each()
                if left is not None:
                    octets = octets[:left]
                    left -= len(octets)
                wire.extend(octets)
                meant.extend(means(octets))
                target.sendall(octets)
                if left == 0:
                    break
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class _Meant:
    """What one connection says, inflated from the answer to COMPRESS on (RFC 4978)."""

    def __init__(self):
        self._accepted: re.Pattern | None = None
        self._inflate: list = []
        self._line = b""

    def asked(self, octets: bytes) -> bytes:
        if self._inflate:
            return self._inflate[0](octets)
        if found := re.search(rb"^(\S+) COMPRESS DEFLATE\r\n", octets, re.MULTILINE):
            self._accepted = re.compile(rb"^%s OK.*\n" % found[1], re.MULTILINE)
        return octets

    def told(self, octets: bytes) -> bytes:
        if self._inflate:
            return self._inflate[1](octets)
        whole = self._line + octets
        found = self._accepted.search(whole) if self._accepted else None
        if not found:
            self._line = whole.rpartition(b"\n")[2]
            return octets
        self._inflate = [zlib.decompressobj(wbits=-15).decompress for _ in range(2)]
        return octets[: found.end() - len(self._line)] + self.told(whole[found.end() :])
