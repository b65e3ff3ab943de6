# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is mail read, page by page, when one mail of the page may be poison?

A page that the server refuses, breaks off or garbles is halved until the one mail that
does it stands alone; the others come through. Only one that the server is silent about
is not looked for: it is set aside when it is asked for alone, in a page of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from .. import headers
from ..envelope import Envelope, Part
from . import imap_parse, imap_uids
from .base import Place, Presence, Unavailable
from .imap_session import Session
from .imap_wire import Refused, in_our_words, is_busy

#: Header bytes of one mail that are read: 5,000 recipients are 200 kB.
MAX_HEADER = 262_144
#: Mails of one call that may fail before the server itself is held to be ill.
MAX_BROKEN = 20
#: When mail came that tells no possible time, and the first time that is possible.
UNDATED = datetime(2100, 1, 1, tzinfo=UTC)
FIRST_MAIL = datetime(1980, 1, 1, tzinfo=UTC)

_FIELDS = " ".join(field.upper() for field in headers.HEADER_FIELDS)
HEADER_ITEMS = (
    "UID FLAGS INTERNALDATE RFC822.SIZE BODYSTRUCTURE "
    f"BODY.PEEK[HEADER.FIELDS ({_FIELDS})]<0.{MAX_HEADER}>"
)
_MINIMAL_ITEMS = "UID FLAGS INTERNALDATE RFC822.SIZE"

#: Commands that are under way at once, and bytes that they may bring.
AT_ONCE, BYTES_AT_ONCE = 16, 32_000_000

Row = Mapping[bytes, object]


@dataclass(frozen=True)
class Question:
    """What ``read_rows`` will ask: see there."""

    uids: Iterable[int]
    items: str
    needed: bytes
    answer: int = 8_000_000


def read_ahead(
    session: Session, folder: str, questions: Sequence[Question]
) -> list[dict[int, Row]]:
    """Ask all of it in as few round trips as may be. The folder is open.

    Only what comes in good order counts: for the rest ``read_rows`` asks again, piece
    by piece, and finds out what the matter is.

    :return: of each question ``early`` for ``read_rows``
    :raises Unavailable: the server is silent, or does not come back
    """
    pieces = [(of, piece) for of in questions for piece in imap_uids.commands(of.uids)]
    wanted = {uid for of in questions for uid in of.uids}
    rows: dict[int, Row | None] = {}
    # one mail alone may be the one that the server is silent about
    if len(pieces) > 1 and len(wanted) > 1:
        try:
            for some in _at_once(pieces):
                for uid, row in _ask_at_once(session, some, wanted):
                    rows[uid] = {**(rows.get(uid) or {}), **row} if row else None
        except Unavailable as trouble:
            if trouble.code not in ("garbage", "connection_lost"):
                raise
            session.reopen(folder)
    return [
        {uid: row for uid in of.uids if (row := rows.get(uid)) and of.needed in row}
        for of in questions
    ]


def _at_once(pieces: list) -> Iterator[list]:
    some, size = [], 0
    for of, piece in pieces:
        if some and (len(some) >= AT_ONCE or size + of.answer > BYTES_AT_ONCE):
            yield some
            some, size = [], 0
        some.append((of, piece))
        size += of.answer
    if some:
        yield some


def _ask_at_once(session, some, wanted) -> Iterator[tuple[int, Row | None]]:
    """A server may answer them in any order, one in between another: a row tells by
    itself what it answers.
    """
    with in_our_words(session.wire, "FETCH"):
        answers = session.wire.commands(
            "UID",
            [
                (("FETCH", _written(piece), f"({of.items})"), of.answer)
                for of, piece in some
            ],
        )
        for told in answers:
            if not isinstance(told, Refused):
                yield from _rows(imap_parse.responses(told.get("FETCH", [])), wanted)


def read_rows(
    session: Session,
    folder: str,
    uids: Iterable[int],
    items: str,
    needed: bytes,
    answer: int = 64_000_000,
    early: Mapping[int, Row] | None = None,
) -> dict[int, Row | None]:
    """FETCH these items. The folder is open.

    :param needed: an item without which a row is no answer
    :param early: rows that are here already
    :return: UID -> items; ``None`` = there, but cannot be had; missing = not there
    """
    wanted = set(uids)
    found: dict[int, Row | None] = {
        uid: early[uid] for uid in wanted if early and uid in early
    }
    strikes = [MAX_BROKEN]
    for piece in imap_uids.commands(wanted - found.keys()):
        found.update(
            _read_piece(session, folder, piece, items, needed, answer, strikes)
        )
    # NIL is what a mail that is being expunged answers, and an empty part too
    empty = {uid for uid, row in found.items() if row and row[needed] is None}
    silent = (wanted - found.keys()) | empty
    if silent:
        there = _still_there(session, silent)
        for uid in silent:
            row = found.pop(uid, None)
            if uid in there and row is None:
                # passed over in silence: it must not get lost
                row = _read_piece(
                    session, folder, [uid], items, needed, answer, strikes
                )
                row = row.get(uid)
            if uid in there:
                found[uid] = row
    return found


def _still_there(session: Session, uids: Iterable[int]) -> set[int]:
    there: set[int] = set()
    for piece in imap_uids.commands(uids):
        asked = imap_uids.write(imap_uids.compress(piece))
        with in_our_words(session.wire, "SEARCH"):
            found = session.wire.search("UID", asked)
        there.update(imap_uids.expand(found, len(piece)))
    return there


def _read_piece(session, folder, piece, items, needed, answer, strikes) -> dict:
    try:
        return _ask(session, piece, items, needed, answer)
    except Refused as refusal:
        if refusal.answer == "BAD" or is_busy(refusal.text, refusal.code):
            raise
        problem: Exception = refusal
    except Unavailable as trouble:
        if not _may_be_poison(session, trouble, piece):
            raise
        session.reopen(folder)
        problem = trouble
    if len(piece) > 1:
        middle = len(piece) // 2
        halves = (piece[:middle], piece[middle:])
        return {
            uid: row
            for half in halves
            for uid, row in _read_piece(
                session, folder, half, items, needed, answer, strikes
            ).items()
        }
    strikes[0] -= 1
    if strikes[0] < 0:
        raise problem
    return {piece[0]: None}


def _may_be_poison(session: Session, trouble: Unavailable, piece: list[int]) -> bool:
    """Is it worth asking again? Silence costs half a minute: one mail alone, once."""
    if trouble.code != "timeout":
        return trouble.code in ("garbage", "connection_lost")
    session.hung += 1
    return len(piece) == 1 and session.hung == 1


def _ask(session, piece, items, needed, answer) -> dict[int, Row | None]:
    wire = session.wire
    with in_our_words(wire, "FETCH", refusals=False):
        told, _ = wire.fetch_rows(_written(piece), f"({items})", answer=answer)
    rows: dict[int, dict] = {}
    broken: dict[int, None] = {}
    for uid, row in _rows(told, set(piece)):
        if row is None:
            broken[uid] = None
        else:
            rows.setdefault(uid, {}).update(row)
    return broken | {uid: row for uid, row in rows.items() if needed in row}


def _written(piece: list[int]) -> str:
    return imap_uids.write(imap_uids.compress(piece))


def _rows(told, wanted) -> Iterator[tuple[int, Row | None]]:
    """``None``: its answer cannot be read."""
    for response in told:
        try:
            row = imap_parse.fetched(response)
            uid = int(row.get(b"UID") or 0)
        except (ValueError, TypeError, RecursionError):
            row, uid = None, imap_parse.uid_of(response)
        if uid in wanted:  # a server may tell of other mail unasked
            yield uid, row


def headers_ahead(session: Session, folder: str, uids: Iterable[int]) -> dict[int, Row]:
    """``early`` for ``read_presences``, of more mail than one page holds."""
    question = Question(uids, _header_items(session), b"HEADER")
    (early,) = read_ahead(session, folder, [question])
    return early


def _header_items(session: Session) -> str:
    gmail = "X-GM-EXT-1" in session.wire.capable
    return HEADER_ITEMS + (" X-GM-MSGID X-GM-LABELS" if gmail else "")


def read_presences(
    session: Session,
    folder: str,
    generation: str,
    outgoing: bool | None,
    uids: Sequence[int],
    alone: bool = False,
    marked_too: bool = False,
    early: Mapping[int, Row] | None = None,
) -> tuple[list[Presence], list[int]]:
    """Headers and structure of mail, newest first.

    A mail that is there but cannot be read comes with an empty envelope, whose second
    grade is not known either.

    :param alone: that not one of them can be read says nothing about the server
    :param marked_too: what is marked \\Deleted is present as well
    :param early: rows that are here already: see ``headers_ahead``
    :return: what is present, and the UIDs that are marked \\Deleted
    """
    items = _header_items(session)
    rows = read_rows(session, folder, uids, items, b"HEADER", early=early)
    unread = [uid for uid, row in rows.items() if row is None]
    if unread:
        least = read_rows(session, folder, unread, _MINIMAL_ITEMS, b"INTERNALDATE")
        if not alone and len(unread) == len(rows) and not any(least.values()):
            raise Unavailable("server_error", "no mail at all can be read")
        rows.update({uid: least.get(uid) for uid in unread})
    present, deleted = [], []
    for uid in sorted(rows, reverse=True):
        row = rows[uid] or {}
        if _is_deleted(row):
            deleted.append(uid)
            if not marked_too:
                continue
        labels = _lower_words(row.get(b"X-GM-LABELS"))
        if "\\draft" in labels:
            continue
        envelope = envelope_of(row)
        present.append(
            Presence(
                place=Place(folder, generation, imap_uids.ref(uid)),
                received_at=_received(row, envelope),
                size=imap_parse.integer(row.get(b"RFC822.SIZE")),
                key=_gmail_id(row.get(b"X-GM-MSGID")),
                envelope=envelope,
                outgoing=True if "\\sent" in labels else outgoing,
            )
        )
    return present, deleted


def _received(row: Row, envelope: Envelope) -> datetime:
    """INTERNALDATE; where it cannot be read the Date field; else ``UNDATED``.

    It goes into the mail's key: now() would make the mail another one with each
    listing. A date of long ago would put it before the start of the mirror, where it
    leaves no row; so mail that does not tell shows as mail of the future. A server that
    tells of a time before there was mail is believed that it is old: its SEARCH SINCE
    does not name such mail either.
    """
    told = imap_parse.internal_date(row.get(b"INTERNALDATE"))
    if told:
        return max(told, FIRST_MAIL)
    written = envelope.date
    return written if written and written >= FIRST_MAIL else UNDATED


def envelope_of(row: Row) -> Envelope:
    """Both grades, as far as the row tells them."""
    header = row.get(b"HEADER")
    if b"HEADER" not in row:
        return Envelope()
    envelope = headers.parse_envelope(header if isinstance(header, bytes) else b"")
    return replace(envelope, parts=parts_of(row))


def parts_of(row: Row) -> tuple[Part, ...]:
    """The leaves; a structure that cannot be read is one part, the whole mail.

    Its ``ref`` is empty: ``BODY[]``.
    """
    try:
        return imap_parse.parts(row.get(b"BODYSTRUCTURE"))
    except (ValueError, TypeError, LookupError):
        size = imap_parse.integer(row.get(b"RFC822.SIZE"))
        return (Part(ref="", content_type="message/rfc822", size=size),)


def _is_deleted(row: Row) -> bool:
    return "\\deleted" in _lower_words(row.get(b"FLAGS"))


def _lower_words(value: object) -> set[str]:
    if not isinstance(value, list):
        return set()
    return {
        word.decode("utf-8", "replace").lower()
        for word in value
        if isinstance(word, bytes)
    }


def _gmail_id(value: object) -> str:
    """X-GM-MSGID as the Gmail API writes it."""
    return f"{imap_parse.integer(value):x}" if imap_parse.integer(value) else ""
