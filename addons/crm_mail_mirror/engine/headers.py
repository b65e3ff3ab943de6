# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What do the header fields of a mail say? RFC 5322, 2047, 2231, 6532, read leniently.

Over bytes and without the ``email`` package: its modern policy raises on real mail and
is six times slower, and both policies stop reading at a field name with a space in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import addresses, charsets, dates
from .envelope import Address, Envelope

#: Bytes of a header block, and of one field, that are read. 5,000 recipients with names
#: are 400 KB; nothing that people send comes near.
MAX_HEADER = 2_000_000
MAX_FIELD = 1_000_000
#: Bytes of a field that is not a list of people.
MAX_SHORT_FIELD = 100_000
#: Characters of a subject that are kept (RFC 5322 allows a line of 998).
MAX_SUBJECT = 2_000
#: Characters of one field of ``Envelope.headers``, and how many of a name are kept.
MAX_VALUE = 2_000
MAX_REPEATS = 20
#: Ids of a References chain: the first, which names the thread, and the last.
MAX_REFERENCES = 200
#: Characters of a Message-ID (RFC 5322 allows a line of 998).
MAX_ID = 998

#: Fields of the listing grade: who, when, what about, and what it answers.
LISTING_FIELDS: tuple[str, ...] = (
    "message-id",
    "date",
    "subject",
    "from",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "references",
    "in-reply-to",
    "sensitivity",
)
#: Fields of the second grade: what the rules on bulk and automatic mail read. The names
#: are the keys of ``Envelope.headers``.
RULE_FIELDS: tuple[str, ...] = (
    "return-path",
    "list-id",
    "list-unsubscribe",
    "list-post",
    "precedence",
    "auto-submitted",
    "feedback-id",
    "content-type",
    "content-class",
    "x-auto-response-suppress",
    "x-autoreply",
    "x-autorespond",
    "x-failed-recipients",
    "x-campaign",
    "x-campaignid",
    "x-mailgun-sid",
    "x-ses-outgoing",
    "x-mc-user",
)
#: All of both grades: what an IMAP provider asks for with ``BODY.PEEK[HEADER.FIELDS
#: (...)]`` so that its answer, as it comes, can be given to ``parse_envelope``.
HEADER_FIELDS: tuple[str, ...] = LISTING_FIELDS + RULE_FIELDS

parse_date = dates.parse_date

_WANTED = frozenset(name.encode() for name in HEADER_FIELDS)
_HEADER_END = re.compile(rb"\n\r?\n|\r\r")
_WORD_START = re.compile(r"=\?([^\s?*]{1,60})(?:\*[^\s?]{0,40})?\?([bBqQ])\?")
_HEX_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_SPACES = re.compile(r"\s+")
_ID = re.compile(r"<[^<>]{1,1200}>")
_BARE_ID = re.compile(r"[^\s<>()\",;]{3,}+")


# --- fields --------------------------------------------------------------------------


def header_end(raw: bytes, start: int = 0, stop: int | None = None) -> int:
    """Where the body of the entity ``raw[start:stop]`` begins; ``stop`` = nowhere."""
    stop = len(raw) if stop is None else stop
    for line_end in (b"\n", b"\r\n"):  # no header at all
        if raw.startswith(line_end, start, stop):
            return start + len(line_end)
    found = _HEADER_END.search(raw, start, stop)
    return found.end() if found else stop


def fields(
    block: bytes, wanted: frozenset[bytes] | None = None
) -> Iterator[tuple[bytes, bytes]]:
    """The fields of a header block: lower-case name, value with its folds undone.

    A line that is no field and continues none is passed over, and reading goes on.

    :param wanted: names to yield; ``None`` = all
    """
    lines = block[:MAX_HEADER].split(b"\n")
    if len(lines) < 3 and b"\r" in block:
        lines = (
            block[:MAX_HEADER]
            .replace(b"\r\n", b"\n")
            .replace(b"\r", b"\n")
            .split(b"\n")
        )
    name, value, size = None, [], 0
    for line in lines:
        if line[:1] in b" \t" and line[:1]:
            if name is not None and size < MAX_FIELD:
                value.append(line)
                size += len(line)
            continue
        if name is not None:
            yield name, _unfolded(value)
            name = None
        label, colon, rest = line.partition(b":")
        if colon:
            label = label.strip().lower()
            if wanted is None or label in wanted:
                name, value, size = label, [rest], len(rest)
    if name is not None:
        yield name, _unfolded(value)


def _unfolded(lines: list[bytes]) -> bytes:
    if len(lines) == 1:
        return lines[0].strip()[:MAX_FIELD]
    return b"".join([line.rstrip(b"\r") for line in lines]).strip()[:MAX_FIELD]


# --- RFC 2047 ------------------------------------------------------------------------


def decode_header_value(value: bytes | str) -> str:
    """The text of an unstructured field: encoded words read, white space folded.

    Bytes beyond ASCII are UTF-8, else Windows-1252. Neighbouring words of one charset
    are joined before they are decoded, for senders that cut through a character.

    >>> decode_header_value("=?utf-8?q?caf=C3?= =?utf-8?q?=A9?=")
    'café'
    """
    text = charsets.decode(value) if isinstance(value, bytes) else value
    text = decode_words(text) if "=?" in text else text
    return _SPACES.sub(" ", charsets.clean(text)).strip()


def decode_words(text: str) -> str:
    """Encoded words (RFC 2047, language suffix of RFC 2231) in their places."""
    pieces: list[str] = []
    pending: list[tuple[str, str, str]] = []  # charset, encoding, payload
    position, end = 0, -1
    while start := _WORD_START.search(text, position):
        if end < start.end():
            end = text.find("?=", start.end())
            if end < 0:
                break
        if text.find("=?", start.end(), end) >= 0:  # never closed: another begins
            position = _flush_words(pieces, pending, text, position, start.end())
            continue
        between = text[position : start.start()]
        if not pending or between.strip():
            _flush_words(pieces, pending, between, 0, len(between))
        charset, encoding = start.groups()
        pending.append((charset.lower(), encoding.lower(), text[start.end() : end]))
        position = end + 2
    _flush_words(pieces, pending, text, position, len(text))
    return "".join(pieces)


def _flush_words(pieces: list, pending: list, text: str, start: int, stop: int) -> int:
    """Decode the words collected so far, then take over ``text[start:stop]``."""
    run: list[tuple[str, str]] = []
    for number, (charset, encoding, payload) in enumerate(pending):
        run.append((encoding, payload))
        if number + 1 == len(pending) or pending[number + 1][0] != charset:
            pieces.append(charsets.decode(_word_bytes(run), charset))
            run = []
    pending.clear()
    pieces.append(text[start:stop])
    return stop


def _word_bytes(run: list[tuple[str, str]]) -> bytes:
    decoded, unfinished = [], ""
    for encoding, payload in run:
        if encoding == "b":
            payload = unfinished + "".join(payload.split())
            unfinished = ""
            if len(payload) % 4 and not payload.endswith("="):
                cut = len(payload) - len(payload) % 4  # base64 cut through its group
                payload, unfinished = payload[:cut], payload[cut:]
            decoded.append(charsets.from_base64(payload.encode("utf-8", "replace")))
        else:
            raw = payload.replace("_", " ").encode("utf-8", "replace")
            decoded.append(
                _HEX_ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), raw)
            )
    if unfinished:
        decoded.append(charsets.from_base64(unfinished.encode("utf-8", "replace")))
    return b"".join(decoded)


# --- structured fields ---------------------------------------------------------------


def parse_addresses(value: bytes | str) -> tuple[Address, ...]:
    """The addresses of an unfolded From, To, Cc, ... field; groups are opened.

    >>> parse_addresses('Team: "Doe, J." <J@X.example>, k@x.example;')
    (Address(name='Doe, J.', email='j@x.example'),
     Address(name='', email='k@x.example'))
    """
    text = charsets.decode(value) if isinstance(value, bytes) else value
    return addresses.parse(charsets.clean(text), decode_words)


def parse_ids(value: bytes | str) -> tuple[str, ...]:
    """All ``<...>`` of a References, In-Reply-To or Message-ID field, oldest first.

    White space inside an id comes from folding and is no part of it. Without any
    bracket, ids that stand alone are taken as they are; free text never.
    """
    text = charsets.decode(value) if isinstance(value, bytes) else value
    text = charsets.clean(text)
    ids = [_SPACES.sub("", found) for found in _ID.findall(text)]
    ids = [found for found in ids if len(found) <= MAX_ID and found != "<>"]
    if not ids and "<" not in text:
        words = text.replace(",", " ").split()
        if all("@" in word[1:-1] and _BARE_ID.fullmatch(word) for word in words):
            ids = [word[:MAX_ID] for word in words]
    if len(ids) > MAX_REFERENCES:
        ids = ids[:1] + ids[1 - MAX_REFERENCES :]
    return tuple(ids)


def parse_envelope(raw: bytes, rule_fields: bool = True) -> Envelope:
    """Read the header fields of a mail; never raises, whatever the bytes.

    :param raw: a whole mail, or a header block alone such as the answer to IMAP
        HEADER.FIELDS; LF, CRLF or CR line ends
    :param rule_fields: fill ``Envelope.headers`` too (``{}`` when none of the fields is
        there, unlike ``None`` = not known)

    A field that may stand once is read where it stands first, recipients of repeated To
    or Cc fields are all kept. ``Envelope.parts`` stays ``None``: headers do not tell.
    """
    found: dict[bytes, list[bytes]] = {}
    for name, value in fields(raw[: header_end(raw)], _WANTED):
        found.setdefault(name, []).append(value)

    def first(name: bytes) -> bytes:
        return next((value for value in found.get(name, ()) if value), b"")[
            :MAX_SHORT_FIELD
        ]

    def people(name: bytes) -> tuple[Address, ...]:
        values = found.get(name)
        return parse_addresses(b", ".join(values)[:MAX_FIELD]) if values else ()

    subject = first(b"subject")
    return Envelope(
        message_id=next(iter(parse_ids(first(b"message-id"))), ""),
        date=parse_date(first(b"date")),
        subject=decode_header_value(subject)[:MAX_SUBJECT],
        authors=people(b"from"),
        to=people(b"to"),
        cc=people(b"cc"),
        bcc=people(b"bcc"),
        reply_to=people(b"reply-to"),
        references=parse_ids(first(b"references")),
        in_reply_to=parse_ids(first(b"in-reply-to")),
        headers=_rule_values(found) if rule_fields else None,
        raw_subject=charsets.clean(charsets.decode(subject))[:MAX_SUBJECT],
        sensitivity=decode_header_value(first(b"sensitivity")).lower()[:MAX_VALUE],
    )


def _rule_values(found: dict[bytes, list[bytes]]) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(
            decode_header_value(value[:MAX_VALUE]) for value in values[:MAX_REPEATS]
        )
        for name in RULE_FIELDS
        if (values := found.get(name.encode()))
    }
