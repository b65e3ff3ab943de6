# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""IMAP compressed (RFC 4978): the same mail in fewer bytes; streams that are broken."""

from __future__ import annotations

import socket
import struct
import tracemalloc
import zlib

import pytest
from engine.providers import imap_compress
from engine.providers.base import Budget, Unavailable

from tests.peers import hostile
from tests.peers.hostile import Hostile, answer
from tests.peers.tap import Tap
from tests.providers.conftest import imap_mailbox
from tests.providers.letters import letter, realistic
from tests.providers.store import Store
from tests.providers.test_imap_bad_input import mails, open_

OFFERED = "IMAP4rev1 COMPRESS=DEFLATE"


def texts(store: Store, provider) -> dict:
    told = {}
    for batch in store.sync(provider):
        wanted = [(p.place, p.envelope) for p in batch.present]
        told |= {place.ref: body.text for place, body in provider.fetch(wanted)}
    return told


@pytest.fixture
def compressed(dovecot_compressing, new_login):
    with dovecot_compressing.user(new_login) as owner:
        yield imap_mailbox(dovecot_compressing, new_login, owner)


@pytest.mark.parametrize("security", ["none", "tls"])
def test_mail_is_the_same_in_half_the_bytes_and_as_many_round_trips(
    mailbox_on_dovecot, compressed, security, monkeypatch
):
    monkeypatch.setattr(imap_compress, "PIECE", 5_000)  # an answer is many of them
    told = []
    for mailbox in (mailbox_on_dovecot, compressed):
        for raw, received in realistic(30):
            mailbox.owner.append("INBOX", raw, received=received)
        port = mailbox.port if security == "none" else mailbox.server.tls_port
        trips = []
        with Tap(port) as tap:
            tap.before_each = lambda trips=trips: trips.append(1)
            with mailbox.open(tap, security=security) as provider:
                got, received = texts(Store(), provider), provider.traffic.received
                told.append((got, len(trips), received))
                assert received <= len(tap.heard) < received + 6_000  # TLS

    (plain, trips, size), (same, as_many, less) = told
    assert len(plain) == 30 and same == plain
    assert less <= size / 2
    assert security == "tls" or as_many == trips  # its tickets come at any time


def test_look_that_opens_no_folder_compresses_nothing(compressed):
    compressed.owner.append("INBOX", letter(1))
    store = Store()
    with Tap(compressed.port) as tap:
        for asked in (True, False):
            tap.forget()
            with compressed.open(tap) as provider:
                store.sync(provider)
            assert ("COMPRESS DEFLATE" in tap.commands) is asked


def test_line_that_is_cut_within_the_stream(compressed):
    for raw, received in realistic(30):
        compressed.owner.append("INBOX", raw, received=received)
    with Tap(compressed.port) as tap:
        with compressed.open(tap) as provider:
            whole = texts(Store(), provider)
            size = len(tap.heard)
        tap.forget()
        tap.cut_after = size // 2
        tap.before_each = lambda: (
            tap.connections > 2 and setattr(tap, "cut_after", None)
        )
        with compressed.open(tap) as provider:
            assert texts(Store(), provider) == whole
        assert tap.connections >= 3
        # that a line is cut says nothing about the server
        assert tap.commands.count("COMPRESS DEFLATE") == tap.connections - 1


# --- servers that misbehave -----------------------------------------------------------


@pytest.mark.parametrize(
    "refusal", ["NO not now", "BAD what?", "NO [COMPRESSIONACTIVE] TLS does"]
)
def test_refusal_leaves_it_as_it_was(refusal):
    script = {"COMPRESS": answer(f"{{tag}} {refusal}\r\n")}
    with Hostile(script, mails=mails(3), capabilities=OFFERED) as server:
        with open_(server) as provider:
            assert len(texts(Store(), provider)) == 3

    assert server.connections == 1
    assert sum("COMPRESS" in line for line in server.lines) == 1


def test_answer_to_compress_may_come_first_with_the_others_behind_it():
    """RFC 3501 section 5.5: commands may be answered in any order."""

    def later(client, tag, line):
        client.waiting = tag, line

    def first(client, tag, line):
        answers: list[bytes] = []
        client.sock, sock = _Kept(answers), client.sock
        client.send(f"{tag} OK from here on\r\n")
        client.compress()
        client.server._examine(client, *client.waiting)
        client.sock = sock
        del client.server.scripts["EXAMINE"]
        sock.sendall(b"".join(answers))

    scripts = {"EXAMINE": later, "COMPRESS": first}
    with Hostile(scripts, mails=mails(3), capabilities=OFFERED) as server:
        with open_(server) as provider:
            assert len(texts(Store(), provider)) == 3

    assert server.connections == 1


class _Kept:
    def __init__(self, pieces: list[bytes]):
        self.sendall = pieces.append


def accepted(then: bytes) -> hostile.Script:
    def script(client, tag, line):
        client.send(f"{tag} OK from here on\r\n".encode() + then)

    return script


def reset(client, tag, line):
    """COMPRESS is answered by a firewall, that does not know what comes after it."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sock.close()


def accepted_and_reset(client, tag, line):
    accepted(b"")(client, tag, line)
    reset(client, tag, line)


def mute(client, tag, line):
    """COMPRESS is not answered, nor is what comes after it."""


@pytest.mark.parametrize(
    "script",
    [
        accepted(b""),  # and goes on in plain text
        accepted(b"\xff" * 100),
        accepted(zlib.compress(b"* OK with a header of zlib's\r\n")),
        accepted(b"\x03\x00"),  # the stream ends
        mute,
        hostile.close,
        reset,
        accepted_and_reset,
    ],
    ids=["plain", "garbage", "zlib", "end", "mute", "close", "reset", "then reset"],
)
def test_server_that_cannot_do_it_is_read_without(script):
    with Hostile({"COMPRESS": script}, mails=mails(3), capabilities=OFFERED) as server:
        store = Store()
        with open_(server) as provider:
            assert len(texts(store, provider)) == 3

        assert server.connections == 2
        with open_(server) as provider:  # the next look remembers
            assert len(texts(Store(), provider)) == 3

    assert len(store.places) == 3
    assert server.connections == 3
    assert sum("COMPRESS" in line for line in server.lines) == 1


def test_garbage_far_into_the_stream():
    def broken(client, tag, line):
        if client.said is not None:
            client.sock.sendall(b"\xff" * 100)
        else:
            client.server._uid_fetch(client, tag, line)

    scripts = {"UID FETCH": broken}
    with Hostile(scripts, mails=mails(3), capabilities=OFFERED) as server:
        with open_(server) as provider:
            assert len(texts(Store(), provider)) == 3

    assert server.connections == 2


@pytest.mark.parametrize(
    ("verb", "told"),
    [("UID FETCH", b"x"), ("UID SEARCH", b"* OK still here" + b"!" * 9_000 + b"\r\n")],
    ids=["line", "lines"],
)
def test_bomb_is_bounded(verb, told):
    """A quarter of a megabyte that stands for a quarter of a gigabyte, for ever."""
    stream = zlib.compressobj(wbits=-15)
    some = told * ((1 << 20) // len(told))
    pieces = [stream.compress(some) + stream.flush(zlib.Z_SYNC_FLUSH) for _ in "ab"]
    again = pieces[1] * ((1 << 18) // len(pieces[1]))

    def bomb(client, tag, line):
        client.sock.sendall(pieces[0])
        for _ in range(20):
            client.sock.sendall(again)

    with Hostile({verb: bomb}, mails=mails(3), capabilities=OFFERED) as server:
        tracemalloc.start()
        try:
            with pytest.raises(Unavailable), open_(server) as provider:
                provider.pull(None, None, Budget())
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < 100_000_000  # an answer may have 64 MB
