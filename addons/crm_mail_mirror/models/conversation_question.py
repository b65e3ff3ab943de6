# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a screen ask for? Read from what a browser sent, whatever that was."""

from dataclasses import dataclass
from datetime import date, datetime

#: The records whose mail is shown.
MODELS = ("res.partner", "crm.lead")
#: Most characters of a word that is looked for.
MOST_TEXT = 200
_MOST_ID = 2**31 - 1
_DIRECTIONS = ("in", "out")


class BadQuestion(Exception):  # noqa: N818
    """Not asked as these methods are asked."""


@dataclass(frozen=True)
class Scope:
    """Whose mail: of a record, or (``model`` None) all that the reader may see."""

    model: str | None = None
    id: int | None = None
    by: str = "time"
    #: one contact of a company; 0: people at its domain who are no contacts
    partner_id: int | None = None
    earlier: bool = False


@dataclass(frozen=True)
class Filters:
    text: str = ""
    direction: str | None = None
    person: str = ""
    owner: int | None = None
    attachments: bool = False
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Position:
    """Where a list was left: below this mail, and not after mail ``top`` came."""

    date: datetime
    id: int
    top: int

    def __str__(self):
        return f"{self.date.isoformat()}|{self.id}|{self.top}"


def scope(value) -> Scope:
    given = _dict(value)
    model = given.get("model") or None
    if model is None:
        return Scope()
    if model not in MODELS:
        raise BadQuestion
    by = given.get("by") or "time"
    if by not in ("time", "contact"):
        raise BadQuestion
    one = given.get("partner_id") if by == "contact" else None
    return Scope(
        model,
        number(given.get("id")),
        by,
        None if one is None else 0 if not one else number(one),
        bool(given.get("earlier")),
    )


def filters(value) -> Filters:
    given = _dict(value)
    direction = given.get("direction") or None
    if direction is not None and direction not in _DIRECTIONS:
        raise BadQuestion
    owner = given.get("owner") or None
    return Filters(
        _text(given.get("text")),
        direction,
        _text(given.get("person")),
        None if owner is None else number(owner),
        bool(given.get("attachments")),
        _day(given.get("since")),
        _day(given.get("until")),
    )


def position(value) -> Position | None:
    if not value:
        return None
    if not isinstance(value, str) or len(value) > 100:
        raise BadQuestion
    try:
        moment, ident, top = value.split("|")
        return Position(
            datetime.fromisoformat(moment).replace(tzinfo=None),
            number(int(ident)),
            number(int(top)),
        )
    except ValueError:
        raise BadQuestion from None


def limit(value, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadQuestion
    return max(1, min(value, most))


def number(value) -> int:
    """An id."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadQuestion
    if not 0 < value <= _MOST_ID:
        raise BadQuestion
    return value


def _dict(value):
    if value and not isinstance(value, dict):
        raise BadQuestion
    return value or {}


def _text(value):
    if value and not isinstance(value, str):
        raise BadQuestion
    # PostgreSQL's texts have no NUL, and no halves of characters
    text = (value or "").encode("utf-8", "ignore").decode()
    return " ".join(text.replace("\0", " ").split())[:MOST_TEXT]


def _day(value):
    if not value:
        return None
    if not isinstance(value, str):
        raise BadQuestion
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        raise BadQuestion from None
