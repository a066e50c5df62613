"""`ranklet bench`: what ranklet costs on this machine, beside what it replaces."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from ranklet import project
from ranklet.bench import BENCHES, documents, everything, machine
from ranklet.bench.base import ABSENT, Report, Row, Setting
from ranklet.bench.documents import Document
from ranklet.cli import terminal
from ranklet.errors import BenchError

ALL, REPORT, TABLE = "all", "report", "table"
SELECTION = ("counts", "warm")
"""What a quick run without a name looks at, in about a minute: what may not grow, and the hot path."""


@click.command()
@click.argument("name", metavar="[BENCH]", required=False)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--quick", is_flag=True, help="Fewer rounds: a look, no result. Without BENCH a selection in a minute.")
@click.option(
    "--install", "--install-peers", "install_peers", is_flag=True, help="Fetch absent peers into .build/bench."
)
@click.option(
    "--peer", "peers", multiple=True, metavar="NAME", help="Of the bench peers: this server alone; may be repeated."
)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a report with plots, one file.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Put the table into a file instead, between <!-- figures --> and <!-- /figures -->.",
)
@terminal.as_json
def bench(
    name: str | None,
    files: tuple[Path, ...],
    quick: bool,
    install_peers: bool,
    peers: tuple[str, ...],
    html: Path | None,
    into: Path | None,
    as_json: bool,
) -> None:
    """Measure one thing against the alternatives, interleaved in one run, in CPU time.

    \b
    ranklet bench tables
    ranklet bench tables --quick --json | jq '.rows[] | select(.unit == "ratio")'
    ranklet bench engines --install --json | jq '.rows[] | select(.figure | test("-vs-xgboost"))'
    ranklet bench peers --peer mangum --peer fastapi         our function beside two servers
    ranklet bench all --json --html report.html > all.json   every bench in turn, absent peers as absent
    ranklet bench --quick                  counts and the hot path, in a minute
    ranklet bench report a.json b.json --html report.html    plots of what was measured before
    ranklet bench table all.json --into README.md            the figures that ranklet is held to, in Markdown

    Ratios are ours divided by the other's: smaller is better. Exit code 1 if an answer was wrong or a count is above
    its budget, never for a time.
    """
    if name in (REPORT, TABLE):
        _kept(name, files, html=html, into=into)
        return
    if name is None and not quick:
        raise click.UsageError(f"name a bench: {', '.join(BENCHES)}, or {ALL}; or ask for a --quick look")
    if name not in (None, ALL, *BENCHES) or files:
        raise click.BadParameter(f"there is no bench {name!r}; there are: {', '.join([*BENCHES, ALL])}")
    if peers:
        _check(name, peers)
    setting = Setting(project.find().build / "bench", quick=quick, install_peers=install_peers, peers=peers)
    found = _several(name, setting, as_json) if name in (None, ALL) else [_single(name, setting, as_json)]
    if html is not None:
        _write(found, html)
    _end(found)


def _check(name: str | None, peers: Sequence[str]) -> None:
    # Imported here: no other bench has servers.
    from ranklet.bench.peers.table import PEERS

    if name != "peers":
        raise click.UsageError("--peer is for the bench peers alone")
    if unknown := sorted(set(peers) - PEERS.keys()):
        raise click.BadParameter(f"there is no peer {unknown[0]!r}; there are: {', '.join(PEERS)}")


def _single(name: str, setting: Setting, as_json: bool) -> Document:
    module, function = BENCHES[name].split(":")
    with terminal.progress(f"bench {name}") as progress:
        report: Report = getattr(importlib.import_module(module), function)(setting, progress)
    document = Document.of(name, report)
    if as_json:
        terminal.emit(report.document())
    else:
        _show(document)
    return document


def _several(name: str | None, setting: Setting, as_json: bool) -> list[Document]:
    described, date = machine.describe(), datetime.now(UTC).isoformat(timespec="seconds")
    found = []
    with terminal.progress("bench") as progress:
        for document in everything.run(list(BENCHES) if name == ALL else SELECTION, setting, progress):
            found.append(document)
            if not as_json:
                _show(document)
    if as_json:
        terminal.emit(documents.joined(found, described, date))
    return found


def _kept(name: str, files: Sequence[Path], *, html: Path | None, into: Path | None) -> None:
    """Reports of earlier runs: those in files, or what `ranklet bench all` left."""
    kept = files or sorted((project.find().build / "bench" / everything.RESULTS).glob("*.json"))
    if not kept:
        raise click.UsageError("name reports that `ranklet bench --json` printed; no `ranklet bench all` has left any")
    found = [document for path in kept for document in documents.read(path)]
    if name == TABLE:
        # Imported here: a single bench needs no table.
        from ranklet.bench import figures

        if into is not None:
            figures.put(figures.markdown(found), into)
        else:
            click.echo("\n".join(figures.markdown(found)))
    if name == REPORT and html is None:
        raise click.UsageError("say where the report goes: --html report.html")
    if html is not None:
        _write(found, html)


def _write(found: Sequence[Document], html: Path) -> None:
    # Imported here: most runs print a table.
    from ranklet.bench import report

    report.write(found, html)
    terminal.ERR.print(f"report: {html}", markup=False)


def _end(found: Sequence[Document]) -> None:
    """Raise BenchError where something was wrong, or above its budget."""
    wrong = [f"{one.bench}: {one.error}" for one in found if one.error is not None]
    if faults := [*wrong, *(line for one in found for line in one.over)]:
        raise BenchError("\n".join(faults))


def _show(document: Document) -> None:
    columns = ("figure", "n:", "value:", "unit", "least:", "greatest:", "peer")
    terminal.show(f"{document.bench}, {document.date}", columns, [_line(row) for row in document.rows])
    if document.noisy:
        terminal.OUT.print("[yellow]noisy[/]: the control moved by more than 30 %; measure again on a quiet machine")


def _line(row: Row) -> list[str]:
    least, greatest = map(_number, row.spread or (None, None))
    value = ABSENT if row.value is None else _number(row.value)
    return [row.figure, str(row.n or ""), value, row.unit, least, greatest, row.peer or ""]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
