# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How are the texts of mail fetched, and an attachment when somebody asks for it?

``messages.get`` costs the same whatever it brings, and cannot pick single parts: it
brings all texts of a mail, but attachments by id alone. So one call a mail is the
cheapest, and one more for each text that is so large that it comes by id as well.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from .. import text
from ..envelope import Body, Envelope, Part
from .base import MessageBroken, MessageGone, Place, ProviderError, Unavailable
from .gmail_api import Api
from .gmail_batch import get
from .gmail_errors import Refused, meaning, refused
from .gmail_mail import ALL, HIDDEN, is_cut, leaves, parts_of, trouble
from .web import ATTACHMENT

#: Texts and their places; the headers of the mail are known, those of its parts come
#: again.
FIELDS = "id,labelIds,payload(mimeType,filename,body,parts)"
#: Bytes of text that one request may bring.
GROUP_BYTES = 4_000_000
#: Bytes of one piece of an attachment.
CHUNK = 262_144
_BASE64 = f"{string.ascii_letters}{string.digits}-_+/".encode()
_NO_BASE64 = bytes(set(range(256)).difference(_BASE64))


def read(
    api: Api,
    mails: Sequence[tuple[Place, Envelope]],
    hidden: AbstractSet[str] = HIDDEN,
) -> Iterator[tuple[Place, Body | ProviderError]]:
    """:param hidden: labels of mail that does not count: it is not there"""
    for some in _groups(api, mails):
        ids = [place.ref for place in some if place.folder == ALL]
        found = get(api, ids, format="full", fields=FIELDS)
        for place, envelope in some.items():
            told = found.get(place.ref)
            if place.folder != ALL or place.generation:
                yield place, MessageGone("message_gone", "no such folder")
            else:
                yield place, trouble(place, told, hidden) or _body(api, told, envelope)


def _groups(api: Api, mails) -> Iterator[dict[Place, Envelope]]:
    """As many mails as one request may ask for, and not too much text."""
    some: dict[Place, Envelope] = {}
    total = 0
    for place, envelope in mails:
        size = sum(part.size for part in envelope.parts or () if text.is_text(part))
        if some and (len(some) >= api.bucket.gets or total + size > GROUP_BYTES):
            yield some
            some, total = {}, 0
        some[place] = envelope
        total += size
    if some:
        yield some


def _body(api: Api, told: dict, envelope: Envelope) -> Body | ProviderError:
    parts = envelope.parts
    if parts is None or is_cut(parts):
        parts = parts_of(told.get("payload"))
    nodes = {ref: node for node, ref, _around in leaves(told.get("payload"))}
    contents: dict[str, bytes] = {}
    too_big = False
    for part in text.wanted_parts(parts):
        body = nodes.get(part.ref, {}).get("body")
        body = body if isinstance(body, dict) else {}
        if body.get("data"):
            contents[part.ref] = decoded(body["data"])
        elif isinstance(body.get("attachmentId"), str):
            if part.size > text.MAX_PART:
                too_big = True
                continue
            content = _large(api, told["id"], body["attachmentId"])
            if isinstance(content, ProviderError):
                return content
            contents[part.ref] = content
    made = text.body_of_parts(_in_their_charset(parts, contents), contents)
    return replace(made, truncated=True) if too_big else made


def _large(api: Api, message: str, attachment: str) -> bytes | ProviderError:
    """A text that comes by id. The ids are good for a short time: this is the time."""
    try:
        told = api.execute(api.attachment(message, attachment))
    except Refused as answer:
        if answer.status in (404, 410):
            return MessageGone("message_gone")
        if answer.status == 400:
            return MessageBroken("message_refused", "400")
        raise meaning(answer) from None
    except Unavailable as trouble_:
        if trouble_.code != "garbage":
            raise
        return MessageBroken("message_broken", "unreadable answer")
    return decoded(told.get("data"))


def decoded(data: object) -> bytes:
    """base64url (RFC 4648 section 5), as far as it goes."""
    if not isinstance(data, str):
        return b""
    octets = data.encode("ascii", "ignore").translate(None, _NO_BASE64)
    if len(octets) % 4 == 1:  # one letter too many
        octets = octets[:-1]
    return base64.urlsafe_b64decode(octets + b"=" * (-len(octets) % 4))


def _in_their_charset(
    parts: Sequence[Part], contents: Mapping[str, bytes]
) -> tuple[Part, ...]:
    """Gmail gives most texts in UTF-8, and their Content-Type as it was.

    What reads as UTF-8 beyond ASCII is UTF-8; that other charsets do so by chance does
    not happen in a text of some length. Those of seven bits have escapes.
    """
    return tuple(
        replace(part, charset="utf-8") if _is_utf8(contents.get(part.ref)) else part
        for part in parts
    )


def _is_utf8(content: bytes | None) -> bool:
    if not content or content.isascii() or b"\x1b" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# --- attachments ---------------------------------------------------------------------


def attached(api: Api, place: Place, ref: str) -> Iterator[bytes]:
    """The bytes of one part, decoded while they come.

    :raises MessageGone: the mail, or such a part of it, is not there
    """
    if place.folder != ALL or place.generation:
        raise MessageGone("message_gone", "no such folder")
    found = get(api, [place.ref], format="full", fields=FIELDS)[place.ref]
    if problem := trouble(place, found):
        raise problem
    nodes = {path: node for node, path, _around in leaves(found.get("payload"))}
    body = nodes.get(ref, {}).get("body")
    if not isinstance(body, dict):
        raise MessageGone("message_gone", "no such part")
    if isinstance(body.get("attachmentId"), str):
        return _streamed(api, place.ref, body["attachmentId"])
    content = decoded(body.get("data"))
    return (content[at : at + CHUNK] for at in range(0, len(content), CHUNK))


def _streamed(api: Api, message: str, attachment: str) -> Iterator[bytes]:
    """Out of the answer's JSON as it comes: no attachment lies in memory as a whole."""
    request = api.attachment(message, attachment)
    api.pay(request)
    headers = api.wire.signed(request.headers)
    with api.web.open("GET", request.uri, headers=headers) as incoming:
        pieces = incoming.pieces(*ATTACHMENT)
        if incoming.status != 200:
            answer = refused(incoming.status, incoming.headers, b"".join(pieces))
            if answer.status in (400, 404, 410):
                raise MessageGone("message_gone", str(answer.status))
            raise meaning(answer)
        yield from _from_json(pieces)


def _from_json(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes behind ``"data": "..."``, the only string of letters that long.

    :raises Unavailable: it breaks off before its closing quotation mark
    """
    head = b""
    for piece in pieces:
        head += piece
        before, found, rest = head.partition(b'"data"')
        before, quote, rest = rest.partition(b'"') if found else (b"", b"", b"")
        if quote:
            break
    else:
        if b'"data"' in head:
            raise Unavailable("garbage", "attachment")
        return
    letters, padding = b"", b""
    while True:
        piece, closed, _after = rest.partition(b'"')
        if not padding:  # which may be written as \u003d
            piece, padding, _rest = piece.partition(b"\\")
            letters += piece
        whole = len(letters) if closed else len(letters) - len(letters) % 4
        for at in range(0, whole, CHUNK):
            yield decoded(
                letters[at : min(at + CHUNK, whole)].decode("ascii", "ignore")
            )
        letters = letters[whole:]
        if closed:
            return
        rest = next(pieces, b"")
        if not rest:
            raise Unavailable("garbage", "attachment")
