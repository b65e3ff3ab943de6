# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How are the costs of imports over APIs shown? Markdown; ranges where runs differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from measure import Cost, median

#: Heading, field of ``Cost``, its unit, digits.
_IMPORT = (
    ("requests", "requests", 1, 0),
    ("calls", "calls", 1, 0),
    ("units", "units", 1, 0),
    ("received MB", "received", 1e6, 1),
    ("sent MB", "sent", 1e6, 1),
    ("CPU s", "cpu", 1, 2),
    ("PostgreSQL's CPU s", "server_cpu", 1, 2),
    ("seconds", "seconds", 1, 1),
    ("peak MB", "memory", 1, 0),
)
_IDLE = (
    ("requests", "requests", 1, 0),
    ("calls", "calls", 1, 0),
    ("units", "units", 1, 0),
    ("received bytes", "received", 1, 0),
    ("CPU ms", "cpu", 1e-3, 1),
    ("ms", "seconds", 1e-3, 0),
)
_STAGES = (
    ("requests", 1, 1),
    ("units", 1, 0),
    ("received", 1e3, 0),
    ("sent", 1e3, 0),
    ("cpu", 1e-3, 0),
)
#: What is compared with ours.
_COMPARED = ("requests", "calls", "units", "received", "cpu")


def imports(
    costs: Mapping[str, Sequence[Cost]], against: str, compared: Iterable[str]
) -> list[str]:
    """:param against: name of who the ``compared`` are compared with"""
    lines = _head("import by", [heading for heading, *_rest in _IMPORT])
    ours = median(costs.get(against, []))
    for name, some in costs.items():
        cells = []
        for _heading, field, unit, digits in _IMPORT:
            values = [getattr(cost, field) / unit for cost in some]
            cell = span(values, digits)
            if ours and name in compared and field in _COMPARED:
                mine = getattr(ours, field) / unit
                theirs = getattr(median(some), field) / unit
                cell += f" ({theirs / mine:.2g} x)" if mine else ""
            cells.append(cell)
        lines.append(_row(name, cells))
    return lines


def looks(costs: Mapping[str, Sequence[Cost]]) -> list[str]:
    """At a mailbox in which nothing is new."""
    lines = _head("nothing new", [heading for heading, *_rest in _IDLE])
    for name, some in costs.items():
        cells = [
            span([getattr(cost, field) / unit for cost in some], digits)
            for _heading, field, unit, digits in _IDLE
        ]
        lines.append(_row(name, cells))
    return lines


def stages(name: str, runs: Sequence[Mapping], messages: int) -> list[str]:
    """:param runs: method -> what ``alone.Spent`` says"""
    share = 1000 / messages
    headings = ["requests", "units", "received KB", "sent KB", "CPU ms"]
    lines = _head(f"{name}: 1,000 messages", headings)
    for method in runs[0]:
        cells = [
            span([run[method][field] * share / unit for run in runs], digits)
            for field, unit, digits in _STAGES
        ]
        lines.append(_row(method, cells))
    return lines


def span(values: Sequence[float], digits: int) -> str:
    """``12`` or, where they differ, ``11 to 14``."""
    low, high = (f"{value:,.{digits}f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _head(name: str, headings: Sequence[str]) -> list[str]:
    return [_row(name, headings), "|---" * (len(headings) + 1) + "|"]


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"
