# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is mail read, page by page, when one mail of the page may be poison?

A page that the server refuses, breaks off or garbles is halved until the one mail that
does it stands alone; the others come through. Only one that the server is silent about
is not looked for: it is set aside when it is asked for alone, in a page of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
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

Row = Mapping[bytes, object]


def read_rows(
    session: Session,
    folder: str,
    uids: Iterable[int],
    items: str,
    needed: bytes,
    answer: int = 64_000_000,
) -> dict[int, Row | None]:
    """FETCH these items. The folder is open.

    :param needed: an item without which a row is no answer
    :return: UID -> items; ``None`` = there, but cannot be had; missing = not there
    """
    wanted = set(uids)
    found: dict[int, Row | None] = {}
    strikes = [MAX_BROKEN]
    for piece in imap_uids.commands(wanted):
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
    uids = imap_uids.write(imap_uids.compress(piece))
    wire = session.wire
    with in_our_words(wire, "FETCH", refusals=False):
        told, _ = wire.fetch_rows(uids, f"({items})", answer=answer)
    wanted = set(piece)
    rows: dict[int, dict] = {}
    broken: dict[int, None] = {}
    for response in told:
        try:
            row = imap_parse.fetched(response)
            uid = int(row.get(b"UID") or 0)
        except (ValueError, TypeError, RecursionError):
            uid = imap_parse.uid_of(response)
            if uid in wanted:
                broken[uid] = None
            continue
        if uid in wanted:  # a server may tell of other mail unasked
            rows.setdefault(uid, {}).update(row)
    return broken | {uid: row for uid, row in rows.items() if needed in row}


def read_presences(
    session: Session,
    folder: str,
    generation: str,
    outgoing: bool | None,
    uids: Sequence[int],
    alone: bool = False,
) -> tuple[list[Presence], list[int]]:
    """Headers and structure of mail, newest first.

    A mail that is there but cannot be read comes with an empty envelope, whose second
    grade is not known either.

    :param alone: that not one of them can be read says nothing about the server
    :return: what is present, and the UIDs that are marked \\Deleted
    """
    items = HEADER_ITEMS
    if "X-GM-EXT-1" in session.wire.capable:
        items += " X-GM-MSGID X-GM-LABELS"
    rows = read_rows(session, folder, uids, items, b"HEADER")
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
    leaves no row; so mail that does not tell shows as mail of the future.
    """
    if received := imap_parse.internal_date(row.get(b"INTERNALDATE")):
        return received
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
