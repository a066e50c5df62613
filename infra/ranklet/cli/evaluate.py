"""`ranklet evaluate`: how good a funnel is, and each of its stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ranklet import project
from ranklet.cli import terminal
from ranklet.funnels.evaluating.held_out import Query
from ranklet.project import Project


@click.command()
@click.argument("funnel", default="movie-funnel")
@click.option("--held-out", type=click.Path(path_type=Path, dir_okay=False), help="A file of queries of your own.")
@click.option("--requests", default=400, show_default=True, help="Of the demo's test split, that are searched for.")
@click.option("--at", default=10, show_default=True, help="Places that NDCG and recall look at.")
@terminal.as_json
def evaluate(funnel: str, held_out: Path | None, requests: int, at: int, as_json: bool) -> None:
    """Tell NDCG and AUC of each stage of FUNNEL, and the whole funnel beside each model alone.

    \b
    ranklet evaluate
    ranklet evaluate my-funnel --held-out queries.jsonl
    ranklet evaluate --json | jq '.ways'

    The demo's funnel is asked about the last tenth of MovieLens-100K, in time, which none of its models has learned
    from. A file of your own has {"request": {…}, "relevant": [ids], "judged": {"items": [ids], "labels": [0 or 1]}} a
    line. A model alone ranks everything that retrieval can find. A bundle that is missing is built.
    """
    here = project.find()
    with terminal.progress("evaluate") as progress:
        found = run(here, funnel, held_out, requests=requests, at=at, progress=progress)
    if as_json:
        terminal.emit(found)
    else:
        show(found, at)


def run(here: Project, name: str, held_out: Path | None, *, requests: int, at: int, progress: Any) -> dict[str, Any]:
    """The document that `--json` prints."""
    from ranklet.errors import ModelError
    from ranklet.funnels import building, ready
    from ranklet.funnels.evaluating.run import evaluate as measured
    from ranklet.funnels.settings import is_funnel, load

    if not is_funnel(here.functions / name):
        raise ModelError(f"functions/{name} has no funnel.toml; name a funnel")
    one = ready.ready(
        here,
        here.functions / name,
        build=lambda folder: building.build(here, folder, progress=progress),
    )
    models = building.stage_models(here, load(here.functions / name), progress=progress)
    split, queries = _queries(one.plan, name, held_out, requests)
    found = measured(one.bundle, one.plan, models, queries, staging=here.build / "tables", at=at, progress=progress)
    return {"funnel": name, "split": split, **found.document()}


def _queries(plan: Any, name: str, held_out: Path | None, requests: int) -> tuple[str, list[Query]]:
    from ranklet.demo import movielens, page
    from ranklet.demo.held_out import SPLIT, known
    from ranklet.demo.held_out import queries as of_demo
    from ranklet.errors import ModelError
    from ranklet.funnels.evaluating.held_out import read

    if held_out is not None:
        return held_out.name, read(held_out)
    if name != page.FUNNEL:
        raise ModelError(f"{name}: give --held-out a file of queries; only {page.FUNNEL} has a test split of its own")
    inputs = {
        "user": frozenset(name for stage in plan.stages for name in stage.user),
        "context": frozenset(name for stage in plan.stages for name in stage.context),
    }
    return SPLIT, known(of_demo(movielens.load(), searched=requests), inputs)


def show(found: dict[str, Any], at: int) -> None:
    """Two tables."""
    names = (f"ndcg@{at}", f"recall@{at}")
    rows = [[one["way"], *(f"{one[name]:.4f}" for name in names), f"{one['ms']:.2f}"] for one in found["ways"]]
    title = f"{found['funnel']}: {found['requests']} requests of {found['split']}"
    terminal.show(title, ["way", *(f"{name}:" for name in names), "ms:"], rows)
    judged = [
        [one["stage"], one["model"], "–" if one["auc"] is None else f"{one['auc']:.4f}", str(one["judged"])]
        for one in found["auc"]
    ]
    terminal.show("Items whose label is known", ["stage", "model", "AUC:", "items:"], judged)
