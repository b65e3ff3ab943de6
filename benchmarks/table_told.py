# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What ``at_table.py`` measured, as JSON, tables and charts."""

from __future__ import annotations

import json
import statistics
from datetime import UTC, datetime
from pathlib import Path

import chart
from in_odoo import OURS
from measure import Cost, median
from peers import PEERS

MBSYNC, MBSYNC_FAST, OFFLINEIMAP, _GETMAIL = PEERS
ALL, TENTH = "all match", "a tenth matches"
FETCHMAIL = "Odoo's fetchmail"
RESULTS = Path(__file__).resolve().parent / "results" / "table.json"
#: Points of a curve that are kept.
POINTS = 60


def results(bench) -> dict:
    """Of an ``at_table.Bench``; what earlier runs told of other sections is kept."""
    told = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    now = {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "load": [round(min(bench.loads), 1), round(max(bench.loads), 1)],
        "messages": bench.options.messages,
    }
    for section, costs in bench.costs.items():
        told[section] = {
            **now,
            "costs": {
                name: [_short(cost, bench.options) for cost in some]
                for name, some in costs.items()
            },
        }
    if "growth" in bench.costs:
        told["growth"]["curves"] = {
            size: curve[:: max(1, len(curve) // POINTS)] + curve[-1:]
            for size, curve in bench.curves.items()
        }
    told["bytes"] = {**told.get("bytes", {}), **bench.sizes}
    told["charts"] = _charts(told)
    return told


def save(told: dict) -> None:
    """Where the next run, the README and the pictures find it."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    chart.draw(RESULTS)


def _short(cost: Cost, options) -> dict:
    kept = "seconds cpu server_cpu memory received".split()
    return {name: round(getattr(cost, name), 4) for name in kept}


# --- tables ---------------------------------------------------------------------------


def table(told: dict) -> str:
    parts = []
    for section, title in (("import", _imports), ("far", _far), ("growth", _growth)):
        if section in told:
            of = told[section]
            low, high = of["load"]
            parts.append(
                f"### {section} ({of['messages']:,} messages, {of['measured']},"
                f" load {low} to {high})\n\n{title(told)}"
            )
    return "\n\n".join(parts)


def _costs(told: dict, section: str) -> dict[str, Cost]:
    return {
        name: median([Cost(**cost) for cost in some])
        for name, some in told[section]["costs"].items()
        if some
    }


def _messages(told: dict, name: str) -> int:
    """In the mailbox of this contestant."""
    most = told["import"]["messages"]
    if FETCHMAIL in name:
        return min(most, 1_000)
    slow = OFFLINEIMAP.name in name or _GETMAIL.name in name
    return max(most // 5, 400) if slow else most


def _imports(told: dict) -> str:
    costs, runs = _costs(told, "import"), told["import"]["costs"]
    lines = [
        "| import by | messages | runs | messages/s | ours is | CPU s |"
        " servers' CPU s | peak MB | received, of all mail |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, cost in costs.items():
        count = _messages(told, name)
        rate, ours = count / cost.seconds, _rival(costs, name)
        ratio = told["import"]["messages"] / ours.seconds / rate if ours else None
        share = TENTH if name.startswith(TENTH) else ALL
        size = told["bytes"][
            "slow" if count * 5 == told["import"]["messages"] else share
        ]
        got = f"{cost.received / size:.1%}" if FETCHMAIL not in name else ""
        lines.append(
            f"| {name} | {count:,} | {len(runs[name])} | {rate:,.0f} |"
            f" {f'{ratio:.1f} x' if ratio and OURS not in name else ''} |"
            f" {cost.cpu:.1f} | {cost.server_cpu:.1f} | {cost.memory:.0f} | {got} |"
        )
    return "\n".join(lines)


def _rival(costs: dict[str, Cost], name: str) -> Cost | None:
    """Ours, that did the same work."""
    share = TENTH if name.startswith(TENTH) else ALL
    wire = ", TLS" if name.endswith(", TLS") else ""
    return costs.get(f"{share}, {OURS}{wire}")


def _far(told: dict) -> str:
    costs, size = _costs(told, "far"), told["far"]["messages"]
    trips = sorted({int(name.split()[-2]) for name in costs})
    lines = [
        "| round trip | " + " | ".join(f"{trip} ms" for trip in trips) + " |",
        "|---" * (len(trips) + 1) + "|",
    ]
    for who in dict.fromkeys(name.rpartition(", ")[0] for name in costs):
        near = costs[f"{who}, 0 ms"].seconds
        cells = [
            f"{size / cost.seconds:,.0f}/s ({cost.seconds / near:.2f} x)"
            for cost in (costs[f"{who}, {trip} ms"] for trip in trips)
        ]
        lines.append(f"| {who} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _growth(told: dict) -> str:
    imports, looks = _costs(told, "growth"), _costs(told, "idle")
    lines = [
        "| who, messages | import s | messages/s | peak MB | a look: ms | CPU ms |"
        " received bytes |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, look in looks.items():
        cost, size = imports.get(name), int(name.rpartition(", ")[2])
        first = ["", "", ""]
        if cost:
            first = [f"{cost.seconds:,.1f}", f"{size / cost.seconds:,.0f}"]
            first.append(f"{cost.memory:,.0f}")
        lines.append(
            f"| {name} | {' | '.join(first)} | {look.seconds * 1000:,.0f} |"
            f" {look.cpu * 1000:,.0f} | {look.received:,.0f} |"
        )
    return "\n".join(lines)


# --- charts ---------------------------------------------------------------------------


def _charts(told: dict) -> dict[str, dict]:
    charts = {}
    if "import" in told:
        costs = _costs(told, "import")
        charts["import"] = {
            "title": f"First import of {told['import']['messages']:,} messages,"
            " all with contacts",
            "y": "messages/s",
            "bars": {
                name.removeprefix(f"{ALL}, "): _messages(told, name) / cost.seconds
                for name, cost in costs.items()
                if name.startswith(ALL)
            },
        }
    if "far" in told:
        charts["import-over-round-trip"] = {
            "title": f"First import of {told['far']['messages']:,} messages",
            "x": "round trip, ms",
            "y": "seconds",
            "lines": {
                _short_name(name): line
                for name, line in _lines(
                    told, "far", lambda name: int(name.split()[0])
                ).items()
            },
        }
    if "growth" in told:
        charts |= _growth_charts(told)
    return charts


def _short_name(name: str) -> str:
    share, _comma, who = name.partition(", ")
    return who if share == ALL else f"{who}, a tenth"


def _growth_charts(told: dict) -> dict[str, dict]:
    curves = told["growth"]["curves"]
    most = max(curves, key=int)
    cpu = _lines(told, "idle", int, "cpu", 1000)
    return {
        "import-over-messages": {
            "title": "First import, three of ten messages with contacts",
            "x": "messages in the mailbox",
            "y": "seconds",
            "log": "xy",
            "lines": _lines(told, "growth", int),
        },
        "memory-over-messages": {
            "title": f"Memory of a worker through an import of {int(most):,} messages",
            "x": "messages so far",
            "y": "MB, Odoo itself included",
            "lines": {OURS: [[mails, memory] for mails, memory, _at in curves[most]]},
        },
        "idle-over-messages": {
            "title": "A look at an unchanged mailbox of 20 folders",
            "x": "messages in the mailbox",
            "y": "ms of CPU",
            "log": "xy",
            "goal": [20, "ours shall be"],
            "lines": cpu,
        },
        "idle-bytes-over-messages": {
            "title": "A look at an unchanged mailbox of 20 folders",
            "x": "messages in the mailbox",
            "y": "bytes received",
            "log": "xy",
            "goal": [6_000, "ours shall be"],
            "lines": _lines(told, "idle", int, "received"),
        },
    }


def _lines(told, section, x, field="seconds", times=1) -> dict[str, list]:
    """Who -> [x, median, least, most], where a name is ``who, x``."""
    lines: dict[str, list] = {}
    for name, some in told[section]["costs"].items():
        who, _comma, at = name.rpartition(", ")
        values = [cost[field] * times for cost in some]
        if values:
            point = [x(at), statistics.median(values), min(values), max(values)]
            lines.setdefault(who, []).append(point)
    return lines
