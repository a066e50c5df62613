"""The report as one page of HTML that needs nothing else: latency by share of requests, and second by second."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 260, 64, 40, 14
COLOURS = ("#3867d6", "#e67e22", "#c0392b")
NINES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
STEPS = (1, 2, 5, 10)

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 800px; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .15rem .8rem; text-align: right }
th:first-child, td:first-child { text-align: left } tr + tr { border-top: 1px solid #8884 }
svg { width: 100%; height: auto } svg text { font-size: 12px; fill: currentColor }
.grid { stroke: #8884 } .warn { color: #c0392b; font-weight: 600 }
"""

Point = tuple[float, float]


def page(told: dict[str, Any], lines: Sequence[tuple[str, str]], warnings: Sequence[str]) -> str:
    """The page. told: the JSON document. lines: what the table on the terminal says, and what is to be warned of."""
    title = f"{told['model']}: {told['rps']['asked']:g} requests a second, {told['seconds']:.0f} s"
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in lines)
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width'><title>{escape(title)}</title>"
    notes = "".join(f"<p class=warn>{escape(text)}</p>" for text in warnings)
    return (
        f"<!doctype html><html lang=en><head>{head}<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<p>{escape(told['url'])}, {escape(told['form'])}, {escape(told['date'])}; "
        f"{escape(str(told['machine']['processor']))}, {told['machine']['cores']} cores</p>{notes}<table>{rows}</table>"
        f"<h2>Latency by share of requests</h2>{_shares(told)}"
        f"<h2>Latency by second, in ms</h2>{_seconds(told, ('p50_ms', 'p99_ms', 'most_ms'))}"
        f"<h2>Requests by second</h2>{_seconds(told, ('sent', 'failed'))}</body></html>\n"
    )


def _shares(told: dict[str, Any]) -> str:
    """Milliseconds against nines: each nine has the same width."""
    points = [(_nines(one["share"]), one["ms"]) for one in told["distribution"] if one["share"] < 1]
    last = max((x for x, _ in points), default=1.0)
    ticks = [(_nines(share), f"{share * 100:g} %") for share in NINES if _nines(share) <= last + 1e-9]
    return _chart({"latency": points}, ticks)


def _nines(share: float) -> float:
    return -math.log10(1 - share)


def _seconds(told: dict[str, Any], names: Sequence[str]) -> str:
    series = {name.removesuffix("_ms"): [(one["second"], one[name]) for one in told["by_second"]] for name in names}
    last = max((x for points in series.values() for x, _ in points), default=1.0)
    step = _step(last)
    return _chart(series, [(tick * step, f"{tick * step:g} s") for tick in range(int(last / step) + 1)])


def _chart(series: dict[str, list[Point]], ticks: Sequence[tuple[float, str]]) -> str:
    """Lines over a common x; y begins at 0."""
    right = max([x for points in series.values() for x, _ in points] + [tick for tick, _ in ticks] + [1e-9])
    most = max([y for points in series.values() for _, y in points] + [1e-9])
    step = _step(most)
    top = math.ceil(most / step - 1e-9) * step

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - 10) * value / right

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top

    parts = [_level(y(level * step), f"{level * step:g}") for level in range(round(top / step) + 1)]
    parts += [f'<text x="{x(at):.1f}" y="{HEIGHT - 20}" text-anchor="middle">{label}</text>' for at, label in ticks]
    for number, (name, points) in enumerate(series.items()):
        parts.append(_line(points, x, y, COLOURS[number]))
        parts.append(f'<text x="{LEFT + 110 * number}" y="{HEIGHT - 3}" style="fill:{COLOURS[number]}">■ {name}</text>')
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>'


def _level(at: float, label: str) -> str:
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 10}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{label}</text>'
    )


def _line(points: Sequence[Point], x: Callable[[float], float], y: Callable[[float], float], colour: str) -> str:
    places = " ".join(f"{x(one):.1f},{y(other):.1f}" for one, other in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.6"/>'


def _step(most: float) -> float:
    """A round distance of which about five make the whole."""
    size: float = 10.0 ** math.floor(math.log10(max(most, 1e-9) / 5))
    return next(size * factor for factor in STEPS if size * factor * 5.000001 >= most)
