"""`ranklet demo`: the whole way on five real models and a funnel of three."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.markup import escape

from ranklet import project
from ranklet.cli import terminal
from ranklet.cli.evaluate import evaluate
from ranklet.demo.funnel import FunnelOutcome
from ranklet.demo.page import FUNNEL
from ranklet.demo.run import Outcome, run

COLUMNS = (
    *("model", "format", "engine", "golden rows:", "max |diff|:"),
    *("cold ms:", "warm p50 ms:", "requests:", "failed:"),
)


@click.group(invoke_without_command=True)
@terminal.as_json
@click.pass_context
def demo(context: click.Context, as_json: bool) -> None:
    """Build, prove, synthesise, serve and call five models trained on MovieLens-100K, and a funnel.

    \b
    ranklet demo
    ranklet demo --json | jq '.models[].golden'
    ranklet demo evaluate

    Exit code 0 only if every golden row, every event and every request was answered as it must be. `evaluate` is
    `ranklet evaluate`: how good the funnel and each of its stages are.
    """
    if context.invoked_subcommand is not None:
        return
    here = project.find()
    with terminal.progress("demo") as progress:
        ran = run(here, progress=progress)
    if as_json:
        terminal.emit(ran.document())
    else:
        _show(ran.models)
        _show_funnel(ran.funnel)
    if not ran.ok:
        raise SystemExit(1)


demo.add_command(evaluate)


def _show(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.top:
            people = [_column(person) for person in outcome.top]
            terminal.show(f"{outcome.model}: the best of all films not rated yet", ["", *people], _places(outcome))
        for fault in outcome.faults:
            terminal.ERR.print(f"FAILED {outcome.model}: {fault}", style="red", markup=False)
    terminal.show("Served by awslambdaric, called over HTTP", COLUMNS, [_row(outcome) for outcome in outcomes])


def _show_funnel(found: FunnelOutcome) -> None:
    for fault in found.faults:
        terminal.ERR.print(f"FAILED {FUNNEL}: {fault}", style="red", markup=False)
    if found.top:
        ranked = zip(*(person["items"] for person in found.top), strict=True)
        places = [
            [str(place), *(escape(f"{film['title']}  {film['score']:.3f}") for film in films)]
            for place, films in enumerate(ranked, start=1)
        ]
        terminal.show(f"{FUNNEL}: the best of all films, in one request", ["", *(p["user"] for p in found.top)], places)
    stages = [[one["name"], one["model"], str(one["k"]), f"{one['ms']:.2f}"] for one in found.stages]
    stages.append(["whole", f"{found.rows} golden, {found.max_abs_diff:.1e}", "", f"{found.warm_p50_ms:.2f}"])
    title = f"{FUNNEL} ({found.layout} function), cold {found.cold_ms:.0f} ms; `ranklet serve` shows it at /"
    terminal.show(title, ["stage", "model", "go on:", "warm p50 ms:"], stages)


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
