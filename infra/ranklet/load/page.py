"""The report as one page of HTML that needs nothing else: latency by share of requests, and second by second."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from ranklet.bench.report.page import STYLE

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 260, 64, 40, 14
NINES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
STEPS = (1, 2, 5, 10)

SERIES = "".join(
    f".l{number}{{fill:none;stroke:var(--s{number});stroke-width:2{dash}}}.k{number}{{fill:var(--s{number})}}"
    for number, dash in enumerate(("", ";stroke-dasharray:6 3", ";stroke-dasharray:2 3"))
)
"""Of the lines and their names, beside the style of the benches' pages."""

Point = tuple[float, float]


def page(told: dict[str, Any], lines: Sequence[tuple[str, str]], warnings: Sequence[str]) -> str:
    """The page. told: the JSON document. lines: what the table on the terminal says, and what is to be warned of."""
    title = f"{told['model']}: {told['rps']['asked']:g} requests a second, {told['seconds']:.0f} s"
    rows = "".join(f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in lines)
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width'><title>{escape(title)}</title>"
    notes = "".join(f'<p class="missed">{escape(text)}</p>' for text in warnings)
    style = STYLE.read_text(encoding="utf-8") + SERIES
    return (
        f"<!doctype html><html lang=en><head>{head}<style>{style}</style></head><body><h1>{escape(title)}</h1>"
        f"<p>{escape(told['url'])}, {escape(told['form'])}, {escape(told['date'])}; "
        f"{escape(str(told['machine']['processor']))}, {told['machine']['cores']} cores</p>{notes}<table>{rows}</table>"
        f"{_figure('Latency in ms by share of requests', _shares(told))}"
        f"{_figure('Latency in ms by second', _seconds(told, ('p50_ms', 'p99_ms', 'most_ms')))}"
        f"{_figure('Requests by second', _seconds(told, ('sent', 'failed')))}</body></html>\n"
    )


def _figure(caption: str, picture: str) -> str:
    return f'<figure><figcaption>{caption}</figcaption><div class="plot">{picture}</div></figure>'


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
    parts += [
        f'<text class="t" x="{x(at):.1f}" y="{HEIGHT - 20}" text-anchor="middle">{label}</text>' for at, label in ticks
    ]
    for number, (name, points) in enumerate(series.items()):
        places = " ".join(f"{x(one):.1f},{y(other):.1f}" for one, other in points)
        parts.append(f'<polyline class="l{number}" points="{places}"/>')
        parts.append(f'<text class="t k{number}" x="{LEFT + 110 * number}" y="{HEIGHT - 3}">■ {name}</text>')
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{", ".join(series)}</title>{"".join(parts)}</svg>'


def _level(at: float, label: str) -> str:
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 10}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text class="t" x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{label}</text>'
    )


def _step(most: float) -> float:
    """A round distance of which about five make the whole."""
    size: float = 10.0 ** math.floor(math.log10(max(most, 1e-9) / 5))
    return next(size * factor for factor in STEPS if size * factor * 5.000001 >= most)
