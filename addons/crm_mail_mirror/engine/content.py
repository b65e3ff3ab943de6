# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is there anything to read in a mail? What its structure says."""

from __future__ import annotations

from .envelope import Envelope, Part
from .reasons import Reason

_CALENDARS = {"text/calendar", "application/ics"}
_SIGNATURES = {
    "application/pgp-signature",
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
}


def missing_content(envelope: Envelope) -> Reason | None:
    """``CALENDAR``, ``NO_CONTENT``, or ``None`` when there is something to read.

    Nearly every invitation comes with a text, but the text tells the invitation again:
    within multipart/alternative all parts say the same (RFC 2046 section 5.1.4). What a
    person wrote beside an .ics file (multipart/mixed) is content of its own, and so is
    a file attached to an invitation. An empty text is a text of size 0.
    """
    parts = envelope.parts or ()
    calendars = [part for part in parts if _is_calendar(part)]
    others = [
        part for part in parts if not _is_calendar(part) and _holds_anything(part)
    ]
    classes = (envelope.headers or {}).get("content-class", ())
    if any("calendarmessage" in value.lower() for value in classes):
        retold = {()}  # the mail as a whole is an invitation
    elif calendars:
        retold = {_alternative(part) for part in calendars} - {None}
    else:
        return None if others else Reason.NO_CONTENT
    for part in others:
        if _is_text(part):
            if not any(_path(part)[: len(place)] == place for place in retold):
                return None
        elif not _decorates(part):
            return None
    return Reason.CALENDAR


def _alternative(part: Part) -> tuple[str, ...] | None:
    """Where does the multipart/alternative around a part lie in the tree?"""
    around = _around(part)
    if "alternative" not in around:
        return None
    return _path(part)[: around.index("alternative")]  # a number for each step down


def _around(part: Part) -> list[str]:
    """Subtypes of the multiparts around a leaf, outermost first."""
    return part.params.get("multipart", "").split("/")


def _path(part: Part) -> tuple[str, ...]:
    return tuple(part.ref.split("."))


def _holds_anything(part: Part) -> bool:
    if _is_text(part):
        return part.size > 0
    return part.content_type not in _SIGNATURES


def _is_calendar(part: Part) -> bool:
    return part.content_type in _CALENDARS or part.filename.lower().endswith(".ics")


def _is_text(part: Part) -> bool:
    return part.content_type.startswith("text/") and part.disposition != "attachment"


def _decorates(part: Part) -> bool:
    """The logos of an invitation, and Outlook's own form of it."""
    if part.content_type.startswith("image/"):
        return part.disposition != "attachment"
    return part.content_type == "application/ms-tnef"
