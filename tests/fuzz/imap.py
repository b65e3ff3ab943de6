# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Target: an IMAP server that says whatever it likes, from greeting to attachment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from unittest import mock

from engine.envelope import Body, Envelope
from engine.providers import (
    imap,
    imap_connect,
    imap_mail,
    imap_parse,
    imap_uids,
    imap_wire,
)
from engine.providers.base import Budget, Lookup, Place, ProviderError, Query
from engine.providers.imap_socket import Timeouts

from tests.fuzz import judge, talk
from tests.peers.hostile import Connection, Hostile

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
MAILS = {
    uid: f"From: a{uid}@b.example\r\nMessage-ID: <{uid}@x>\r\n\r\n".encode()
    for uid in (1, 2, 3)
}
#: Connections of one conversation: who hangs up each time is not called for ever.
MOST_CALLS = 200


class _Ear:
    """What answers are written to."""

    def __init__(self):
        self.heard = bytearray()

    def sendall(self, data: bytes) -> None:
        self.heard += data

    def shutdown(self, how) -> None:
        """Nothing more will come: the end of the buffer says so."""


class Socket:
    """A connection whose other end is a script."""

    def __init__(self, script: talk.Script, server: Hostile):
        self._script, self._server, self._ear = script, server, _Ear()
        self._client = Connection(self._ear, server)
        greeting = script.answer(b"GREETING")
        self._ear.heard += b"* OK ready\r\n" if greeting is None else greeting

    def sendall(self, data: bytes) -> None:
        if self._client.heard is not None:
            data = self._client.inflated(data)
        for line in data.removesuffix(b"\r\n").split(b"\r\n"):
            self._hear(line)

    def _hear(self, line: bytes) -> None:
        tag, _space, rest = line.partition(b" ")
        question = rest.upper()
        told = self._script.answer(question[:200])
        if told is not None:
            self._client.send(told.replace(b"{tag}", tag))
        elif not rest:
            self._client.send(b"* OK go on\r\n")
        else:
            self._server._answer(
                self._client, tag.decode("latin-1"), rest.decode("latin-1")
            )

    def recv(self, size: int) -> bytes:
        taken = bytes(self._ear.heard[:size])
        del self._ear.heard[:size]
        return taken

    def settimeout(self, seconds) -> None:
        """It never waits."""

    def shutdown(self, how) -> None:
        """As ``close``."""

    def close(self) -> None:
        self._ear.heard.clear()


@contextmanager
def _listening(data: bytes) -> Iterator[Callable]:
    """:return: opens a connection to a server with this script"""
    script = talk.Script(data)
    chosen = script.answer(b"CAPABILITIES") or b"IMAP4rev1"
    offered = chosen[:300].decode("latin-1").split()
    server = Hostile(mails=MAILS, capabilities=" ".join(offered))
    calls = []

    def socket_of(account):
        calls.append(account)
        if len(calls) > MOST_CALLS:
            raise talk.TooMany("connections")
        return Socket(script, server)

    def connect():
        return imap.connect(
            "secret",
            host="localhost",
            port=1,
            security="none",
            login="a@b.example",
            allowed_hosts=("localhost",),
            timeouts=Timeouts(5.0, 5.0, 5.0),
        )

    with mock.patch.object(imap_connect, "_socket", socket_of):
        yield connect


def conversation(data: bytes) -> None:
    """Each method of the provider; only ``ProviderError`` comes out."""
    with talk.no_waiting(), _listening(data) as connect:
        for ask in (_pull, _folders, _questions, _attached):
            try:
                provider = connect()
            except ProviderError as error:
                _in_words(error)
                return
            try:
                ask(provider)
            except ProviderError as error:
                _in_words(error)
            finally:
                provider.close()


def _in_words(error: ProviderError) -> None:
    assert error.code in type(error).codes, error.code


def _folders(provider) -> None:
    for folder in provider.folders():
        judge.folder(folder)


def _pull(provider) -> None:
    cursor = None
    for _round in range(3):
        batch = provider.pull(cursor, None, Budget(mails=50, seconds=5))
        for folder in batch.folders or ():
            judge.folder(folder)
        for absence in batch.absent:
            judge.text(absence.folder, 2_000)
            assert len(absence.ranges) < 100_000
        places = [presence.place for presence in batch.present]
        assert len(places) <= 50, "more than was asked for"
        for presence in batch.present:
            judge.presence(presence)
        mails = [(p.place, p.envelope) for p in batch.present]
        known = []
        for place, answer in provider.facts(mails):
            assert place in places
            if isinstance(answer, Envelope):
                judge.envelope(answer)
                known.append((place, answer))
        came = [place for place, answer in map(_judged, provider.fetch(known))]
        assert sorted(came) == sorted(place for place, _envelope in known)
        cursor = batch.cursor
        if not batch.more:
            break


def _judged(pair):
    place, answer = pair
    if isinstance(answer, Body):
        judge.body(answer)
    else:
        assert isinstance(answer, ProviderError)
    return place, answer


def _questions(provider) -> None:
    places = [Place("INBOX", "7", f"{uid:010d}") for uid in (1, 2, 9)]
    provider.confirm([Lookup(place, "", "<1@x>") for place in places])
    for count in provider.audit(SINCE, refs=True):
        judge.folder(count.folder)
    provider.audit()
    query = Query(("a@b.example",), ("b.example",), ("<1@x>",), ("été",))
    for place in provider.search(query, SINCE):
        judge.place(place)
    for place, answer in provider.envelopes(places):
        assert place in places
        if not isinstance(answer, ProviderError):
            judge.presence(answer)


def _attached(provider) -> None:
    place = Place("INBOX", "7", f"{1:010d}")
    size = 0
    for piece in provider.attachment(place, "1"):
        size += len(piece)
        assert size < 50_000_000, "an attachment without end"


# --- the parser by itself -------------------------------------------------------------

_NO_ANSWER = (ValueError, TypeError, RecursionError)  # those that ``imap_mail`` expects


def answer(data: bytes) -> None:
    """One response: lines, and literals behind those that end in ``{size}``."""
    records: list = []
    lines = data.split(b"\n\x00")
    for number, line in enumerate(lines):
        if number % 2:
            records[-1] = (records[-1] + b"{%d}" % len(line), line)
        else:
            records.append(line)
    for response in imap_parse.responses(records):
        imap_parse.uid_of(response)
        try:
            row = imap_parse.fetched(response)
        except _NO_ANSWER:
            continue
        assert row == imap_parse.fetched(response)
        imap_parse.internal_date(row.get(b"INTERNALDATE"))
        judge.envelope(imap_mail.envelope_of({b"HEADER": b"", **row}))
        judge.moment(imap_mail._received(row, Envelope()))
    for text in (data, data[:200]):
        try:
            ranges = imap_wire.vanished({"VANISHED": [text]})
        except (ValueError, TypeError):
            continue
        assert ranges == imap_uids.merge(ranges)
        assert len(imap_uids.expand(ranges, 10)) <= 10


def seeds() -> Iterator[bytes]:
    fetch = (
        "* 1 FETCH (UID 1 FLAGS (\\Seen) RFC822.SIZE 70 "
        'INTERNALDATE "01-Jan-2026 10:00:00 +0000" BODYSTRUCTURE '
        '(("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "7BIT" 7 1 NIL NIL NIL NIL)'
        '("APPLICATION" "PDF" ("NAME" "a.pdf") NIL NIL "BASE64" 99 NIL '
        '("ATTACHMENT" ("FILENAME" "a.pdf")) NIL NIL) "MIXED" ("BOUNDARY" "b") NIL NIL)'
        " BODY[HEADER.FIELDS (FROM)]<0> {40}\r\nFrom: a@b.example\r\n"
        "Message-ID: <1@x>\r\n\r\n)\r\n{tag} OK done\r\n"
    )
    capabilities = (
        "IMAP4rev1 ESEARCH LIST-STATUS LIST-EXTENDED SPECIAL-USE CONDSTORE QRESYNC "
        "ENABLE UNSELECT NAMESPACE X-GM-EXT-1"
    )
    listed = (
        '* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\Sent) "/" "Sent &AOk-"\r\n'
        "* STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 7 HIGHESTMODSEQ 9)\r\n"
        '* STATUS "Sent &AOk-" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 8 HIGHESTMODSEQ 1)'
        "\r\n{tag} OK done\r\n"
    )
    examined = (
        "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 4] ok\r\n"
        "* OK [HIGHESTMODSEQ 9] ok\r\n{tag} OK [READ-ONLY] done\r\n"
    )
    vanished = "* VANISHED (EARLIER) 1:2,9\r\n* 3 FETCH (UID 3 FLAGS (\\Deleted))\r\n"
    yield b""
    yield talk.written(("CAPABILITIES", capabilities))
    yield talk.written(("UID FETCH", fetch))
    yield talk.written(
        ("CAPABILITIES", capabilities),
        ("LIST", listed),
        ("EXAMINE", examined),
        ("NAMESPACE", '* NAMESPACE (("" "/")) (("~" "/")) NIL\r\n{tag} OK done\r\n'),
        ("ENABLE", "* ENABLED QRESYNC\r\n{tag} OK done\r\n"),
        ("UID SEARCH", '* ESEARCH (TAG "{tag}") UID ALL 1:3\r\n{tag} OK done\r\n'),
        ("CHANGEDSINCE", vanished + "{tag} OK done\r\n"),
        ("UID FETCH", fetch),
    )
    for verb in ("LOGIN", "LIST", "EXAMINE", "UID FETCH", "UID SEARCH", "STATUS"):
        yield talk.written((verb, "{tag} NO [UNAVAILABLE] later\r\n"))
        yield talk.written((verb, "{tag} BAD what\r\n"), (verb, "* BYE gone\r\n"))
    compress = ("CAPABILITIES", "IMAP4rev1 COMPRESS=DEFLATE")
    yield talk.written(compress, ("UID FETCH", fetch))
    yield talk.written(compress, ("COMPRESS", "{tag} OK go\r\n\3\0\xff"))
    yield talk.written(("UID SEARCH", "* SEARCH 3 2 1 99\r\n{tag} OK done\r\n"))
    yield talk.written(("EXAMINE", "* OK [UIDVALIDITY 7] x\r\n{tag} OK done\r\n"))


def answers() -> Iterator[bytes]:
    """Seeds of ``answer``."""
    yield (
        b'1 (UID 7 FLAGS (\\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE'
        b' 4286 BODYSTRUCTURE ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 30'
        b" 92) BODY[HEADER.FIELDS (DATE FROM)] \n\x00From: a@b.example\r\n\r\n\n\x00)"
    )
    yield b"(EARLIER) 41,43:116,118,120:211"
    yield (
        b'1 (UID 7 BODYSTRUCTURE ((("TEXT" "HTML" ("CHARSET" "utf-8") NIL NIL '
        b'"QUOTED-PRINTABLE" 3000 92 NIL ("inline" NIL) NIL)("IMAGE" "PNG" ("NAME*0*" '
        b'"utf-8\'\'a%20b" "NAME*1" ".png") "<1>" NIL "BASE64" 30) "RELATED")("MESSAGE"'
        b' "RFC822" NIL NIL NIL "7BIT" 900 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) '
        b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 9 1) 30) "MIXED"))'
    )


WORDS = (
    *(b"{tag} OK done\r\n", b"\r\n", b"\n----\n", b"* BYE ", b"* OK [", b"] "),
    *(b"UID FETCH\n", b"UID SEARCH\n", b"EXAMINE\n", b"LIST\n", b"STATUS\n"),
    *(b"CAPABILITIES\n", b"CHANGEDSINCE\n", b"GREETING\n", b"ENABLE\n", b"NAMESPACE\n"),
    *(b" FETCH (", b"UID ", b"FLAGS (", b"INTERNALDATE ", b"RFC822.SIZE "),
    *(b"BODYSTRUCTURE (", b"BODY[HEADER]", b"BODY[1]<0> ", b"BODY[] ", b"NIL", b"{0}"),
    *(b"{9999999999}\r\n", b"{5}\r\n", b"* SEARCH ", b"* ESEARCH UID ALL ", b'"" '),
    *(b"UIDVALIDITY 7", b"UIDNEXT 4", b"HIGHESTMODSEQ 9", b"MESSAGES 3", b"EXISTS"),
    *(b"4294967295", b"4294967296", b"1:*", b"1:4294967295", b"* VANISHED (EARLIER) "),
    *(b"EXPUNGE", b"X-GM-MSGID ", b"X-GM-LABELS (", b"&AOk-", b"&2D0-", b"&AAA-"),
    *(b"QRESYNC", b"ESEARCH ", b"LIST-STATUS ", b"X-GM-EXT-1 ", b"9" * 60),
    *(b"COMPRESS=DEFLATE ", b"COMPRESS\n"),
)
