"""`ranklet build`: bundles and their proof."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from ranklet import pipeline, precision, project
from ranklet.cli import starts, terminal
from ranklet.funnels import building
from ranklet.funnels.building import BuiltFunnel
from ranklet.funnels.settings import is_funnel
from ranklet.pipeline import Built
from ranklet.splitting import outcome
from ranklet.startup.account import Account
from ranklet_features.spec import Table


@click.command()
@click.argument("models", nargs=-1)
@click.option("--why-slow", is_flag=True, help="Start each model here, and tell what its cold start takes, by module.")
@terminal.as_json
def build(models: tuple[str, ...], why_slow: bool, as_json: bool) -> None:
    """Bundle MODELS and funnels (all of functions/ when none is named) and prove that they give the trainer's scores.

    \b
    ranklet build
    ranklet build movie-ftrl
    ranklet build movie-ftrl --json | jq '.[0].certificate'
    ranklet build movie-ftrl --why-slow

    Every golden request runs through the real handler in every form that clients send; a model whose scores differ
    from the trainer's by more than its bound is not bundled (exit code 4). A funnel is built of its stages' bundles,
    and must answer as they do one by one. Where this machine has the layers already, a model that imports more for
    its first answer than the budget allows fails as well; --why-slow builds the layers first.
    """
    here = project.find()
    built: list[Built] = []
    started: dict[str, Account | None] = {}
    funnels: list[BuiltFunnel] = []
    for folder in here.folders(models):
        with terminal.progress(folder.name) as progress:
            if is_funnel(folder):
                funnels.append(building.build(here, folder, progress=progress))
            else:
                built.append(one := pipeline.build(folder, out=here.build, progress=progress))
                started[one.model] = starts.measure(one, folder, here.build, fetch=why_slow, progress=progress)
    if as_json:
        told = [{**describe(one), **starts.told(started[one.model], one, here.build, asked=why_slow)} for one in built]
        terminal.emit([*told, *map(describe_funnel, funnels)])
        return
    if built:
        _show(built)
        starts.show([(one, started[one.model]) for one in built], here.build, asked=why_slow)
    if funnels:
        _show_funnels(funnels)


def describe(built: Built) -> dict[str, Any]:
    """One model of `ranklet build --json`, as DESIGN.md fixes it."""
    tables = built.manifest.spec.tables.values()
    return {
        "model": built.model,
        "bundle": f".build/functions/{built.model}",
        "bytes": built.bytes,
        "sha256": built.certificate.bundle,
        "certificate": dict(built.certificate.paths),
        "split": built.split,
        "artefacts": {"fetched": built.manifest.artefacts is not None, "reason": built.packaged},
        "notes": list(built.notes),
        **({} if (recall := built.certificate.recall) is None else {"recall": dataclasses.asdict(recall)}),
        "tables": [_table(built, table) for table in tables],
    }


def describe_funnel(built: BuiltFunnel) -> dict[str, Any]:
    """One funnel of `ranklet build --json`: the fields of a model that it has, and its stages."""
    return {
        "model": built.funnel,
        "bundle": f".build/functions/{built.funnel}",
        "bytes": built.bytes,
        "sha256": built.certificate.bundle,
        "certificate": dict(built.certificate.paths),
        "functions": {"layout": built.plan.layout, "reason": built.reason},
        "stages": [dataclasses.asdict(stage) for stage in built.plan.stages],
    }


def _show_funnels(built: list[BuiltFunnel]) -> None:
    rows = [
        [
            one.funnel,
            " → ".join(f"{stage.model} {stage.k}" for stage in one.plan.stages),
            terminal.size(one.bytes),
            str(one.certificate.rows),
            f"{max(one.certificate.paths.values()):.1e} ≤ {one.certificate.bound:.0e}",
            one.certificate.bundle[:12],
        ]
        for one in built
    ]
    columns = ["funnel", "stages, and how many go on", "size:", "golden:", "max |diff|:", "bundle"]
    terminal.show("Built, and as its stages one by one", columns, rows)
    for one in built:
        terminal.ERR.print(f"  {one.funnel} functions: {one.plan.layout}, {one.reason}", markup=False)


def _table(built: Built, table: Table) -> dict[str, Any]:
    """precision: null where rows are exact. dollars: per million requests, by placement."""
    narrowed = built.certificate.narrowed
    return {
        "name": table.name,
        "physical": table.physical,
        "placement": table.placement,
        "fetched": table.snapshot is not None,
        "reason": built.placements[table.name],
        "dollars": dict(built.dollars[table.name]),
        "rows": table.rows,
        "dim": table.dim,
        "dtype": table.dtype,
        "page": table.page,
        "precision": dataclasses.asdict(narrowed.tables[table.name])
        if narrowed and table.name in narrowed.tables
        else None,
    }


def _show(built: list[Built]) -> None:
    rows = []
    for one in built:
        worst = max(one.certificate.paths.values())
        named = [step.engine for step in one.manifest.steps if step.candidates != "few"]
        if one.certificate.recall is not None:
            named.append(f"{one.certificate.recall.layout} index")
        engines = " → ".join(named)
        proof = f"{worst:.1e} ≤ {one.certificate.bound:.0e}"
        rows.append(
            [
                one.model,
                engines,
                terminal.size(one.bytes),
                str(one.certificate.rows),
                proof,
                one.certificate.bundle[:12],
            ]
        )
    terminal.show("Built and proven", ["model", "engines", "size:", "golden:", "max |diff|:", "bundle"], rows)
    for one in built:
        for note in one.notes:
            terminal.ERR.print(f"  {one.model} {note}", markup=False, style="yellow")
        for line in outcome.lines(one.split) if one.split is not None else ():
            terminal.ERR.print(f"  {one.model} {line}", markup=False)
        terminal.ERR.print(f"  {one.model} graphs and weights: {one.packaged}", markup=False)
        if one.certificate.recall is not None:
            terminal.ERR.print(f"  {one.model} {one.certificate.recall.said}", markup=False)
        for path, gap in one.certificate.paths.items():
            terminal.ERR.print(f"  {one.model} {path}: {gap:.1e}", markup=False)
        for name, reason in one.placements.items():
            table = one.manifest.spec.tables[name]
            terminal.ERR.print(f"  {one.model} table {name} → {table.placement}: {reason}", markup=False)
        for name, found in one.certificate.narrowed.tables.items() if one.certificate.narrowed else ():
            terminal.ERR.print(f"  {one.model} {precision.account(name, found)}", markup=False)
