# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does Graph's JSON say of a mail? Envelope, parts, text.

https://learn.microsoft.com/en-us/graph/api/resources/message
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from .. import addresses, charsets, headers, text
from ..envelope import Address, Body, Envelope, Part
from .base import EPOCH, Place, Presence
from .microsoft_graph import Ask, path

#: Properties of the first grade; no body, no headers.
LISTING = (
    "id,parentFolderId,receivedDateTime,sentDateTime,isDraft,subject,internetMessageId,"
    "from,toRecipients,ccRecipients,bccRecipients,replyTo"
)
#: MAPI properties (MS-OXPROPS) that Graph's ``message`` does not have: the published
#: type knows no ``sensitivity``, unlike events; and what the owner sent has no headers
#: that could tell what it answers.
SENSITIVITY, SIZE = "Integer 0x36", "Integer 0xe08"
REFERENCES, IN_REPLY_TO = "String 0x1039", "String 0x1042"
_EXTENDED = " or ".join(
    f"id eq '{name}'" for name in (SENSITIVITY, SIZE, REFERENCES, IN_REPLY_TO)
)
#: Never ``contentBytes``, which a file has when nothing is selected.
_FILES = "id,name,contentType,size,isInline"
_SENSITIVITIES = {"1": "personal", "2": "private", "3": "company-confidential"}

_FIELD_NAME = re.compile(r"[!-9;-~]{1,200}")  # RFC 5322 section 2.2
#: Attachments of a mail that are looked at.
MAX_FILES = 2_000
#: The text: Graph gives one of them, and its size only with it. 1 is "there is one".
BODY = Part("1", "text/plain", size=1, charset="utf-8", params={"multipart": "mixed"})
#: An invitation, and the text that tells it again.
INVITATION = Part(
    "1.2", "text/calendar", size=1, params={"multipart": "mixed/alternative"}
)
_RETOLD = replace(BODY, ref="1.1", params={"multipart": "mixed/alternative"})

# --- questions ------------------------------------------------------------------------


def ask_listing(ref: str) -> Ask:
    return Ask(path("me", "messages", ref, select=LISTING))


def ask_facts(ref: str) -> Ask:
    """Both grades, and what is known of the attachments without their bytes."""
    expand = f"attachments($select={_FILES})"
    expand += f",singleValueExtendedProperties($filter={_EXTENDED})"
    select = f"{LISTING},internetMessageHeaders"
    return Ask(path("me", "messages", ref, select=select, expand=expand))


def ask_text(ref: str) -> Ask:
    """Exchange makes the text of what was written as HTML."""
    return Ask(
        path("me", "messages", ref, select="body"),
        ('outlook.body-content-type="text"',),
    )


# --- places ---------------------------------------------------------------------------


def presence(
    item: Mapping, place: Place, outgoing: bool | None, facts: bool = False
) -> Presence:
    """:param item: the whole message; one with nothing but its id, as a delta tells
    that it was opened, becomes a presence without envelope
    """
    received = moment(item.get("receivedDateTime"))
    if received is None:
        return Presence(place, EPOCH, key=place.ref, outgoing=outgoing)
    return Presence(
        place,
        received,
        size=_number(_extended(item).get(SIZE)),
        key=place.ref,
        envelope=envelope(item, facts),
        outgoing=outgoing,
    )


def is_message(item: Mapping) -> bool:
    """Does it say which mail it is, and when it was received?"""
    return (
        bool(charsets.ascii_id(item.get("id")))
        and isinstance(item.get("receivedDateTime"), str)
        and moment(item["receivedDateTime"]) is not None
    )


def moment(value: object) -> datetime | None:
    """``2026-01-05T09:00:00Z``; Graph tells no other zone in messages."""
    if not isinstance(value, str) or len(value) > 40 or not value.isprintable():
        return None
    try:
        found = datetime.strptime(value[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if 1900 < found.year < 9999 else None


# --- envelopes ------------------------------------------------------------------------


def envelope(item: Mapping, facts: bool = False) -> Envelope:
    """:param facts: it was asked for with ``ask_facts``: fill in the second grade"""
    subject = charsets.clean(_string(item.get("subject")))
    listed = Envelope(
        message_id=_first_id(item.get("internetMessageId")),
        date=moment(item.get("sentDateTime")),
        subject=" ".join(subject.split())[: headers.MAX_SUBJECT],
        authors=_people([item.get("from")]),
        to=_people(item.get("toRecipients")),
        cc=_people(item.get("ccRecipients")),
        bcc=_people(item.get("bccRecipients")),
        reply_to=_people(item.get("replyTo")),
        raw_subject=subject[: headers.MAX_SUBJECT],
    )
    return _with_facts(listed, item) if facts else listed


def _with_facts(listed: Envelope, item: Mapping) -> Envelope:
    """``internetMessageHeaders`` is null for what the owner wrote: known to be none."""
    told = headers.parse_envelope(_header_block(item.get("internetMessageHeaders")))
    extended = _extended(item)
    return replace(
        listed,
        authors=listed.authors or told.authors,
        headers=told.headers,
        parts=_parts(item),
        references=told.references or headers.parse_ids(extended.get(REFERENCES, "")),
        in_reply_to=told.in_reply_to
        or headers.parse_ids(extended.get(IN_REPLY_TO, "")),
        sensitivity=told.sensitivity
        or _SENSITIVITIES.get(extended.get(SENSITIVITY, ""), ""),
    )


def _header_block(rows: object) -> bytes:
    lines, size = [], 0
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            name, value = _string(row.get("name")), _string(row.get("value"))
            if not _FIELD_NAME.fullmatch(name):
                continue
            line = f"{name}: {' '.join(value.splitlines())}\r\n"
            size += len(line)
            if size > headers.MAX_HEADER:
                break
            lines.append(line)
    return "".join(lines).encode("utf-8", "replace") + b"\r\n"


def _people(rows: object) -> tuple[Address, ...]:
    """Addresses as mail has them: what lies in Exchange's own directory (``/o=...``)
    or names a group without address is none."""
    found = []
    for row in rows if isinstance(rows, list) else ():
        told = row.get("emailAddress") if isinstance(row, dict) else None
        if not isinstance(told, dict):
            continue
        email = addresses.normal_email(_string(told.get("address")))
        if email and len(found) < addresses.MAX_ADDRESSES:
            name = " ".join(charsets.clean(_string(told.get("name"))).split())
            name = name.strip("'\"")
            if name.lower() == email:  # Exchange's word for "no name"
                name = ""
            found.append(Address(name[: addresses.MAX_NAME], email))
    return tuple(found)


def _first_id(value: object) -> str:
    return next(iter(headers.parse_ids(_string(value)[: 2 * headers.MAX_ID])), "")


def _extended(item: Mapping) -> dict[str, str]:
    """Ids as we write them: Graph answers in a spelling of its own."""
    rows = item.get("singleValueExtendedProperties")
    found = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            kind, _space, number = _string(row.get("id")).partition(" ")
            try:
                name = f"{kind.capitalize()} {int(number, 16):#x}"
            except ValueError:
                continue
            found[name] = _string(row.get("value"))
    return found


# --- parts ----------------------------------------------------------------------------


def _parts(item: Mapping) -> tuple[Part, ...]:
    if "eventMessage" in _string(item.get("@odata.type")):
        texts: Iterable[Part] = (_RETOLD, INVITATION)
    else:
        texts = (BODY,)
    rows = item.get("attachments")
    files = rows[:MAX_FILES] if isinstance(rows, list) else ()
    return (*texts, *(_file(row) for row in files if isinstance(row, dict)))


def _file(row: Mapping) -> Part:
    kind = _string(row.get("@odata.type")).rpartition(".")[2]
    content_type = _string(row.get("contentType")).partition(";")[0]
    content_type = charsets.media_type(content_type)
    if kind == "itemAttachment":
        content_type = "message/rfc822"
    name = charsets.clean(_string(row.get("name")))
    inline = row.get("isInline") is True and content_type.startswith("image/")
    return Part(
        ref=_string(row.get("id")),
        content_type=content_type or "application/octet-stream",
        size=_number(row.get("size")),
        disposition="inline" if inline else "attachment",
        filename=" ".join(name.split())[-255:],
        params={"multipart": "mixed"},
    )


def body(item: Mapping, parts: Iterable[Part] | None) -> Body:
    """:param item: asked for with ``ask_text``
    :param parts: of the envelope; ``None`` = not known"""
    told = item.get("body") if isinstance(item.get("body"), dict) else {}
    kind = "text/html" if told.get("contentType") == "html" else "text/plain"
    content = _string(told.get("content")).encode("utf-8", "replace")
    known = [
        replace(part, content_type=kind, size=len(content)) if _is_body(part) else part
        for part in parts or (BODY,)
        if part.ref != INVITATION.ref  # Graph does not give it as a file
    ]
    return text.body_of_parts(
        known, {part.ref: content for part in known if _is_body(part)}
    )


def _is_body(part: Part) -> bool:
    return part.ref in (BODY.ref, _RETOLD.ref)


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    try:
        found = int(value or 0)
    except (TypeError, ValueError, OverflowError):
        return 0
    return found if 0 < found < 2**63 else 0
