"""`ranklet demo`: the whole way on five real models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.markup import escape

from ranklet import project
from ranklet.cli import terminal
from ranklet.demo.run import Outcome, run

COLUMNS = (
    *("model", "format", "engine", "golden rows:", "max |diff|:"),
    *("cold ms:", "warm p50 ms:", "requests:", "failed:"),
)


@click.command()
@terminal.as_json
def demo(as_json: bool) -> None:
    """Build, prove, synthesise, serve and call five models trained on MovieLens-100K.

    \b
    ranklet demo
    ranklet demo --json | jq '.models[].golden'

    Exit code 0 only if every golden row, every event and every request was answered as it must be.
    """
    here = project.find()
    with terminal.progress("demo") as progress:
        outcomes = run(here, progress=progress)
    ok = all(outcome.failures == 0 and outcome.rows > 0 and len(outcome.top) == 3 for outcome in outcomes)
    if as_json:
        terminal.emit({"ok": ok, "models": [outcome.document() for outcome in outcomes]})
    else:
        _show(outcomes)
    if not ok:
        raise SystemExit(1)


def _show(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.top:
            people = [_column(person) for person in outcome.top]
            terminal.show(f"{outcome.model}: the best of all films not rated yet", ["", *people], _places(outcome))
        for fault in outcome.faults:
            terminal.ERR.print(f"FAILED {outcome.model}: {fault}", style="red", markup=False)
    terminal.show("Served by awslambdaric, called over HTTP", COLUMNS, [_row(outcome) for outcome in outcomes])


def _column(person: Mapping[str, Any]) -> str:
    """Who it is, and where the vector comes from in a model that stores some."""
    return f"{person['user']} ({person['vector']})" if person["vector"] else str(person["user"])


def _places(outcome: Outcome) -> list[list[str]]:
    ranked = zip(*(person["items"] for person in outcome.top), strict=True)
    return [
        [str(place), *(escape(f"{film['title']}  {film['score']:.3f}") for film in films)]
        for place, films in enumerate(ranked, start=1)
    ]


def _row(outcome: Outcome) -> list[str]:
    return [
        outcome.model,
        outcome.format,
        outcome.engine,
        str(outcome.rows),
        f"{outcome.max_abs_diff:.1e}",
        f"{outcome.cold_ms:.0f}",
        f"{outcome.warm_p50_ms:.2f}",
        str(outcome.requests),
        str(outcome.failures),
    ]
