# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Numbers as a picture: lines or bars, in SVG that a README shows.

    python benchmarks/chart.py benchmarks/results/*.json

draws each entry of ``charts`` in a file of results to ``benchmarks/charts/NAME.svg``::

    {"charts": {"import-over-messages": {
        "title": "First import", "x": "messages", "y": "seconds", "log": "xy",
        "goal": [60, "shall be"],                        # a dashed line; optional
        "lines": {"crm_mail_mirror": [[2000, 3], [20000, 24.1, 22, 26]]}}}}

A point is x, y and, if known, the lowest and the highest y. ``"bars": {"mbsync": 12}``
instead of ``lines`` makes bars, longest first unless ``"sorted": false``. ``log`` names
the axes that grow tenfold.
"""

import json
import math
import sys
from html import escape
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "charts"
# Okabe and Ito's: told apart by who sees fewer colours, too
COLOURS = "#0072b2 #d55e00 #009e73 #cc79a7 #e69f00 #56b4e9 #555555 #000000".split()
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 100, 46, 84, 60
GREY, LIGHT = "#555", "#ddd"


def svg(chart: dict) -> str:
    """:param chart: see above. :return: the text of an SVG"""
    body, height = _bars(chart) if "bars" in chart else (_lines(chart), HEIGHT)
    title = escape(chart["title"])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" role="img" aria-label="{title}"'
        ' font-family="DejaVu Sans, Verdana, sans-serif" font-size="13">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n'
        + _text(20, 28, chart["title"], size=17, colour="#000")
        + f"{body}</svg>\n"
    )


def _lines(chart: dict) -> str:
    points = [point for line in chart["lines"].values() for point in line]
    goal = chart.get("goal")
    ys = [value for point in points for value in point[1:]] + (
        [goal[0]] if goal else []
    )
    log = chart.get("log", "")
    x = _Axis([point[0] for point in points], LEFT, WIDTH - RIGHT, "x" in log)
    y = _Axis(ys, HEIGHT - BOTTOM, TOP, "y" in log, least=0)
    parts = []
    for value in y.ticks:
        parts.append(_line([(LEFT, y(value)), (WIDTH - RIGHT, y(value))], LIGHT, 1))
        parts.append(_text(LEFT - 8, y(value) + 4, _told(value), "end"))
    for value in x.ticks:
        parts.append(_line([(x(value), HEIGHT - BOTTOM), (x(value), TOP)], LIGHT, 1))
        parts.append(_text(x(value), HEIGHT - BOTTOM + 18, _told(value), "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, chart["x"], "middle"))
    parts.append(_text(LEFT, TOP - 10, chart["y"]))
    if goal:
        dash = ' stroke-dasharray="6 5"'
        parts.append(
            _line([(LEFT, y(goal[0])), (WIDTH - RIGHT, y(goal[0]))], GREY, 2, dash)
        )
        parts.append(_text(WIDTH - RIGHT - 4, y(goal[0]) - 6, goal[1], "end"))
    at = 20
    for number, (name, line) in enumerate(chart["lines"].items()):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(_line([(x(p[0]), y(p[1])) for p in line], colour, 2.5))
        for each in line:
            across, dots = x(each[0]), len(line) <= 40
            if len(each) == 4:
                span = [(across, y(each[2])), (across, y(each[3]))]
                parts.append(_line(span, colour, 1.5))
            if dots:
                parts.append(
                    f'<circle cx="{across:.1f}" cy="{y(each[1]):.1f}" r="4"'
                    f' fill="{colour}"/>\n'
                )
        parts.append(_line([(at, 48), (at + 22, 48)], colour, 3))
        parts.append(_text(at + 28, 52, name))
        at += 28 + 8 * len(name) + 22
    return "".join(parts)


def _bars(chart: dict) -> tuple[str, int]:
    rows = list(chart["bars"].items())
    if chart.get("sorted", True):
        rows.sort(key=lambda row: -row[1])
    left = 30 + 8 * max(len(name) for name, _value in rows)
    height = 62 + 34 * len(rows) + 50
    x = _Axis([value for _name, value in rows], left, WIDTH - 90, False, least=0)
    parts = []
    for value in x.ticks:
        parts.append(_line([(x(value), 50), (x(value), height - 46)], LIGHT, 1))
        parts.append(_text(x(value), height - 30, _told(value), "middle"))
    for number, (name, value) in enumerate(rows):
        top, colour = 58 + 34 * number, COLOURS["crm_mail_mirror" not in name]
        parts.append(
            f'<rect x="{left}" y="{top}" width="{max(1, x(value) - left):.1f}"'
            f' height="24" fill="{colour}"/>\n'
        )
        parts.append(_text(left - 8, top + 17, name, "end"))
        parts.append(_text(x(value) + 6, top + 17, _told(value)))
    parts.append(_text((left + WIDTH - 90) / 2, height - 10, chart["y"], "middle"))
    return "".join(parts), height


class _Axis:
    """Called with a value: where it lies. ``ticks``: values to be written there."""

    def __init__(self, values, start, end, log, least=None):
        self._start, self._end, self._log = start, end, log
        low, high = min(values), max(values)
        if log:
            first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
            few = (1, 2, 5) if last - first < 3 else (1,)
            self.ticks = [b * 10**e for e in range(first, last + 1) for b in few]
            below = max((t for t in self.ticks if t <= low), default=low)
            above = min((t for t in self.ticks if t >= high), default=high)
            self.ticks = [tick for tick in self.ticks if below <= tick <= above]
            self._low, self._high = math.log10(below), math.log10(above)
        else:
            low = low if least is None else min(least, low)
            step = 10 ** math.floor(math.log10((high - low) / 4 or 1))
            step *= next(s for s in (1, 2, 5, 10) if (high - low) / (s * step) <= 6)
            if all(value == int(value) for value in values):
                step = max(step, 1)
            first, last = math.floor(low / step), math.ceil(high / step)
            self.ticks = [number * step for number in range(first, last + 1)]
            self._low, self._high = first * step, max(last, first + 1) * step

    def __call__(self, value):
        value = math.log10(value) if self._log else value
        share = (value - self._low) / ((self._high - self._low) or 1)
        return self._start + share * (self._end - self._start)


def _told(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.3g}"


def _text(x, y, text, anchor="start", size=13, colour="#333") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
        f' fill="{colour}">{escape(text)}</text>\n'
    )


def _line(points, colour, width, more="") -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}"'
        f' stroke-width="{width}"{more}/>\n'
    )


def draw(results: Path) -> list[Path]:
    """Draw what a file of results has to show. :return: the pictures"""
    FOLDER.mkdir(exist_ok=True)
    drawn = []
    for name, chart in json.loads(results.read_text("utf-8")).get("charts", {}).items():
        picture = FOLDER / f"{name}.svg"
        picture.write_text(svg(chart), "utf-8")
        drawn.append(picture)
    return drawn


if __name__ == "__main__":
    for given in sys.argv[1:]:
        print(*draw(Path(given)), sep="\n")
