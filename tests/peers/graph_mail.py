# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does Exchange make of an RFC 5322 mail? Properties, one body, attachments.

None of the code under test: the standard library's parser with its compat32 policy,
which survives every header.
"""

from __future__ import annotations

import email
import email.header
import email.policy
import email.utils
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message

_POLICY = email.policy.compat32
_MESSAGE_ID = re.compile(r"<[^<>\s]+>")
_SENSITIVITIES = {"personal": 1, "private": 2, "company-confidential": 3}
_MEETINGS = {
    "REQUEST": ("eventMessageRequest", "meetingRequest"),
    "REPLY": ("eventMessageResponse", "meetingAccepted"),
    "COUNTER": ("eventMessageResponse", "meetingTenativelyAccepted"),
    "CANCEL": ("eventMessage", "meetingCancelled"),
}
_REPLIES = {
    "ACCEPTED": "meetingAccepted",
    "TENTATIVE": "meetingTenativelyAccepted",  # the enumeration spells it so
    "DECLINED": "meetingDeclined",
}


@dataclass(frozen=True)
class File:
    """An attachment. :param item: the mail in it, where it is one"""

    name: str
    content_type: str
    content: bytes
    inline: bool = False
    content_id: str = ""
    item: bool = False


@dataclass(frozen=True)
class Letter:
    """:param answers: ids of the mails it answers, the nearest first
    :param body: ``("html" | "text", content)``, as it was written
    :param meeting: type and ``meetingMessageType``, for calendar mail
    """

    headers: tuple[tuple[str, str], ...]
    message_id: str
    answers: tuple[str, ...]
    subject: str
    authors: tuple[tuple[str, str], ...]
    sender: tuple[tuple[str, str], ...]
    to: tuple[tuple[str, str], ...]
    cc: tuple[tuple[str, str], ...]
    bcc: tuple[tuple[str, str], ...]
    reply_to: tuple[tuple[str, str], ...]
    sent: datetime | None
    body: tuple[str, str]
    has_files: bool
    meeting: tuple[str, str] | None
    sensitivity: int
    importance: str

    def header(self, name: str) -> str:
        values = (v for n, v in self.headers if n.lower() == name.lower())
        return next(values, "")


def read(raw: bytes) -> Letter:
    mail = email.message_from_bytes(raw, policy=_POLICY)
    body, files, meeting = _divide(mail)
    references = _MESSAGE_ID.findall(_field(mail, "References"))
    answers = _MESSAGE_ID.findall(_field(mail, "In-Reply-To")) + references[::-1]
    return Letter(
        headers=tuple((name, _unfold(value)) for name, value in mail.items()),
        message_id=" ".join(_field(mail, "Message-ID").split()),
        answers=tuple(dict.fromkeys(answers)),
        subject=_words(_field(mail, "Subject")),
        authors=_people(mail, "From"),
        sender=_people(mail, "Sender"),
        to=_people(mail, "To"),
        cc=_people(mail, "Cc"),
        bcc=_people(mail, "Bcc"),
        reply_to=_people(mail, "Reply-To"),
        sent=_date(_field(mail, "Date")),
        body=body,
        has_files=any(not file.get("inline") for file in files),
        meeting=meeting,
        sensitivity=_SENSITIVITIES.get(_field(mail, "Sensitivity").strip().lower(), 0),
        importance=_importance(mail),
    )


def files(raw: bytes) -> list[File]:
    """The attachments with their bytes; read anew each time, for they may be large."""
    mail = email.message_from_bytes(raw, policy=_POLICY)
    return [
        File(
            content=_content(part["part"]), **{k: part[k] for k in part if k != "part"}
        )
        for part in _divide(mail)[1]
    ]


# --- parts ----------------------------------------------------------------------------


def _divide(mail: Message) -> tuple[tuple[str, str], list[dict], tuple | None]:
    """Body, attachments, kind of meeting. HTML wins over text; what text remains after
    the first becomes an attachment, as Exchange does it."""
    texts: dict[str, str] = {}
    found, meeting = [], None
    for part in _leaves(mail):
        kind = part.get_content_type()
        kept = part.get_filename() is not None or _disposition(part) == "attachment"
        if kind == "text/calendar" and not kept and meeting is None:
            meeting = _meeting(part)
            if meeting is not None:
                continue
        if kind in ("text/plain", "text/html") and not kept and kind not in texts:
            if not found or kind == "text/html" or not texts:
                texts[kind] = _text(part)
                continue
        found.append(_file(part, len(found) + 1))
    if "text/html" in texts:
        return ("html", texts["text/html"]), found, meeting
    return ("text", texts.get("text/plain", "")), found, meeting


def _leaves(mail: Message) -> Iterator[Message]:
    """Without recursion, and without looking into attached mails."""
    queue = [mail]
    while queue:
        part = queue.pop()
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            queue.extend(reversed(part.get_payload()))
        else:
            yield part


def _file(part: Message, number: int) -> dict:
    kind = part.get_content_type()
    is_mail = kind == "message/rfc822" and part.is_multipart()
    name = _filename(part)
    if is_mail and not name:
        name = _words(_field(part.get_payload(0), "Subject"))
    endings = {"text/plain": ".txt", "text/html": ".htm"}
    ending = endings.get(kind, ".dat" if not is_mail else "")
    content_id = _field(part, "Content-ID").strip("<> \t")
    return {
        "part": part,
        "name": name or f"ATT{number:05}{ending}",
        "content_type": kind,
        "inline": bool(content_id) and _disposition(part) != "attachment",
        "content_id": content_id,
        "item": is_mail,
    }


def _content(part: Message) -> bytes:
    if part.is_multipart():
        inner = part.get_payload()
        return b"\r\n".join(each.as_bytes(policy=_POLICY) for each in inner)
    return part.get_payload(decode=True) or b""


def _text(part: Message) -> str:
    content = _content(part)
    charset = part.get_content_charset() or "utf-8"
    for name in (charset, "utf-8", "cp1252"):
        try:
            return content.decode(name)
        except (LookupError, ValueError):
            continue
    return content.decode("latin-1")


def _disposition(part: Message) -> str:
    return _field(part, "Content-Disposition").partition(";")[0].strip().lower()


def _filename(part: Message) -> str:
    try:
        return _words(part.get_filename() or "")
    except (LookupError, ValueError):
        return ""


def _meeting(part: Message) -> tuple[str, str] | None:
    calendar = _text(part)
    method = str(part.get_param("method") or "")
    if found := re.search(r"^METHOD:(\w+)", calendar, re.M | re.I):
        method = found[1]
    if method.upper() not in _MEETINGS:
        return None
    kind, meaning = _MEETINGS[method.upper()]
    answer = re.search(r"PARTSTAT=([\w-]+)", calendar, re.I)
    if method.upper() == "REPLY" and answer:
        meaning = _REPLIES.get(answer[1].upper(), meaning)
    return kind, meaning


# --- fields ---------------------------------------------------------------------------


def _field(mail: Message, name: str) -> str:
    return _unfold(mail.get(name, ""))


def _unfold(value: object) -> str:
    """The field's text on one line; raw bytes as UTF-8, else as Latin-1."""
    if isinstance(value, email.header.Header):
        text = "".join(
            chunk if isinstance(chunk, str) else chunk.decode("latin-1")
            for chunk, _charset in value._chunks
        )
    else:
        text = str(value)
    octets = text.encode("utf-8", "surrogateescape")
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        text = octets.decode("latin-1")
    return re.sub(r"\r?\n[ \t]*|\r", " ", text).replace("\0", "")


def _words(text: str) -> str:
    """Encoded words (RFC 2047) decoded; what cannot be stays as it is."""
    try:
        chunks = email.header.decode_header(text)
    except (ValueError, email.errors.HeaderParseError):
        return text
    joined: list[tuple[bytes, str]] = []
    for chunk, charset in chunks:
        octets = chunk.encode() if isinstance(chunk, str) else chunk
        if charset is None:
            charset = "" if isinstance(chunk, str) else "raw"
        if joined and joined[-1][1] == charset:
            joined[-1] = (joined[-1][0] + octets, charset)
        else:
            joined.append((octets, charset))
    return "".join(_decoded(octets, charset) for octets, charset in joined)


def _decoded(octets: bytes, charset: str) -> str:
    if charset == "raw":  # decode_header gives them in Python's own escape
        try:
            return octets.decode("raw-unicode-escape")
        except UnicodeDecodeError:
            return octets.decode("latin-1")
    try:
        return octets.decode(charset or "utf-8", "replace")
    except LookupError:
        return octets.decode("utf-8", "replace")


def _people(mail: Message, name: str) -> tuple[tuple[str, str], ...]:
    """(name, address) of all that have an address; without a name it is the address."""
    values = [_unfold(value) for value in mail.get_all(name, [])]
    found = []
    for shown, address in email.utils.getaddresses(values):
        if "@" in address:
            found.append((_words(shown) or address, address))
    return tuple(found)


def _date(value: str) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(value)
        date = date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return date if 1601 < date.year < 4501 else None  # what a FILETIME holds


def _importance(mail: Message) -> str:
    told = _field(mail, "Importance").strip().lower()
    return told if told in ("low", "high") else "normal"
