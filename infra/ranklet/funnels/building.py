"""A funnel's way: from `functions/<name>/funnel.toml` and its stages' proven bundles to one of its own.

The stages are built first where they are not, or older than their files. Then: check that they go together, choose the
layout, write the bundle, replay the golden requests through it and through the stages one by one, seal it. Nothing in
the bundle depends on when or where it was built.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from ranklet import certificate, freshness, pipeline, proof, tree
from ranklet.compose import threads
from ranklet.deployable import Deployable, ready
from ranklet.environment import NONE, Environment
from ranklet.errors import ModelError
from ranklet.funnels import facts, golden, layout, openapi, settings, stages
from ranklet.funnels.proof import Told, prove
from ranklet.funnels.settings import FILE, Funnel
from ranklet.project import Project
from ranklet_runtime.funnel.facts import FILE as ITEMS
from ranklet_runtime.funnel.function import OPENAPI
from ranklet_runtime.funnel.plan import FORMAT, KIND, STAGES, Limits, Plan

Progress = Callable[[str], None]
ANSWERS = "answers.json"
"""What follows a bundle's name: the golden requests with the answers that were proven, for whoever deployed it."""


@dataclass(frozen=True)
class BuiltFunnel:
    """What a build made. reason: why the layout is what it is. bytes counts the bundle's files."""

    funnel: str
    folder: Path
    plan: Plan
    certificate: certificate.Certificate
    reason: str
    bytes: int


def build(project: Project, folder: Path, *, progress: Progress = lambda what: None) -> BuiltFunnel:
    """Build the funnel in `folder`, and the stages that it lacks. Raises what their builds raise, and ModelError.

    A bundle is the same in all environments, so no settings but those of the toml files have a say in it.
    """
    progress(f"reading {FILE}")
    funnel = settings.load(folder)
    rows = golden.read(_below(folder, funnel.golden.file))
    models = stage_models(project, funnel, progress=progress)
    place = project.bundle(funnel.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{funnel.name}-", dir=place.parent) as scratch:
        bundle = Path(scratch) / "bundle"
        plan, reason = _write(funnel, folder, models, bundle)
        progress(f"replaying {len(rows)} golden requests")
        bound = funnel.golden.max_abs_diff or (proof.ONNX_BOUND if _onnx(models) else proof.NUMPY_BOUND)
        proven = prove(bundle, plan, models, rows, bound=bound, staging=project.build / "tables")
        sealed = certificate.Certificate(certificate.digest(bundle), len(rows), bound, proven.paths)
        certificate.write(sealed, bundle)
        if place.exists():
            shutil.rmtree(place)
        bundle.rename(place)
    place.with_name(f"{place.name}.{ANSWERS}").write_bytes(_answers(rows, proven.answers))
    mark(project, funnel, folder)
    return BuiltFunnel(funnel.name, place, plan, sealed, reason, tree.size(place))


def stage_models(
    project: Project,
    funnel: Funnel,
    *,
    progress: Progress = lambda what: None,
    environment: Environment = NONE,
    build: Callable[[Path], object] | None = None,
) -> list[Deployable]:
    """The stages' models with their proven bundles, one a stage; what is missing is built."""

    def own(folder: Path) -> object:
        return pipeline.build(folder, out=project.build, progress=lambda what: progress(f"{folder.name}: {what}"))

    there = {path.parent.name for path in project.functions.glob("*/model.toml")}
    for at, stage in enumerate(funnel.stages):
        if stage.model not in there:
            raise ModelError(
                f"{funnel.name}/{FILE}: $.stages[{at}].model: no model {stage.model!r} in functions/; there are: "
                f"{', '.join(sorted(there)) or 'none'}"
            )
    found = {
        name: ready(project, project.functions / name, build=build or own, environment=environment)
        for name in dict.fromkeys(stage.model for stage in funnel.stages)
    }
    return [found[stage.model] for stage in funnel.stages]


def source(project: Project, funnel: Funnel, folder: Path) -> str:
    """The digest of all that a funnel's bundle is made of."""
    bundles = sorted({certificate.read(project.bundle(stage.model)).bundle for stage in funnel.stages})
    return " ".join([freshness.digest(folder), *bundles])


def mark(project: Project, funnel: Funnel, folder: Path) -> None:
    """Note what the bundle was built from."""
    freshness.mark(project.bundle(funnel.name), source(project, funnel, folder))


def _write(funnel: Funnel, folder: Path, models: Sequence[Deployable], bundle: Path) -> tuple[Plan, str]:
    known = facts.read(funnel, folder, [one.manifest for one in models[1:]])
    found = stages.stages(funnel, models, facts=known.names)
    chosen, reason = layout.choose(funnel, models)
    limits = Limits(funnel.limits.items, funnel.limits.body_bytes, funnel.limits.deadline_ms)
    plan = Plan(
        funnel.name,
        str(funnel.version),
        found,
        chosen,
        limits,
        funnel.api.surplus,
        threads(funnel.function.memory),
    )
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").write_bytes(document(plan))
    (bundle / OPENAPI).write_bytes(openapi.text(funnel, plan, [one.manifest for one in models]))
    if known.columns:
        (bundle / ITEMS).write_bytes(known.document())
    if chosen == "one":
        for one in {one.bundle: one for one in models}.values():
            shutil.copytree(one.bundle, bundle / STAGES / one.model.name)
    return plan, reason


def document(plan: Plan) -> bytes:
    """manifest.json's bytes."""
    fields = dataclasses.asdict(plan)
    return orjson.dumps({"format": FORMAT, "kind": KIND, **fields}, option=orjson.OPT_INDENT_2)


def _answers(rows: Sequence[Mapping[str, object]], answers: Sequence[Told]) -> bytes:
    told = [
        {"request": row, "items": one.ids, "scores": one.scores, "values": one.values}
        for row, one in zip(rows, answers, strict=True)
    ]
    return orjson.dumps(told)


def _onnx(models: Sequence[Deployable]) -> bool:
    return any(one.uses_onnx for one in models)


def _below(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ModelError(f"{name} is outside the funnel's folder; put it below {folder.name}/")
    return path
