# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does a folder, a mail, an attachment look in an answer of Microsoft Graph?

https://learn.microsoft.com/en-us/graph/api/resources/message
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from . import graph_mail, graph_text
from .graph_store import Folder, Item, Mailbox

#: what $select may name; the last two come only when they are named
ON_REQUEST = ("uniqueBody", "internetMessageHeaders")
MESSAGE = (
    *("bccRecipients", "body", "bodyPreview", "categories", "ccRecipients"),
    *("changeKey", "conversationId", "conversationIndex", "createdDateTime", "flag"),
    *("from", "hasAttachments", "id", "importance", "inferenceClassification"),
    *("internetMessageId", "isDeliveryReceiptRequested", "isDraft", "isRead"),
    *("isReadReceiptRequested", "lastModifiedDateTime", "parentFolderId"),
    *("receivedDateTime", "replyTo", "sender", "sentDateTime", "subject"),
    *("toRecipients", "webLink", *ON_REQUEST),
)
EVENT = ("meetingMessageType", "isOutOfDate", "isAllDay", "isDelegated", "type")
FOLDER = (
    *("childFolderCount", "displayName", "id", "isHidden", "parentFolderId"),
    *("totalItemCount", "unreadItemCount"),
)
ATTACHMENT = ("contentType", "id", "isInline", "lastModifiedDateTime", "name", "size")
FILE = ("contentBytes", "contentId", "contentLocation")


class Problem(Exception):
    """An error answer. :param headers: beyond the usual ones"""

    def __init__(self, status: int, code: str, message: str, headers=None):
        super().__init__(f"{status} {code}")
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})


def not_found() -> Problem:
    return Problem(
        404,
        "ErrorItemNotFound",
        "The specified object was not found in the store., The process failed to get "
        "the correct properties.",
    )


@dataclass(frozen=True)
class View:
    """What the client wants to see of each item.

    :param select: properties, ``None`` = the default ones
    :param attachments: ``None`` = not expanded, else the properties to show
    :param extended: ids of extended properties, as they were asked for
    """

    select: tuple[str, ...] | None = None
    immutable: bool = False
    text: bool = False
    attachments: tuple[str, ...] | None = None
    extended: tuple[str, ...] = ()


def when(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- folders --------------------------------------------------------------------------


def folder(mailbox: Mailbox, row: Folder, select: tuple[str, ...] | None) -> dict:
    inside = list(mailbox.mails(row.id))
    children = [f for f in mailbox.folders.values() if f.parent == row.id]
    shown = {
        "id": row.id,
        "displayName": row.name,
        "parentFolderId": row.parent or mailbox.well_known("msgfolderroot").id,
        "childFolderCount": sum(not child.hidden for child in children),
        "unreadItemCount": sum(not item.is_read for item in inside),
        "totalItemCount": len(inside),
        "isHidden": row.hidden,
    }
    if select is not None:
        shown = {key: shown[key] for key in shown if key in select or key == "id"}
    return shown


# --- mails ----------------------------------------------------------------------------


def message(mailbox: Mailbox, item: Item, view: View) -> dict:
    """:param view: names of ``select`` are valid already"""
    names = view.select
    if names is None:
        names = [name for name in (*MESSAGE, *EVENT) if name not in ON_REQUEST]
    kind = kind_of(item)
    shown = {
        "@odata.type": f"#microsoft.graph.{kind}",
        "@odata.etag": f'W/"{_change_key(item)}"',
        "id": item.id if view.immutable else item.mutable_id,
    }
    for name in names:
        if name != "id" and (name not in EVENT or kind != "message"):
            shown[name] = _property(mailbox, item, name, view)
    if view.attachments is not None:
        shown["attachments"] = attachments(item, view, view.attachments)
    if view.extended:
        found = [(name, extended(item, name)) for name in view.extended]
        if values := [{"id": _plain(n), "value": v} for n, v in found if v is not None]:
            shown["singleValueExtendedProperties"] = values
    return shown


def kind_of(item: Item) -> str:
    return item.letter.meeting[0] if item.letter.meeting else "message"


def removed(item_id: str, reason: str) -> dict:
    return {
        "@odata.type": "#microsoft.graph.message",
        "id": item_id,
        "@removed": {"reason": reason},
    }


def _property(mailbox: Mailbox, item: Item, name: str, view: View):
    if name in item.overrides:
        return item.overrides[name]
    return _PROPERTIES[name](mailbox, item, item.letter, view)


def _change_key(item: Item) -> str:
    number = item.changed.to_bytes(8, "big")
    return base64.b64encode(b"\x09\0\0\0\x16" + number + b"\0\0").decode()


def _recipient(person: tuple[str, str]) -> dict:
    return {"emailAddress": {"name": person[0], "address": person[1]}}


def _recipients(people) -> list[dict]:
    return [_recipient(person) for person in people]


def _first(*groups):
    """Exchange knows one author and one sender."""
    return next((_recipient(people[0]) for people in groups if people), None)


def _body(content: tuple[str, str], text: bool) -> dict:
    kind, content = content
    if text:
        content = graph_text.to_text(content) if kind == "html" else content
        return {"contentType": "text", "content": content}
    content = graph_text.to_html(content) if kind == "text" else content
    return {"contentType": "html", "content": content}


def _unique(content: tuple[str, str]) -> tuple[str, str]:
    kind, content = content
    cut = graph_text.unique_html if kind == "html" else graph_text.unique_text
    return kind, cut(content)


def _preview(letter: graph_mail.Letter) -> str:
    return _body(letter.body, text=True)["content"][:255]


def _headers(item: Item, letter: graph_mail.Letter):
    if item.headerless:
        return None
    return [{"name": name, "value": value} for name, value in letter.headers]


_PROPERTIES = {
    "bccRecipients": lambda m, i, mail, v: _recipients(mail.bcc),
    "body": lambda m, i, mail, v: _body(mail.body, v.text),
    "bodyPreview": lambda m, i, mail, v: _preview(mail),
    "categories": lambda m, i, mail, v: [],
    "ccRecipients": lambda m, i, mail, v: _recipients(mail.cc),
    "changeKey": lambda m, i, mail, v: _change_key(i),
    "conversationId": lambda m, i, mail, v: i.conversation,
    "conversationIndex": lambda m, i, mail, v: base64.b64encode(
        b"\x01" + hashlib.sha256(i.conversation.encode()).digest()[:21]
    ).decode(),
    "createdDateTime": lambda m, i, mail, v: when(i.received),
    "flag": lambda m, i, mail, v: {
        "flagStatus": "flagged" if i.flagged else "notFlagged"
    },
    "from": lambda m, i, mail, v: _first(mail.authors, mail.sender),
    "hasAttachments": lambda m, i, mail, v: mail.has_files,
    "importance": lambda m, i, mail, v: mail.importance,
    "inferenceClassification": lambda m, i, mail, v: "focused",
    "internetMessageHeaders": lambda m, i, mail, v: _headers(i, mail),
    "internetMessageId": lambda m, i, mail, v: mail.message_id or None,
    "isDeliveryReceiptRequested": lambda m, i, mail, v: None,
    "isDraft": lambda m, i, mail, v: i.draft,
    "isRead": lambda m, i, mail, v: i.is_read,
    "isReadReceiptRequested": lambda m, i, mail, v: False,
    "lastModifiedDateTime": lambda m, i, mail, v: when(i.modified),
    "parentFolderId": lambda m, i, mail, v: i.folder,
    "receivedDateTime": lambda m, i, mail, v: when(i.received),
    "replyTo": lambda m, i, mail, v: _recipients(mail.reply_to),
    "sender": lambda m, i, mail, v: _first(mail.sender, mail.authors),
    "sentDateTime": lambda m, i, mail, v: when(mail.sent or i.received),
    "subject": lambda m, i, mail, v: mail.subject,
    "toRecipients": lambda m, i, mail, v: _recipients(mail.to),
    "uniqueBody": lambda m, i, mail, v: _body(_unique(mail.body), v.text),
    "webLink": lambda m, i, mail, v: (
        f"https://outlook.office365.com/owa/?ItemID={i.id}"
    ),
    "meetingMessageType": lambda m, i, mail, v: mail.meeting[1],
    "isOutOfDate": lambda m, i, mail, v: False,
    "isAllDay": lambda m, i, mail, v: False,
    "isDelegated": lambda m, i, mail, v: False,
    "type": lambda m, i, mail, v: "singleInstance",
}

# --- extended properties --------------------------------------------------------------

_EXTENDED_ID = re.compile(
    r"(Boolean|Integer|Long|String|SystemTime|Binary) 0x([0-9a-f]{1,8})", re.IGNORECASE
)


def extended(item: Item, property_id: str) -> str | None:
    """The value of a MAPI property (MS-OXPROPS), as text; ``None``: it has none.

    :raises Problem: no such way of naming one
    """
    found = _EXTENDED_ID.fullmatch(property_id)
    if not found:
        raise Problem(400, "ErrorInvalidProperty", "The property id is invalid.")
    letter = item.letter
    values = {
        ("integer", 0x36): str(letter.sensitivity),  # PidTagSensitivity
        ("integer", 0x0E08): str(len(item.raw)),  # PidTagMessageSize
        ("long", 0x0E08): str(len(item.raw)),  # PidTagMessageSizeExtended
        ("string", 0x1035): letter.message_id,  # PidTagInternetMessageId
        ("string", 0x1039): letter.header("References"),
        ("string", 0x1042): letter.header("In-Reply-To"),
        ("string", 0x7D): "".join(f"{name}: {v}\r\n" for name, v in letter.headers),
    }
    if found[2].lower() == "7d" and item.headerless:
        return None
    return values.get((found[1].lower(), int(found[2], 16))) or None


def _plain(property_id: str) -> str:
    """Graph answers with ids in its own spelling, whatever it was asked with."""
    kind, _space, number = property_id.partition(" ")
    return f"{kind.capitalize()} {int(number, 16):#x}"


# --- attachments ----------------------------------------------------------------------


def attachments(item: Item, view: View, select: tuple[str, ...] = ()) -> list[dict]:
    """:param select: empty = the default properties, the bytes with them"""
    return [
        _attachment(item, number, file, view, select)
        for number, file in enumerate(graph_mail.files(item.raw), 1)
    ]


def attachment(
    item: Item, wanted: str, view: View, select: tuple[str, ...] = ()
) -> tuple[dict, bytes]:
    """:raises Problem: there is no such attachment"""
    for number, file in enumerate(graph_mail.files(item.raw), 1):
        if wanted in (_attachment_id(item, number, flag) for flag in (True, False)):
            return _attachment(item, number, file, view, select), file.content
    raise not_found()


def _attachment_id(item: Item, number: int, immutable: bool) -> str:
    owner = item.id if immutable else item.mutable_id
    tail = base64.urlsafe_b64encode(b"\x01\x12\0" + number.to_bytes(3, "big")).decode()
    return f"{owner}{tail}".replace("=", "")


def _attachment(item, number, file, view, select) -> dict:
    kind = "itemAttachment" if file.item else "fileAttachment"
    shown = {
        "id": _attachment_id(item, number, view.immutable),
        "lastModifiedDateTime": when(item.received),
        "name": file.name,
        "contentType": None if file.item else file.content_type,
        "size": len(file.content),
        "isInline": file.inline,
    }
    if not file.item:
        shown["contentId"] = file.content_id or None
        shown["contentLocation"] = None
        if not select or "contentBytes" in select:
            shown["contentBytes"] = base64.b64encode(file.content).decode()
    if select:
        shown = {key: shown[key] for key in shown if key in select or key == "id"}
    content_type = {"@odata.mediaContentType": file.content_type}
    return {
        "@odata.type": f"#microsoft.graph.{kind}",
        **(content_type if not file.item else {}),
        **shown,
    }
