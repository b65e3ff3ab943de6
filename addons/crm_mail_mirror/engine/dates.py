# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""When does a Date field say that a mail was written? RFC 5322 sections 3.3 and 4.3."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_MONTHS = {
    name: number
    for number, name in enumerate(
        "jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1
    )
}
#: Zones by name, in hours from UTC; others are read as UTC, as the RFC asks.
_ZONES = {
    **{"ut": 0, "utc": 0, "gmt": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5},
    **{"mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "bst": 1, "cet": 1, "cest": 2},
    **{"met": 1, "mest": 2, "eet": 2, "eest": 3, "wet": 0, "west": 1, "msk": 3},
    **{"jst": 9, "kst": 9, "ist": 5.5, "hst": -10, "akst": -9, "akdt": -8},
}
_DATE = re.compile(
    r"(?:[^\W\d]{2,12}\.?,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]{0,6}\.?,?[\s-]+(\d{2,4}),?\s+"
    r"(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2}))?(?:\.\d{1,9})?\s*(am|pm)?"
    r"\s*(?:(?:gmt|utc?)?([+-])(\d{1,2}(?=:)|\d{1,4}):?(\d\d)?\b"
    r"|([a-z]{1,5})(?![+-]?\w)|\Z)",
    re.IGNORECASE,
)
_ASCTIME = re.compile(  # Sat Sep 21 08:18:08 2002
    r"[a-z]{3},?\s+([a-z]{3})\s+(\d{1,2})\s+(\d\d:\d\d:\d\d)\s+(\d{4})", re.IGNORECASE
)
_COMMENT = re.compile(r"\([^()]*\)")
_FIRST_YEAR, _LAST_YEAR = 1900, 9998


def parse_date(value: str | bytes) -> datetime | None:
    """The moment in UTC, ``None`` when the field says none or one that cannot be.

    ``-0000`` and a missing zone are UTC.
    """
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    value = value[:200].strip()
    while "(" in value and value != (shorter := _COMMENT.sub(" ", value).strip()):
        value = shorter  # comments nest
    if found := _ASCTIME.fullmatch(value):
        value = "{1} {0} {3} {2}".format(*found.groups())
    try:
        return _rfc5322(value) or _iso8601(value)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _rfc5322(value: str) -> datetime | None:
    found = _DATE.match(value)
    if not found:
        return None
    day, month, year, hour, minute, second, half, sign, hours, minutes, zone = (
        found.groups()
    )
    month = _MONTHS.get(month.lower())
    if month is None:
        return None
    hour = int(hour)
    if half:
        hour = hour % 12 + 12 * (half.lower() == "pm")
    if sign:
        offset = _offset(hours, minutes or "") * (-1 if sign == "-" else 1)
        if abs(offset) >= timedelta(days=1):
            return None
    else:
        offset = timedelta(hours=_ZONES.get((zone or "z").lower(), 0))
    moment = datetime(
        _full_year(year), month, int(day), hour, int(minute), min(int(second or 0), 59)
    )
    return _in_utc(moment, offset)


def _offset(hours: str, minutes: str) -> timedelta:
    """``0130``, ``01:30`` and ``130`` are an hour and a half, ``1`` is one hour."""
    if not minutes and len(hours) > 2:
        hours, minutes = hours[:-2], hours[-2:]
    return timedelta(hours=int(hours), minutes=int(minutes or 0))


def _full_year(year: str) -> int:
    number = int(year)
    if len(year) == 2:
        return number + (2000 if number < 50 else 1900)
    return number + 1900 if len(year) == 3 else number


def _iso8601(value: str) -> datetime | None:
    if not value[:4].isdigit() or value[4:5] != "-":
        return None
    moment = datetime.fromisoformat(value)
    return _in_utc(moment.replace(tzinfo=None), moment.utcoffset() or timedelta(0))


def _in_utc(moment: datetime, offset: timedelta) -> datetime | None:
    moment = moment - offset
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return None
    return moment.replace(tzinfo=UTC)
