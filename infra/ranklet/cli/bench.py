"""`ranklet bench`: what ranklet costs on this machine, beside what it replaces."""

from __future__ import annotations

import importlib

import click

from ranklet import project
from ranklet.bench import BENCHES
from ranklet.bench.base import ABSENT, Report, Row, Setting
from ranklet.cli import terminal


@click.command()
@click.argument("name", metavar="BENCH")
@click.option("--quick", is_flag=True, help="Fewer rounds: a look, no result.")
@click.option("--install-peers", is_flag=True, help="Fetch absent peers from PyPI into .build/bench first.")
@terminal.as_json
def bench(name: str, quick: bool, install_peers: bool, as_json: bool) -> None:
    """Measure one thing against the alternatives, interleaved in one run, in CPU time.

    \b
    ranklet bench tables
    ranklet bench tables --quick --json | jq '.rows[] | select(.unit == "ratio")'
    ranklet bench engines --install-peers --json | jq '.rows[] | select(.figure | test("-vs-xgboost"))'

    Ratios are ours divided by the other's: smaller is better. Exit code 1 if an answer was wrong, never for a time.
    """
    if name not in BENCHES:
        raise click.BadParameter(f"there is no bench {name!r}; there are: {', '.join(BENCHES)}")
    module, function = BENCHES[name].split(":")
    setting = Setting(project.find().build / "bench", quick=quick, install_peers=install_peers)
    with terminal.progress(f"bench {name}") as progress:
        report: Report = getattr(importlib.import_module(module), function)(setting, progress)
    if as_json:
        terminal.emit(report.document())
        return
    columns = ("figure", "n:", "value:", "unit", "least:", "greatest:", "peer")
    terminal.show(f"{name}, {report.date}", columns, [_line(row) for row in report.rows])
    if report.noisy:
        terminal.OUT.print("[yellow]noisy[/]: the control moved by more than 30 %; measure again on a quiet machine")


def _line(row: Row) -> list[str]:
    least, greatest = map(_number, row.spread or (None, None))
    value = ABSENT if row.value is None else _number(row.value)
    return [row.figure, str(row.n or ""), value, row.unit, least, greatest, row.peer or ""]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
