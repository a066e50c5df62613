"""The page of a report, from documents: what was found first, then each bench with its plots and all its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from ranklet.bench import figures
from ranklet.bench.base import ABSENT, Row
from ranklet.bench.documents import Document
from ranklet.bench.report import svg
from ranklet.bench.report.plots import plots

STYLE = Path(__file__).with_name("style.css")
DASHES = ("", "6 3", "2 3", "8 3 2 3")


def page(documents: Sequence[Document]) -> str:
    """The whole HTML document."""
    links = "".join(f'<li><a href="#{_id(one)}">{escape(one.bench)}</a></li>' for one in documents)
    body = [
        "<header><h1>What ranklet costs, beside what it replaces</h1>",
        *(f'<p class="soft">{escape(line)}</p>' for line in _basis(documents)),
        f'<nav aria-label="Benches"><ul>{links}</ul></nav></header>',
        "<main>",
        *_headline(documents),
        *(part for one in documents for part in _bench(one)),
        "</main>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>ranklet bench</title><style>{STYLE.read_text(encoding='utf-8')}{_series()}</style></head>"
        f"<body>{chr(10).join(body)}</body></html>\n"
    )


def _series() -> str:
    """The classes of lines, whiskers, filled and hollow marks, by number of the series."""
    rules = []
    for number in range(svg.COLOURS):
        colour, dash = f"var(--s{number})", DASHES[number % len(DASHES)]
        dashed = f";stroke-dasharray:{dash}" if dash else ""
        rules.append(f".l{number}{{fill:none;stroke:{colour};stroke-width:2{dashed}}}.w{number}{{stroke:{colour}}}")
        rules.append(f".f{number}{{fill:{colour}}}")
        rules.append(f".o{number}{{fill:var(--band);stroke:{colour};stroke-width:2}}")
    return "".join(rules)


def _basis(documents: Sequence[Document]) -> Iterator[str]:
    machines = dict.fromkeys(figures.machine(one.machine) for one in documents if one.machine)
    dates = sorted(one.date for one in documents if one.date)
    if dates:
        yield dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    yield from machines
    yield "A ratio is ours divided by the other's: smaller is better; a speed-up is the other way round."


def _headline(documents: Sequence[Document]) -> Iterator[str]:
    found = [one for one in figures.found(documents) if one.value is not None or one.absent]
    if not found:
        return
    yield '<section aria-labelledby="held"><h2 id="held">What it is held to</h2><div class="scroll"><table><thead><tr>'
    yield '<th scope="col">figure</th><th scope="col" class="n">must</th><th scope="col" class="n">aim</th>'
    yield '<th scope="col">measured (least – greatest)</th><th scope="col">verdict</th></tr></thead><tbody>'
    for one in found:
        must, aim = (figures.limit(one.figure, most) for most in (one.figure.must, one.figure.aim))
        verdict = one.verdict + (", noisy" if one.noisy else "")
        yield (
            f'<tr><th scope="row">{escape(one.figure.what)}</th><td class="n">{must}</td>'
            f'<td class="n">{aim}</td><td>{escape(figures.measured(one))}</td>'
            f'<td class="{one.verdict}">{verdict}</td></tr>'
        )
    yield "</tbody></table></div></section>"


def _bench(one: Document) -> Iterator[str]:
    name = escape(one.bench)
    yield f'<section aria-labelledby="{_id(one)}"><h2 id="{_id(one)}">{name}</h2>'
    if one.error is not None:
        yield f'<p class="missed">This bench failed: {escape(one.error)}</p>'
    if one.noisy:
        yield (
            '<p class="noisy">Noisy: what should take the same time moved by more than 30 %. Believe ratios, and times '
            "not at all.</p>"
        )
    for line in one.over:
        yield f'<p class="missed">{escape(line)}</p>'
    yield from plots(one.bench, one.rows)
    if one.rows:
        yield f'<details><summary>All {len(one.rows)} figures of {name}</summary><div class="scroll">'
        yield from _table(one.rows)
        yield "</div></details>"
    yield "</section>"


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield '<table><thead><tr><th scope="col">figure</th><th scope="col" class="n">N</th>'
    yield '<th scope="col" class="n">value</th><th scope="col">unit</th><th scope="col" class="n">least</th>'
    yield '<th scope="col" class="n">greatest</th><th scope="col">peer</th></tr></thead><tbody>'
    for row in rows:
        least, greatest = ("", "") if row.spread is None else (f"{value:.4g}" for value in row.spread)
        value = ABSENT if row.value is None else f"{row.value:.4g}"
        peer = "" if row.value is None else escape(row.peer or "")
        yield (
            f'<tr><th scope="row">{escape(row.figure)}</th><td class="n">{row.n or ""}</td><td class="n">{value}</td>'
            f'<td>{escape(row.unit)}</td><td class="n">{least}</td><td class="n">{greatest}</td><td>{peer}</td></tr>'
        )
    yield "</tbody></table>"


def _id(one: Document) -> str:
    return "bench-" + "".join(letter if letter.isalnum() else "-" for letter in one.bench)
