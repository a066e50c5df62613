"""Plots as inline SVG, drawn by ourselves: three kinds are all that a report needs, and a page must not load any other.

Colours are the page's own (`var(--s1)` …), so that a plot follows light and dark. Series differ by mark and dash as
well as by colour. Each plot has a title and a sentence for who does not see it; the numbers stand in the page's tables.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 820, 340
LEFT, RIGHT, TOP, BOTTOM = 70, 16, 12, 44
ROW, LABELS, LETTERS = 26, 310, 48
COLOURS = 8


class Point(NamedTuple):
    """A value at a number of candidates, between the least and the greatest."""

    x: float
    y: float
    least: float
    greatest: float


class Bar(NamedTuple):
    """A value by name; the spread is the value twice where there is none."""

    label: str
    value: float
    least: float
    greatest: float


class Part(NamedTuple):
    """A stretch of a waterfall: what began when, and how long it took."""

    label: str
    start: float
    length: float


def lines(title: str, series: Mapping[str, Sequence[Point]], *, x: str, y: str) -> str:
    """Values against a number, both on logarithmic axes, with a whisker for each spread."""
    points = [point for one in series.values() for point in one if point.y > 0]
    across = Axis.of([point.x for point in points], LEFT, WIDTH - RIGHT, exact=True)
    up = Axis.of([v for point in points for v in (point.least, point.greatest) if v > 0], HEIGHT - BOTTOM, TOP)
    body = [*_grid(across, up, x, y)]
    for number, one in enumerate(series.values()):
        body += _series(number % COLOURS, [point for point in one if point.y > 0], across, up)
    said = "; ".join(f"{name}: {', '.join(f'{p.y:.3g} at {p.x:g}' for p in one)}" for name, one in series.items())
    return _picture(title, f"{y} against {x}. {said}", body, HEIGHT)


def bars(title: str, given: Sequence[Bar], *, unit: str, more: bool = False) -> str:
    """Values by name on a logarithmic axis, with whiskers; they begin at 1, as fast as the other. more: is better."""
    values = [v for bar in given for v in (bar.value, bar.least, bar.greatest) if v > 0] + [1.0]
    height = TOP + ROW * len(given) + BOTTOM
    across = Axis.of(values, LABELS, WIDTH - RIGHT - 50)
    foot = height - BOTTOM
    body = [_line(across.at(tick), TOP, across.at(tick), foot, "grid") for tick in across.ticks]
    body += [_text(across.at(tick), foot + 16, f"{tick:g}", "middle") for tick in across.ticks]
    body.append(_text((LABELS + WIDTH - RIGHT) / 2, height - 6, unit, "middle"))
    origin = across.at(1.0)
    for number, bar in enumerate(given):
        middle = TOP + ROW * number + ROW / 2
        body.append(_text(LABELS - 8, middle + 4, _short(bar.label), "end"))
        if bar.value > 0:
            body += _bar(bar, origin, across, middle, good=bar.value >= 1 if more else bar.value <= 1)
    body.append(_line(origin, TOP, origin, foot, "level"))
    said = "; ".join(f"{bar.label}: {bar.value:.3g} ({bar.least:.3g} to {bar.greatest:.3g})" for bar in given)
    return _picture(title, said, body, height)


def waterfall(title: str, parts: Sequence[Part], *, unit: str) -> str:
    """What followed what, on a linear axis."""
    end = max((part.start + part.length for part in parts), default=1.0) or 1.0
    height, width = TOP + ROW * len(parts) + BOTTOM, WIDTH - RIGHT - 50 - LABELS
    foot, step = height - BOTTOM, _step(end)
    body = []
    for count in range(int(end / step) + 1):
        place = LABELS + width * count * step / end
        body += [_line(place, TOP, place, foot, "grid"), _text(place, foot + 16, f"{count * step:g}", "middle")]
    body.append(_text(LABELS + width / 2, height - 6, unit, "middle"))
    for number, part in enumerate(parts):
        top = TOP + ROW * number
        left, long = LABELS + width * part.start / end, max(1.0, width * part.length / end)
        body.append(_text(LABELS - 8, top + ROW / 2 + 4, _short(part.label), "end"))
        body.append(f'<rect class="f0" x="{left:.1f}" y="{top + 5:.1f}" width="{long:.1f}" height="{ROW - 10}"/>')
        body.append(_text(left + long + 5, top + ROW / 2 + 4, f"{part.length:.3g}", "start"))
    said = "; ".join(f"{part.label}: {part.length:.3g} {unit} from {part.start:.3g}" for part in parts)
    return _picture(title, said, body, height)


class Axis(NamedTuple):
    """A logarithmic axis from a place to another. ticks: where it has lines."""

    low: float
    high: float
    first: float
    last: float
    ticks: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float], low: float, high: float, *, exact: bool = False) -> Axis:
        """An axis that holds the values. exact: with a tick at each of them instead of round ones."""
        least, most = min(values, default=1.0), max(values, default=10.0)
        if exact:
            return cls(low, high, least / 1.3, most * 1.3, tuple(sorted(set(values))))
        ticks = _ticks(least, most)
        return cls(low, high, min(least, ticks[0]), max(most, ticks[-1]), ticks)

    def at(self, value: float) -> float:
        """The place of a value."""
        share = math.log(value / self.first) / math.log(self.last / self.first)
        return self.low + (self.high - self.low) * share


def _ticks(least: float, most: float) -> tuple[float, ...]:
    """1, 2 and 5 times powers of ten around the values; powers alone where those are many."""
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1
    steps = (1,) if high - low > 4 else (1, 2, 5)
    every = [float(f"{step}e{power}") for power in range(low, high + 1) for step in steps]
    first = max((tick for tick in every if tick <= least), default=every[0])
    last = min((tick for tick in every if tick >= most and tick > first), default=every[-1])
    return tuple(tick for tick in every if first <= tick <= last)


def _step(end: float) -> float:
    """A round step of which about six make the axis."""
    power = 10.0 ** math.floor(math.log10(end / 6))
    return next(step * power for step in (1, 2, 5, 10) if step * power * 7 >= end)


def _grid(across: Axis, up: Axis, x: str, y: str) -> Iterator[str]:
    for tick in up.ticks:
        yield _line(LEFT, up.at(tick), WIDTH - RIGHT, up.at(tick), "grid")
        yield _text(LEFT - 6, up.at(tick) + 4, f"{tick:g}", "end")
    for tick in across.ticks:
        yield _text(across.at(tick), HEIGHT - BOTTOM + 16, f"{tick:g}", "middle")
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x, "middle")
    yield f'<text class="t" transform="translate(14 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(y)}</text>'


def _series(number: int, points: Sequence[Point], across: Axis, up: Axis) -> Iterator[str]:
    places = [(across.at(point.x), up.at(point.y)) for point in points]
    yield f'<polyline class="l{number}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in places)}"/>'
    for point, (a, b) in zip(points, places, strict=True):
        if 0 < point.least < point.greatest:
            yield (
                f'<line class="w{number}" x1="{a:.1f}" x2="{a:.1f}" y1="{up.at(point.least):.1f}" '
                f'y2="{up.at(point.greatest):.1f}"/>'
            )
        yield mark(number, a, b)


def mark(number: int, x: float, y: float) -> str:
    """The series' sign: a circle, square, diamond or triangle, filled or not."""
    kind = ("f" if number < 4 else "o") + str(number)
    if number % 4 == 0:
        return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    corners = {
        1: ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        2: ((0, -5), (5, 0), (0, 5), (-5, 0)),
        3: ((0, -5), (5, 4), (-5, 4)),
    }[number % 4]
    return f'<polygon class="{kind}" points="{" ".join(f"{x + a:.1f},{y + b:.1f}" for a, b in corners)}"/>'


def _bar(bar: Bar, origin: float, across: Axis, middle: float, *, good: bool) -> Iterator[str]:
    end = across.at(bar.value)
    left, right = sorted((origin, end))
    kind = "f0" if good else "f1"
    yield f'<rect class="{kind}" x="{left:.1f}" y="{middle - 7:.1f}" width="{max(1.0, right - left):.1f}" height="14"/>'
    far = max(right, across.at(bar.greatest)) if bar.greatest > 0 else right
    if 0 < bar.least < bar.greatest:
        yield _line(across.at(bar.least), middle, across.at(bar.greatest), middle, "whisker")
        for value in (bar.least, bar.greatest):
            yield _line(across.at(value), middle - 4, across.at(value), middle + 4, "whisker")
    yield _text(far + 5, middle + 4, f"{bar.value:.3g}", "start")


def _short(label: str) -> str:
    return label if len(label) <= LETTERS else f"{label[: LETTERS - 1]}…"


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="t" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _picture(title: str, said: str, body: Iterable[str], height: float) -> str:
    head = f'<svg role="img" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}">'
    return f"{head}<title>{escape(title)}</title><desc>{escape(said)}</desc>{''.join(body)}</svg>"
