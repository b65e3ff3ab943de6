# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What must hold of everything that comes out of a mailbox, whatever went in?

Text that PostgreSQL takes, within its bounds, in time. Nothing here knows how it was
read, so that what another module of the same shape gave (Odoo's own import of the
engine) is judged as well.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

#: Bounds of ``engine``, written down again: one that moves is to be noticed.
MAX_TEXT = 500_000
MAX_SUBJECT = 2_000
MAX_ID = 998
MAX_EMAIL = 320
MAX_NAME = 500
MAX_FILENAME = 255
MAX_SIZE = 2**63
FIRST, LAST = datetime(1899, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)

_KEY = re.compile(r"[0-9a-f]{64}\Z")
ROLES = ("authors", "to", "cc", "bcc", "reply_to")


def text(value: object, most: int = MAX_TEXT, lines: bool = False) -> None:
    """:param lines: it may have several"""
    assert isinstance(value, str), type(value)
    assert "\0" not in value, "NUL"
    assert len(value) <= most, f"{len(value)} characters, {most} at most"
    value.encode("utf-8")  # no half of a surrogate pair
    assert lines or "\n" not in value, "a line of its own"


def moment(value: datetime | None) -> None:
    """PostgreSQL has no year 0, and a day more shall not end the world."""
    if value is not None:
        assert value.tzinfo is not None and value.utcoffset().total_seconds() == 0
        assert FIRST <= value <= LAST, value


def envelope(found) -> None:
    text(found.message_id, MAX_ID)
    moment(found.date)
    text(found.subject, MAX_SUBJECT)
    text(found.raw_subject, MAX_SUBJECT, lines=True)
    text(found.sensitivity, MAX_SUBJECT)
    for role in ROLES:
        for address in getattr(found, role):
            email(address.email)
            text(address.name, MAX_NAME)
    for ids in (found.references, found.in_reply_to):
        assert len(ids) <= 1_000
        for each in ids:
            text(each, MAX_ID)
    for name, values in (found.headers or {}).items():
        text(name)
        for value in values:
            text(value, MAX_SUBJECT)
    for part in found.parts or ():
        a_part(part)


def email(value: str) -> None:
    text(value, MAX_EMAIL)
    local, at, domain = value.rpartition("@")
    assert local and at and domain, value
    assert not any(char.isspace() for char in domain), value
    assert value == value.lower() or not value.isascii(), value


def a_part(part) -> None:
    text(part.ref, 10_000)
    text(part.content_type, 500)
    text(part.filename, MAX_FILENAME)
    text(part.disposition, 500)
    assert 0 <= part.size < MAX_SIZE, part.size


def body(found) -> None:
    text(found.text, MAX_TEXT, lines=True)
    assert "\r" not in found.text
    assert found.quote_at is None or 0 <= found.quote_at <= len(found.text)
    assert len(found.attachments) <= 500
    for each in found.attachments:
        text(each.name, MAX_FILENAME)
        text(each.content_type, 500)
        assert 0 <= each.size < MAX_SIZE, each.size


def presence(found) -> None:
    place(found.place)
    moment(found.received_at)
    text(found.key, 1_000)
    assert 0 <= found.size < MAX_SIZE, found.size
    if found.envelope is not None:
        envelope(found.envelope)


def place(found) -> None:
    text(found.folder, 10_000)
    text(found.generation, 100)
    text(found.ref, 10_000)


def folder(found) -> None:
    text(found.ref, 2_000)
    text(found.name, 2_000)
    text(found.parent, 2_000)
    assert found.ref and found.name


def key(value: str) -> None:
    assert _KEY.match(value), value
