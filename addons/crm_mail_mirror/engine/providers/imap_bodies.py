# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How are the texts of mail fetched, and nothing but the texts?

Mails that want the same part number share a command, and the commands of a page a round
trip: five of them bring the texts of 600 mails.
"""

from __future__ import annotations

import base64
import binascii
import quopri
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from .. import text
from ..envelope import Body, Envelope, Part
from .base import MessageBroken, MessageGone, Place, ProviderError
from .imap_mail import Question, parts_of, read_ahead, read_rows
from .imap_session import Session

#: Bytes of a text part that are fetched together with those of other mails.
GROUP_PART = 262_144
#: Bytes that one command may bring.
GROUP_BYTES = 4_000_000
#: Bytes of a whole mail that are read where its structure does not tell of the text.
WHOLE = 2_000_000
#: Mails of one page.
PAGE = 250
#: Bytes of an attachment per command.
CHUNK = 524_288

_OPAQUE = {
    "application/pkcs7-mime",
    "application/x-pkcs7-mime",
    "application/ms-tnef",
    "application/vnd.ms-tnef",
}


def pages(envelopes: Mapping[int, Envelope]) -> Iterator[dict[int, Envelope]]:
    """Newest first."""
    uids = sorted(envelopes, reverse=True)
    for start in range(0, len(uids), PAGE):
        yield {uid: envelopes[uid] for uid in uids[start : start + PAGE]}


def read(
    session: Session, folder: str, page: Mapping[int, Envelope]
) -> dict[int, Body | ProviderError]:
    """The texts of one page. The folder is open. What is missing is gone."""
    contents: dict[int, dict[str, bytes]] = {uid: {} for uid in page}
    lost: dict[int, ProviderError] = {}
    refs, asked = [], []
    for (ref, limit), wanted in sorted(_wanted(page).items()):
        for some in _by_bytes(wanted, limit):
            refs.append(ref)
            asked.append(
                Question(
                    tuple(some),
                    f"UID BODY.PEEK[{ref}]<0.{limit}>",
                    f"BODY[{ref}]".encode(),
                    _bound(some.values(), limit),
                )
            )
    told = read_ahead(session, folder, asked)
    for ref, of, early in zip(refs, asked, told, strict=True):
        rows = read_rows(
            session, folder, of.uids, of.items, of.needed, of.answer, early
        )
        for uid in of.uids:
            row = rows.get(uid)
            if row is not None:
                value = row[of.needed]
                contents[uid][ref] = value if isinstance(value, bytes) else b""
            elif uid in rows:
                lost[uid] = MessageBroken("message_broken", "the server refuses it")
            else:
                lost[uid] = MessageGone("message_gone")
    return {
        uid: lost[uid] if uid in lost else _body(envelope, contents[uid])
        for uid, envelope in page.items()
    }


def _bound(sizes: Iterable[int], limit: int) -> int:
    """Bytes that an answer may have; not every server announces sizes exactly."""
    return 100_000 + 2 * sum(min(size + 8_192, limit) for size in sizes)


def _wanted(page: Mapping[int, Envelope]) -> dict[tuple[str, int], dict[int, int]]:
    """(part, bytes at most) -> UID -> size as announced."""
    groups: dict[tuple[str, int], dict[int, int]] = defaultdict(dict)
    for uid, envelope in page.items():
        parts = envelope.parts or ()
        if is_opaque(parts):
            groups["", WHOLE][uid] = WHOLE
            continue
        for part in text.wanted_parts(parts):
            limit = GROUP_PART if part.size <= GROUP_PART else text.MAX_PART
            groups[part.ref, limit][uid] = part.size
    return groups


def is_opaque(parts: tuple[Part, ...]) -> bool:
    """Is the text somewhere within what the structure shows as one part?"""
    if any(not part.ref for part in parts):
        return True
    return not text.wanted_parts(parts) and any(
        part.content_type in _OPAQUE for part in parts
    )


def _by_bytes(wanted: Mapping[int, int], limit: int) -> Iterator[dict[int, int]]:
    some: dict[int, int] = {}
    total = 0
    for uid, size in sorted(wanted.items()):
        size = min(size, limit)
        if some and total + size > GROUP_BYTES:
            yield some
            some, total = {}, 0
        some[uid] = size
        total += size
    if some:
        yield some


def _body(envelope: Envelope, contents: Mapping[str, bytes]) -> Body:
    if "" in contents:
        return text.parse_body(contents[""])
    return text.body_of_parts(envelope.parts or (), contents)


class Attached:
    """The decoded bytes of one part, fetched chunk by chunk."""

    def __init__(self, session: Session, place: Place, ref: str):
        self._session, self._place, self._ref = session, place, ref
        self._uid = int(place.ref)
        rows = read_rows(
            session, place.folder, [self._uid], "UID BODYSTRUCTURE", b"BODYSTRUCTURE"
        )
        row = rows.get(self._uid)
        if row is None:
            raise MessageGone("message_gone")
        part = next((p for p in parts_of(row) if p.ref == ref and ref), None)
        if part is None:
            raise MessageGone("message_gone", "no such part")
        self._encoding = part.encoding

    def __iter__(self) -> Iterator[bytes]:
        if self._encoding == "base64":
            return _from_base64(self._chunks())
        if self._encoding == "quoted-printable":
            return _from_quoted_printable(self._chunks())
        return self._chunks()

    def _chunks(self) -> Iterator[bytes]:
        offset, item = 0, f"BODY[{self._ref}]".encode()
        while True:
            rows = read_rows(
                self._session,
                self._place.folder,
                [self._uid],
                f"UID BODY.PEEK[{self._ref}]<{offset}.{CHUNK}>",
                item,
                answer=2 * CHUNK,
            )
            row = rows.get(self._uid)
            if row is None:
                raise MessageGone("message_gone")
            chunk = row[item] if isinstance(row[item], bytes) else b""
            if chunk:
                yield chunk
            if len(chunk) < CHUNK:
                return
            offset += len(chunk)


def _from_base64(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        rest += bytes(byte for byte in chunk if byte in _ALPHABET)
        whole = len(rest) - len(rest) % 4
        yield base64.b64decode(rest[:whole])
        rest = rest[whole:]
    if len(rest) > 1:
        try:
            yield base64.b64decode(rest + b"=" * (-len(rest) % 4))
        except binascii.Error:
            return


_ALPHABET = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)


def _from_quoted_printable(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        rest += chunk
        whole = rest.rfind(b"\n") + 1
        if whole:
            yield quopri.decodestring(rest[:whole])
            rest = rest[whole:]
    if rest:
        yield quopri.decodestring(rest)
