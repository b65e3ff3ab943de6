# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does Gmail say of a mail? Its resources as presences, envelopes and parts.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from .. import charsets, headers, mime
from ..envelope import Envelope, Part
from .base import EPOCH, MessageBroken, MessageGone, Place, Presence, ProviderError
from .gmail_api import Api, integer, listed
from .gmail_batch import Got, get, is_gone
from .gmail_errors import Refused

#: The one place where all mail that counts lies.
ALL = "all"
#: Labels of mail that does not count.
HIDDEN = frozenset({"DRAFT", "TRASH", "SPAM", "CHAT"})
SENT = "SENT"
#: Multiparts within multiparts that are asked for by their structure. Real mail has up
#: to four; what lies deeper is read together with the text.
DEPTH = 8
#: When mail came that tells no possible time, and what times are possible.
UNDATED = datetime(2100, 1, 1, tzinfo=UTC)
FIRST_MAIL = datetime(1980, 1, 1, tzinfo=UTC)
LAST_MAIL = datetime(9998, 12, 31, tzinfo=UTC)
_OPENING = datetime(1970, 1, 1, tzinfo=UTC)
#: Key of ``Part.params``: there are parts inside this one that were not asked for.
CUT = "cut"


def _structure(depth: int) -> str:
    inside = f",parts({_structure(depth - 1)})" if depth else ""
    return f"mimeType,filename,headers(name,value),body/size{inside}"


#: Headers and structure, and not one byte of a body. A mask cannot say "and so on": a
#: bare ``parts`` would bring the texts of all inner parts along.
FIELDS = f"id,labelIds,internalDate,sizeEstimate,payload({_structure(DEPTH)})"


def place_of(id_: str) -> Place:
    return Place(ALL, "", id_)


def told(id_: str, sent: bool | None = None) -> Presence:
    """That it is there, and nothing else yet."""
    return Presence(place_of(id_), EPOCH, key=id_, outgoing=sent or None)


def read(
    api: Api, places: Sequence[Place], hidden: AbstractSet[str] = HIDDEN
) -> Iterator[tuple[Place, Presence | ProviderError]]:
    """Headers and structure, mail by mail.

    :param hidden: labels of mail that does not count: it is not there
    """
    ours = []
    for place in dict.fromkeys(places):
        if place.folder == ALL and not place.generation:
            ours.append(place)
        else:
            yield place, MessageGone("message_gone", "no such folder")
    size = api.bucket.gets
    for start in range(0, len(ours), size):
        some = {place.ref: place for place in ours[start : start + size]}
        found = get(api, list(some), format="full", fields=FIELDS)
        for id_, place in some.items():
            yield place, read_presence(place, found.get(id_), hidden)


def read_presence(
    place: Place, found: Got, hidden: AbstractSet[str] = HIDDEN
) -> Presence | ProviderError:
    problem = trouble(place, found, hidden)
    if problem is not None:
        return problem
    labels = labels_of(found)
    envelope = envelope_of(found.get("payload"))
    return Presence(
        place=place,
        received_at=_received(found, envelope),
        size=max(0, integer(found.get("sizeEstimate"))),
        key=place.ref,
        envelope=envelope,
        outgoing=True if SENT in labels else None,
        labels=frozenset(labels),
    )


def trouble(
    place: Place, found: Got, hidden: AbstractSet[str] = HIDDEN
) -> ProviderError | None:
    """Why this mail cannot be had. What lies in the trash is not there."""
    if is_gone(found):
        return MessageGone("message_gone")
    if isinstance(found, Refused):
        return MessageBroken("message_refused", str(found.status))
    if found is None or not isinstance(found.get("id"), str):
        return MessageBroken("message_broken", "unreadable answer")
    if found["id"] != place.ref:
        return MessageBroken("message_broken", "another mail")
    if labels_of(found) & hidden:
        return MessageGone("message_gone", "in trash, spam, drafts, or switched off")
    return None


def labels_of(resource: object) -> set[str]:
    """Label ids; a mail without any, archived and read, has no such field."""
    values = resource.get("labelIds") if isinstance(resource, dict) else None
    return {label for label in listed(values) if isinstance(label, str)}


def _received(found: dict, envelope: Envelope) -> datetime:
    """``internalDate`` (milliseconds), else the Date field, else ``UNDATED``."""
    milliseconds = integer(found.get("internalDate"))
    try:
        received = _OPENING + timedelta(milliseconds=milliseconds)
    except OverflowError:
        received = _OPENING
    if FIRST_MAIL <= received <= LAST_MAIL:
        return received
    written = envelope.date
    return written if written and written >= FIRST_MAIL else UNDATED


# --- headers -------------------------------------------------------------------------


def envelope_of(payload: object) -> Envelope:
    """Both grades."""
    payload = payload if isinstance(payload, dict) else {}
    envelope = headers.parse_envelope(_block(payload))
    return replace(envelope, parts=parts_of(payload))


def _block(payload: dict) -> bytes:
    """The header fields again as a block, for the one parser that reads them all."""
    lines = [f"{name}: {value}" for name, value in _fields(payload)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "replace")


def _fields(part: dict) -> Iterator[tuple[str, str]]:
    for field in listed(part.get("headers")):
        if isinstance(field, dict):
            name, value = field.get("name"), field.get("value")
            if isinstance(name, str) and isinstance(value, str):
                # a value that holds a line end begins no other field
                yield " ".join(name.split()), " ".join(value.splitlines())


# --- structure -----------------------------------------------------------------------


def parts_of(payload: object) -> tuple[Part, ...]:
    """All leaves, as ``text.wanted_parts`` wants them; bounded, whatever the mail.

    ``ref`` is the way down the tree, counted from 1: Gmail's own ``partId`` is empty
    for a mail of one part. Gmail undoes base64 and quoted-printable: ``encoding`` is
    empty and ``size`` that of the content.
    """
    return tuple(_part(node, ref, around) for node, ref, around in leaves(payload))


def leaves(payload: object) -> Iterator[tuple[dict, str, tuple[str, ...]]]:
    """The nodes that are leaves, with their ``ref`` and the multiparts around them."""
    waiting: list[tuple[object, str, tuple[str, ...]]] = [(payload, "", ())]
    count = 0
    while waiting and count < mime.MAX_LEAVES:
        node, ref, around = waiting.pop()
        if not isinstance(node, dict):
            continue
        kind = _type_of(node)
        inside = listed(node.get("parts"))[: mime.MAX_LEAVES]
        main, _slash, subtype = kind.partition("/")
        deeper = bool(inside) and len(around) < mime.MAX_DEPTH
        if main != "multipart" or not deeper:
            ref = ref or "1"
            count += 1
            yield node, ref, around
        if deeper and main in ("multipart", "message"):
            path = f"{ref}." if ref else ""
            children = [
                (child, f"{path}{number}", (*around, subtype))
                for number, child in enumerate(inside, start=1)
            ]
            waiting += reversed(children)


def _type_of(node: dict) -> str:
    return charsets.media_type(node.get("mimeType")) or "text/plain"


def _part(node: dict, ref: str, around: tuple[str, ...]) -> Part:
    fields: dict[str, str] = {}
    for name, value in _fields(node):
        fields.setdefault(name.lower(), value)
    _kind, params = mime.parameters(fields.get("content-type", ""))
    disposition, details = mime.parameters(fields.get("content-disposition", ""))
    kind = _type_of(node)
    if kind.startswith("multipart/"):
        # the parts it promised are not there, or were not asked for
        kind = "text/plain"
        params = {**params, CUT: "1"} if len(around) >= DEPTH else params
    body = node.get("body")
    filename = node.get("filename")
    named = {"filename": filename} if isinstance(filename, str) and filename else {}
    return Part(
        ref=ref,
        content_type=kind,
        size=max(0, integer(body.get("size"))) if isinstance(body, dict) else 0,
        charset=params.get("charset", ""),
        disposition=mime.disposition_of(disposition),
        filename=mime.filename_of({**details, **named}, params),
        params={**params, "multipart": "/".join(around)},
    )


def is_cut(parts: Sequence[Part]) -> bool:
    return any(CUT in part.params for part in parts)
