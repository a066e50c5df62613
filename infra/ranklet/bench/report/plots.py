"""Which plots a bench's rows make: chosen by units and names alone, so that a new bench has its plots at once.

Times and dollars against candidates become lines where there are at least three numbers of them; ratios and speed-ups
become bars, at 500 candidates where there are such; `waterfall-<what>-<part>`, one row after the other, a waterfall.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from ranklet.bench.base import Row
from ranklet.bench.report import svg
from ranklet.bench.report.svg import Bar, Part, Point

TIMES = ("µs", "ms", "s")
MOST_SERIES, MOST_BARS = 8, 24
ABOUT = {
    "ratio": "Ours over the other's: left of the line ours takes less",
    "speedup": "The other's over ours: right of the line ours is faster",
}
USUAL = 500
"""Candidates at which figures are compared."""

PART = re.compile(r"waterfall-(?P<of>[^-]+)-(?P<name>.+(?<!-wall))")


def plots(bench: str, rows: Sequence[Row]) -> Iterator[str]:
    """The bench's figures, each a `<figure>`."""
    given = [row for row in rows if row.value is not None]
    yield from _waterfalls(given)
    for unit in sorted({row.unit for row in given if row.unit in (*TIMES, "$")}):
        series = _against(row for row in given if row.unit == unit)
        names = list(series)
        what = "Dollars against candidates" if unit == "$" else "Time against candidates"
        for first in range(0, len(names), MOST_SERIES):
            some = {name: series[name] for name in names[first : first + MOST_SERIES]}
            picture = svg.lines(f"{bench}: {what}", some, x="candidates", y=unit)
            yield _figure(f"{what}, {unit}, both axes logarithmic", picture, list(some))
    for unit, about in ABOUT.items():
        several = _at_usual([row for row in given if row.unit == unit and row.value and not _control(row)])
        for first in range(0, len(several), MOST_BARS):
            shown = several[first : first + MOST_BARS]
            same = {row.n for row in shown} == {shown[0].n}
            at = f"{shown[0].n} candidates or rows. " if same and shown[0].n else ""
            picture = svg.bars(
                f"{bench}: {unit}", [_bar(row, same) for row in shown], unit=unit, more=unit == "speedup"
            )
            yield _figure(f"{at}{about}; whiskers: the least and the greatest round", picture, [])


def _waterfalls(rows: Sequence[Row]) -> Iterator[str]:
    found: dict[tuple[str, str], list[Part]] = {}
    for row in rows:
        if (match := PART.fullmatch(row.figure)) and row.value is not None:
            parts = found.setdefault((match["of"], row.unit), [])
            parts.append(Part(match["name"], sum(part.length for part in parts), row.value))
    for (of, unit), parts in found.items():
        whole = sum(part.length for part in parts)
        picture = svg.waterfall(f"start of {of}", parts, unit=unit)
        yield _figure(f"{of}: what follows what at a start, {whole:.4g} {unit} of CPU in all", picture, [])


def _against(rows: Iterator[Row]) -> Mapping[str, list[Point]]:
    """Figures that were measured at three numbers of candidates or more."""
    found: dict[str, list[Point]] = {}
    for row in rows:
        if row.n and row.value:
            least, greatest = row.spread or (row.value, row.value)
            found.setdefault(row.figure, []).append(Point(row.n, row.value, least, greatest))
    return {name: sorted(points) for name, points in found.items() if len({point.x for point in points}) >= 3}


def _at_usual(rows: Sequence[Row]) -> list[Row]:
    """One row a figure: at the usual number of candidates, or at the greatest that there is."""
    best: dict[str, Row] = {}
    for row in rows:
        known = best.get(row.figure)
        if known is None or row.n == USUAL or (known.n != USUAL and (row.n or 0) > (known.n or 0)):
            best[row.figure] = row
    return list(best.values())


def _control(row: Row) -> bool:
    return "control" in row.figure.split("-")


def _bar(row: Row, same: bool) -> Bar:
    """same: whether all bars have its number of candidates, which its name need not tell then."""
    assert row.value is not None
    least, greatest = row.spread or (row.value, row.value)
    return Bar(f"{row.figure}{f', N = {row.n}' if row.n and not same else ''}", row.value, least, greatest)


def _figure(caption: str, picture: str, series: Sequence[str]) -> str:
    legend = "".join(
        f'<li><svg aria-hidden="true" viewBox="0 0 34 12" width="34" height="12">'
        f'<line class="l{number}" x1="0" x2="34" y1="6" y2="6"/>{svg.mark(number, 17, 6)}</svg>{escape(name)}</li>'
        for number, name in enumerate(series)
    )
    keys = f'<ul class="legend">{legend}</ul>' if series else ""
    return f'<figure><figcaption>{escape(caption)}</figcaption><div class="plot">{picture}</div>{keys}</figure>'
