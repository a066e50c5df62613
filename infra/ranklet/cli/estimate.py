"""`ranklet estimate`: what a model will cost, before anything is deployed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from ranklet import golden, pipeline, prices, project, proof
from ranklet.cli import terminal
from ranklet.deployable import Deployable, ready
from ranklet.dialects import FORMS, retrieval
from ranklet.errors import ModelError
from ranklet.estimate import account, drawing
from ranklet.estimate.usage import Usage, measure
from ranklet.estimate.ways import Way
from ranklet_runtime.function import Function

FORM = "native-json"


@click.command()
@click.argument("model")
@click.option("--rps", type=click.FloatRange(min=0, min_open=True), required=True, help="Requests a second, all month.")
@click.option("--candidates", type=click.IntRange(min=1), help="Of a request; else [traffic] candidates.")
@click.option("--hit-rate", type=click.FloatRange(0, 1), help="Of keys in DynamoDB; else [traffic] cache_hit_rate.")
@click.option("--busy-ms", type=click.FloatRange(min=0, min_open=True), help="Of one vCPU; else measured here.")
@click.option("--cold-share", type=click.FloatRange(0, 1), default=0.0005, show_default=True, help="Of requests.")
@click.option("--prices", "file", type=click.Path(path_type=Path, dir_okay=False), help="Your own prices.toml.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw it: .svg, .png or .pdf.")
@terminal.as_json
def estimate(
    model: str,
    rps: float,
    candidates: int | None,
    hit_rate: float | None,
    busy_ms: float | None,
    cold_share: float,
    file: Path | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Tell what MODEL costs a month and per million requests, beside the other ways to run it.

    \b
    ranklet estimate movie-din --rps 50
    ranklet estimate movie-din --rps 50 --candidates 1000 --busy-ms 3.5 --picture din.svg
    ranklet estimate movie-ftrl --rps 5 --json | jq '.compute[] | {name, month}'

    How long a request computes is measured on this machine with a golden request, unless --busy-ms says it; that is
    not Lambda's processor. Data that leaves AWS, logs and alarms are not in it.
    """
    known = prices.load() if file is None else prices.read(file)
    here = project.find()
    (folder,) = here.models([model])
    with terminal.progress("estimate") as progress:
        built = ready(here, folder, build=lambda place: pipeline.build(place, out=here.build, progress=progress))
        traffic = built.model.traffic
        usage = Usage(
            rps=rps,
            candidates=candidates or round(traffic.candidates),
            hit_rate=traffic.cache_hit_rate if hit_rate is None else hit_rate,
            busy_ms=busy_ms or 0.0,
            memory_mb=built.model.function.memory,
            architecture=built.model.function.architecture,
            cold_share=cold_share,
        )
        if busy_ms is None:
            progress(f"measuring a request of {usage.candidates} candidates")
            usage = _measured(built, folder, here.build / "tables", usage)
    found = account.account(built.model, built.manifest, usage, known)
    table = account.sensitivity(built.model, built.manifest, usage, known)
    if picture is not None:
        title = f"{model}, {usage.candidates} candidates, prices of {known.date}"
        drawing.draw(picture, title, usage, lambda other: account.account(built.model, built.manifest, other, known))
    if as_json:
        terminal.emit({"model": model, **account.document(found, table, known)})
        return
    _print(model, found, table, known)


def _measured(built: Deployable, folder: Path, tables: Path, usage: Usage) -> Usage:
    """With what a request takes here, its tables in a DynamoDB on this machine."""
    if built.fetched:
        raise ModelError(f"{built.model.name} fetches a table from S3 when it starts; say --busy-ms")
    rows = golden.read(folder / built.model.golden.file)
    with ExitStack() as stack:
        environ = proof.environment([tables / table.physical for table in built.tables], stack)
        form = FORMS[FORM] if built.manifest.retrieve is None else retrieval.FORMS["retrieve-json"]
        found = measure(Function.open(built.bundle, environ), rows[0], form, usage.candidates)
    return replace(usage, busy_ms=found.busy_ms, request_bytes=found.request_bytes, answer_bytes=found.answer_bytes)


def _print(model: str, found: account.Account, table: list[tuple[str, list[float]]], known: prices.Prices) -> None:
    usage = found.usage
    title = (
        f"{model}: {usage.rps:g} requests a second of {usage.candidates} candidates, each {usage.busy_ms:.2f} ms of a "
        f"vCPU, {usage.memory_mb} MB; prices of {known.date}, {known.region}"
    )
    columns = ("", "choice", "a month:", "a million:", "of which", "")
    lines = [_line(way, found) for way in (*found.compute, *found.api, *found.rows, *found.others)]
    terminal.show(title, columns, lines)
    terminal.OUT.print(
        f"as model.toml has it (marked): [bold]${found.total:,.2f} a month[/], "
        f"${found.total / usage.requests * 1e6:,.2f} a million requests"
    )
    factors = [f"× {factor:g}:" for factor in account.FACTORS]
    terminal.show("dollars a month when one thing changes", ("", *factors), [
        [name, *(f"{value:,.2f}" for value in values)] for name, values in table
    ])  # fmt: skip


def _line(way: Way, found: account.Account) -> list[str]:
    parts = ", ".join(f"{name} {dollars:,.2f}" for name, dollars in way.dollars.items() if dollars)
    million = way.total / found.usage.requests * 1e6
    mark = "●" if way.name in found.chosen else ""
    return [mark, way.name, f"${way.total:,.2f}", f"${million:,.3f}", parts, way.note]
