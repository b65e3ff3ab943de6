# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""An IMAP server that misbehaves on demand; else it is just good enough.

One mailbox, INBOX with ``mails``; every answer can be replaced::

    with Hostile({"UID FETCH": hang}) as server: ...
    with Hostile({"LOGIN": answer("{tag} NO [LIMIT] too many\\r\\n")}) as server: ...
"""

from __future__ import annotations

import re
import socket
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping

Script = Callable[["Connection", str, str], None]


class Connection:
    """One client. :param sock: what scripts write to"""

    def __init__(self, sock: socket.socket, server: Hostile):
        self.sock, self.server = sock, server
        self.said = self.heard = None

    def send(self, text: str | bytes) -> None:
        octets = text.encode("latin-1") if isinstance(text, str) else text
        if self.said is not None:
            octets = self.said.compress(octets) + self.said.flush(zlib.Z_SYNC_FLUSH)
        self.sock.sendall(octets)

    def compress(self) -> None:
        """From here on, both ways (RFC 4978)."""
        self.said = zlib.compressobj(wbits=-15)
        self.heard = zlib.decompressobj(wbits=-15)

    def inflated(self, octets: bytes) -> bytes:
        return octets if self.heard is None else self.heard.decompress(octets)

    def lines(self) -> Iterator[str]:
        rest = b""
        while octets := self.sock.recv(65536):
            *lines, rest = (rest + self.inflated(octets)).split(b"\n")
            yield from (line.decode("latin-1").rstrip("\r") for line in lines)


# --- what it may do instead of an answer ----------------------------------------------


def hang(client: Connection, tag: str, line: str) -> None:
    """Say nothing more, and keep the connection."""
    client.server.stopped.wait(60)


def close(client: Connection, tag: str, line: str) -> None:
    client.sock.shutdown(socket.SHUT_RDWR)


def garbage(client: Connection, tag: str, line: str) -> None:
    client.send(bytes(range(256)) * 20 + b"\r\n")


def flood(client: Connection, tag: str, line: str) -> None:
    """A line without an end."""
    for _ in range(4_000):
        client.send(b"x" * 100_000)


def drip(client: Connection, tag: str, line: str) -> None:
    """A byte now and then, for ever."""
    while not client.server.stopped.wait(0.2):
        client.send(b"x")


def chatter(client: Connection, tag: str, line: str) -> None:
    """Untagged answers for ever."""
    for _ in range(1_000_000):
        client.send(b"* OK still here\r\n" * 1000)


def bye(client: Connection, tag: str, line: str) -> None:
    client.send("* BYE shutting down\r\n")
    client.sock.shutdown(socket.SHUT_RDWR)


def two_gigabytes(client: Connection, tag: str, line: str) -> None:
    """A literal nobody asked for; all of it would come."""
    client.send("* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM)]<0> {2147483648}\r\n")
    for _ in range(1000):
        client.send(b"y" * 65536)


def answer(text: str) -> Script:
    """This text; ``{tag}`` is filled in."""

    def script(client: Connection, tag: str, line: str) -> None:
        client.send(text.replace("{tag}", tag))

    return script


class Hostile:
    """:param scripts: verb -> what to do instead; ``GREETING`` too
    :param mails: UID -> header; their text is always ``hello``
    :param items: UID -> further FETCH items, such as Gmail's
    :param poison: UIDs whose FETCH gets ``poisoned`` instead
    """

    host = "localhost"
    ca_file = ""

    def __init__(
        self,
        scripts: Mapping[str, Script] | None = None,
        *,
        mails: Mapping[int, bytes] | None = None,
        capabilities: str = "IMAP4rev1",
        poison: Mapping[int, Script] | None = None,
        items: Mapping[int, str] | None = None,
    ):
        self.scripts = dict(scripts or {})
        default = {1: b"From: a@b.example\r\nMessage-ID: <1@x>\r\nSubject: one\r\n\r\n"}
        self.mails = dict(default if mails is None else mails)
        self.capabilities = capabilities
        self.poison = dict(poison or {})
        self.items = dict(items or {})
        self.stopped = threading.Event()
        self.connections = 0
        self.lines: list[str] = []

    def __enter__(self) -> Hostile:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc) -> None:
        self.stopped.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        client = Connection(sock, self)
        try:
            greet = self.scripts.get("GREETING", answer("* OK ready\r\n"))
            greet(client, "*", "")
            for line in client.lines():
                self.lines.append(line)
                tag, _space, rest = line.partition(" ")
                self._answer(client, tag, rest)
        except (OSError, ValueError, zlib.error):
            pass
        finally:
            sock.close()

    def _answer(self, client: Connection, tag: str, rest: str) -> None:
        words = rest.upper().split() or ["NOTHING"]
        verb = " ".join(words[:2]) if words[0] == "UID" else words[0]
        if verb in self.scripts:
            self.scripts[verb](client, tag, rest)
            return
        getattr(self, "_" + verb.replace(" ", "_").lower(), self._other)(
            client, tag, rest
        )

    def _other(self, client, tag, rest):
        client.send(f"{tag} OK done\r\n")

    def _capability(self, client, tag, rest):
        client.send(f"* CAPABILITY {self.capabilities}\r\n{tag} OK done\r\n")

    def _compress(self, client, tag, rest):
        offered = "COMPRESS=DEFLATE" in self.capabilities
        client.send(f"{tag} {'OK' if offered else 'BAD'} done\r\n")
        if offered:
            client.compress()

    def _list(self, client, tag, rest):
        client.send(f'* LIST () "/" INBOX\r\n{tag} OK done\r\n')

    def _status(self, client, tag, rest):
        uidnext = max(self.mails, default=0) + 1
        client.send(
            f"* STATUS INBOX (MESSAGES {len(self.mails)} UIDNEXT {uidnext} "
            f"UIDVALIDITY 7)\r\n{tag} OK done\r\n"
        )

    def _examine(self, client, tag, rest):
        uidnext = max(self.mails, default=0) + 1
        client.send(
            f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n"
            f"* OK [UIDNEXT {uidnext}] ok\r\n{tag} OK [READ-ONLY] done\r\n"
        )

    def _uid_search(self, client, tag, rest):
        uids = sorted(self.mails)
        if "DELETED" in rest.upper().split():
            uids = []
        elif found := re.search(r"UID ([\d:,*]+)", rest[4:], re.IGNORECASE):
            asked = found[1] if found[1] != "*" else str(max(uids))
            uids = [uid for uid in uids if _within(uid, asked)]
        client.send(f"* SEARCH {' '.join(map(str, uids))}\r\n{tag} OK done\r\n")

    def _uid_fetch(self, client, tag, rest):
        asked = rest.split()[2]
        for number, (uid, header) in enumerate(sorted(self.mails.items()), 1):
            if not _within(uid, asked):
                continue
            if uid in self.poison:
                self.poison[uid](client, tag, rest)
                return
            items = [f"UID {uid} FLAGS () RFC822.SIZE {len(header) + 7}"]
            items.append('INTERNALDATE "01-Jan-2026 10:00:00 +0000"')
            items.extend([self.items[uid]] if uid in self.items else [])
            if "BODYSTRUCTURE" in rest:
                items.append('BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 7 1)')
            client.send(f"* {number} FETCH ({' '.join(items)}")
            found = re.search(r"BODY\.PEEK(\[.*?\])(?:<(\d+)\.(\d+)>)?", rest)
            if found:
                content = header if "HEADER" in found[1] else b"hello\r\n"
                content = content[: int(found[3] or 10**9)]
                client.send(
                    f" BODY{found[1]}<0> {{{len(content)}}}\r\n".encode() + content
                )
            client.send(")\r\n")
        client.send(f"{tag} OK done\r\n")


def _within(uid: int, asked: str) -> bool:
    for piece in asked.split(","):
        low, _colon, high = piece.partition(":")
        if int(low) <= uid <= (10**10 if high == "*" else int(high or low)):
            return True
    return False
