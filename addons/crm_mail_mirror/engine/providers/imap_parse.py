# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a line of an IMAP answer say? (RFC 3501 section 9)

imapclient's own parser reads byte by byte and gives up a whole answer for one bad mail.
This one is a regular expression per token, and reads mail by mail.

A *response* is what imaplib leaves of one untagged answer: ``[(text, literal), ...,
text]``; each text but the last ends with ``{size}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from .. import mime
from ..envelope import Part

#: The last two, the end and what is no token, match everywhere: nothing is looked for
#: further on, however long a line of spaces or of open brackets is.
_TOKEN = re.compile(
    rb'\s*+(?:([()])|"((?:[^"\\]|\\.)*+)"|\{(\d{1,19})\+?\}$'
    rb"|((?:BODY|BINARY|body|Body)(?:\.[A-Za-z]{1,9})?\[[^\]]{0,2000}+\](?:<\d+>)?"
    rb'|[^\s()"]++)|(\Z)|(.++))',
    re.DOTALL,
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
#: Deeper and larger trees than any mail program makes are cut.
MAX_DEPTH = 50
MAX_PARTS = 500
#: Characters of a type, an encoding or a disposition; digits of a number (64 bits).
MAX_WORD, MAX_DIGITS = 100, 19

Response = list


def responses(
    records: Iterable[bytes | tuple[bytes, bytes] | None],
) -> Iterator[Response]:
    """Group imaplib's records into responses."""
    response: Response = []
    for record in records:
        if record is None:
            continue
        response.append(record)
        if isinstance(record, bytes):
            yield response
            response = []
    if response:
        yield response


def tokens(response: Response) -> list:
    """A response as nested lists of ``bytes`` and ``None`` (NIL).

    Quoted strings and literals come out as ``bytes`` too: where it matters, as in a
    folder called NIL, only a bare NIL is ``None``.

    :raises ValueError: it does not follow the grammar
    """
    top: list = []
    stack, current = [], top
    for record in response:
        text, literal = record if isinstance(record, tuple) else (record, None)
        for match in _TOKEN.finditer(text):
            which = match.lastindex
            if which == 4:
                word = match[4]
                current.append(None if word.upper() == b"NIL" else word)
            elif which == 1:
                if match[1] == b"(":
                    stack.append(current)
                    inner: list = []
                    current.append(inner)
                    current = inner
                elif stack:
                    current = stack.pop()
                else:
                    raise ValueError("closed too often")
            elif which == 2:
                word = match[2]
                current.append(_ESCAPED.sub(rb"\1", word) if b"\\" in word else word)
            elif which == 3:
                if literal is None or len(literal) != int(match[3]):
                    raise ValueError("literal of another size")
                current.append(literal)
            elif which == 6:
                raise ValueError("broken response")
    if stack:
        raise ValueError("not closed")
    return top


def fetched(response: Response) -> dict[bytes, object]:
    """The items of one FETCH response; ``b"UID"`` etc. in upper case.

    Headers come under ``b"HEADER"``, a part under ``b"BODY[1.2]"``, whatever offset
    the server repeats.
    """
    items = tokens(response)
    if len(items) != 2 or not isinstance(items[1], list) or len(items[1]) % 2:
        raise ValueError("not a FETCH response")
    row: dict[bytes, object] = {}
    pairs = iter(items[1])
    for name, value in zip(pairs, pairs, strict=True):
        if not isinstance(name, bytes):
            raise ValueError("item without a name")
        name = name.upper()
        if name.startswith(b"BODY["):
            name = name.partition(b"]")[0] + b"]"
            if name.startswith(b"BODY[HEADER"):
                name = b"HEADER"
        row[name] = value
    return row


_UID = re.compile(rb"[( ]UID (\d{1,10})[ )]", re.IGNORECASE)


def uid_of(response: Response) -> int | None:
    """The UID of a FETCH response, however broken the rest of it may be."""
    for record in response:
        text = record[0] if isinstance(record, tuple) else record
        found = _UID.search(text)
        if found:
            return int(found[1])
    return None


_MONTHS = {
    name: number
    for number, name in enumerate(
        b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1
    )
}
#: In the last one there is, a day more would be no date.
LAST_YEAR = 9998
_DATE = re.compile(
    rb"\s*(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"
)


def internal_date(value: object) -> datetime | None:
    """``17-Jul-1996 02:44:25 -0700`` in UTC; ``None`` when it is no date."""
    match = _DATE.match(value) if isinstance(value, bytes) else None
    if not match:
        return None
    try:
        if int(match[3]) > LAST_YEAR:
            return None
        moment = datetime(
            int(match[3]),
            _MONTHS[match[2].lower()],
            int(match[1]),
            int(match[4]),
            int(match[5]),
            min(int(match[6]), 59),
            tzinfo=UTC,
        )
        offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
        return moment + offset if match[7] == b"-" else moment - offset
    except (ValueError, KeyError, OverflowError):
        return None


def parts(structure: object) -> tuple[Part, ...]:
    """The leaves of a BODYSTRUCTURE, with part numbers of RFC 3501 section 6.4.5.

    ``params["multipart"]`` tells what is around each leaf, as ``text.wanted_parts``
    wants it.

    :raises ValueError: it is no BODYSTRUCTURE
    """
    found: list[Part] = []
    # (node, part number, subtypes around it, whether it is a message's own body)
    waiting: list[tuple] = [(structure, "", (), True)]
    while waiting:
        node, number, around, is_body = waiting.pop()
        if not isinstance(node, list) or not node:
            raise ValueError("not a body")
        if len(around) > MAX_DEPTH or len(found) >= MAX_PARTS:
            continue
        if isinstance(node[0], list):
            split = next(
                (i for i, child in enumerate(node) if not isinstance(child, list)),
                len(node),
            )
            children = node[:split]
            subtype = _word(node[split]) if split < len(node) else "mixed"
            prefix = number + "." if number else ""
            waiting.extend(
                (child, f"{prefix}{index}", (*around, subtype), False)
                for index, child in reversed(list(enumerate(children, 1)))
            )
            continue
        if is_body:
            number = f"{number}.1" if number else "1"
        part = _leaf(node, number, around)
        found.append(part)
        if part.content_type == "message/rfc822" and len(node) > 8:
            if isinstance(node[8], list):
                waiting.append((node[8], number, (*around, "rfc822"), True))
    return tuple(found)


def _leaf(node: list, number: str, around: tuple) -> Part:
    if len(node) < 7:
        raise ValueError("short body")
    content_type = f"{_word(node[0])}/{_word(node[1])}"
    params = _parameters(_pairs(node[2]))
    # body-fields are seven; text adds lines, message/rfc822 an envelope, a body, lines
    extension = 7
    if content_type.startswith("text/"):
        extension = 8
    elif content_type == "message/rfc822" and len(node) > 9:
        extension = 10
    disposition, naming = "", {}
    # md5, disposition, language, location; some servers leave the lines out
    for value in node[extension : extension + 3]:
        if isinstance(value, bytes) and value.lower().startswith(b"attachment;"):
            disposition, naming = mime.parameters(value)  # pymap leaves it unparsed
            break
        if isinstance(value, list) and value and isinstance(value[0], bytes):
            if len(value) == 2 and (value[1] is None or isinstance(value[1], list)):
                disposition = _word(value[0])
                naming = _parameters(_pairs(value[1]))
                break
    filename = mime.filename_of(naming, params)
    params["multipart"] = "/".join(around)
    return Part(
        ref=number,
        content_type=content_type,
        size=integer(node[6]),
        encoding=_word(node[5]),
        charset=params.get("charset", ""),
        disposition=mime.disposition_of(disposition),
        filename=filename,
        params=params,
    )


def _word(value: object) -> str:
    if not isinstance(value, bytes):
        return ""
    word = value[:MAX_WORD].decode("ascii", "replace").strip().lower()
    # as a literal it may hold anything, NUL too
    return word if word.isprintable() else "".join(filter(str.isprintable, word))


def integer(value: object) -> int:
    """A number as IMAP writes it; 0 for anything else, and for what no number is."""
    if isinstance(value, bytes) and value.isdigit() and len(value) <= MAX_DIGITS:
        return int(value)
    return 0


def _pairs(value: object) -> list[tuple[bytes, bytes]]:
    if not isinstance(value, list):
        return []
    return [
        (name, text)
        for name, text in zip(value[::2], value[1::2], strict=False)
        if isinstance(name, bytes) and isinstance(text, bytes)
    ]


def _parameters(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Parameters by name, with what ``mime`` knows of RFC 2231 and 2047."""
    if all(b"*" not in name and _is_simple(value) for name, value in pairs):
        plain: dict[str, str] = {}
        for name, value in pairs:
            plain.setdefault(
                name.decode("ascii", "replace").lower(), value.decode("ascii")
            )
        return plain
    field = b"x/x" + b"".join(
        b'; %s="%s"' % (name, _TO_ESCAPE.sub(rb"\\\g<0>", value))
        for name, value in pairs
    )
    return mime.parameters(field)[1]


_TO_ESCAPE = re.compile(rb'[\\"]')
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


def _is_simple(value: bytes) -> bool:
    return value.isascii() and b"=?" not in value and not _CONTROL.search(value)
