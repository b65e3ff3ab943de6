# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which UIDs? Sets of them as sorted, disjoint, inclusive ranges.

``1,4:7`` of RFC 3501 section 9 is ``[(1, 1), (4, 7)]`` here. What a server says may
span four milliards of UIDs: nothing in this file ever expands a range unasked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Ranges = list[tuple[int, int]]

MAX_UID = 4_294_967_295
_RANGE = re.compile(r"(\d{1,10})(?::(\d{1,10}))?")


def parse(text: str | bytes) -> Ranges:
    """Read a set as servers write it; ``ValueError`` when it is none.

    >>> parse("7:4,1")
    [(1, 1), (4, 7)]
    """
    text = text.decode("ascii") if isinstance(text, bytes) else text
    found = []
    for item in text.split(","):
        match = _RANGE.fullmatch(item.strip())
        if not match:
            raise ValueError("not a UID set")
        low, high = int(match[1]), int(match[2] or match[1])
        found.append((min(low, high), max(low, high)))
    return merge(found)


def merge(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sort, and join what overlaps or touches."""
    merged: Ranges = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return merged


def compress(uids: Iterable[int]) -> Ranges:
    """Single UIDs to ranges."""
    ranges: Ranges = []
    for uid in sorted(set(uids)):
        if ranges and uid == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], uid)
        else:
            ranges.append((uid, uid))
    return ranges


def write(ranges: Iterable[tuple[int, int]]) -> str:
    """As a command takes it: ``"1,4:7"``."""
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in ranges)


def size(ranges: Ranges) -> int:
    return sum(high - low + 1 for low, high in ranges)


def clip(ranges: Ranges, low: int, high: int) -> Ranges:
    """What of it lies within ``low``..``high``."""
    return [(max(a, low), min(b, high)) for a, b in ranges if b >= low and a <= high]


def possible(ranges: Ranges) -> Ranges:
    """What of it can be UIDs (RFC 3501 section 9, nz-number)."""
    return clip(ranges, 1, MAX_UID)


def complement(ranges: Ranges, low: int, high: int) -> Ranges:
    """What of ``low``..``high`` is not in it: the gaps."""
    gaps, at = [], low
    for a, b in clip(ranges, low, high):
        if a > at:
            gaps.append((at, a - 1))
        at = b + 1
    if at <= high:
        gaps.append((at, high))
    return gaps


def subtract(ranges: Ranges, less: Ranges) -> Ranges:
    """Without what is in ``less``; both sorted."""
    kept, index = [], 0
    for low, high in ranges:
        while index < len(less) and less[index][1] < low:
            index += 1
        at, look = low, index
        while look < len(less) and less[look][0] <= high:
            if less[look][0] > at:
                kept.append((at, less[look][0] - 1))
            at = max(at, less[look][1] + 1)
            look += 1
        if at <= high:
            kept.append((at, high))
    return kept


def newest(ranges: Ranges, count: int) -> list[int]:
    """The ``count`` highest UIDs, highest first."""
    found: list[int] = []
    for low, high in reversed(ranges):
        take = min(high - low + 1, count - len(found))
        found.extend(range(high, high - take, -1))
        if len(found) >= count:
            break
    return found


def oldest(ranges: Ranges, count: int) -> list[int]:
    """The ``count`` lowest UIDs, lowest first."""
    found: list[int] = []
    for low, high in ranges:
        found.extend(range(low, min(high, low + count - len(found) - 1) + 1))
        if len(found) >= count:
            break
    return found


def expand(ranges: Ranges, limit: int) -> list[int]:
    """All of it, at most ``limit``."""
    return oldest(ranges, limit)


def commands(uids: Iterable[int], most: int = 250, chars: int = 500) -> Iterator[list]:
    """Cut into pieces whose written sets keep command lines short.

    A page of mail (``base.Budget``) fits into one: with 200, each page of an import
    took a round trip more.

    Exchange refuses lines that are much longer than 1,000 bytes, and too many UIDs.
    """
    piece: list[int] = []
    length = 0
    for uid in sorted(set(uids)):
        cost = 0 if piece and uid == piece[-1] + 1 else 2 * len(str(uid)) + 2
        if piece and (len(piece) >= most or length + cost > chars):
            yield piece
            piece, length, cost = [], 0, 2 * len(str(uid)) + 2
        piece.append(uid)
        length += cost
    if piece:
        yield piece


def coarsen(ranges: Ranges, most: int) -> Ranges:
    """At most so many ranges, by filling the smallest gaps: a superset."""
    if len(ranges) <= most:
        return ranges
    gaps = sorted(range(1, len(ranges)), key=lambda i: ranges[i][0] - ranges[i - 1][1])
    fill = set(gaps[: len(ranges) - most])
    kept: Ranges = []
    for index, (low, high) in enumerate(ranges):
        if index in fill:
            kept[-1] = (kept[-1][0], high)
        else:
            kept.append((low, high))
    return kept


def ref(uid: int) -> str:
    """A UID as a place's ref: ten digits, so that refs compare as strings."""
    return f"{uid:010d}"


def refs(ranges: Ranges) -> tuple[tuple[str, str], ...]:
    return tuple((ref(low), ref(high)) for low, high in ranges)
