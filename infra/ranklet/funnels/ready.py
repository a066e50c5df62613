"""A funnel that may be deployed: like a model, with a bundle that is its own and the tables of all its stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from ranklet import certificate, freshness, pipeline
from ranklet.deployable import Deployable, check
from ranklet.deployable import ready as ready_model
from ranklet.environment import NONE, Environment
from ranklet.errors import BundleError
from ranklet.funnels import building, settings
from ranklet.funnels.building import source, stage_models
from ranklet.funnels.settings import FILE
from ranklet.model import Model
from ranklet.project import Project
from ranklet.settings.release import Release
from ranklet_features.spec import FeatureSpec
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.funnel.function import paths
from ranklet_runtime.funnel.plan import Plan
from ranklet_runtime.manifest import Limits, Manifest
from ranklet_runtime.watched import Watched

ENTRY = "ranklet_runtime.funnel.handler.handler"


@dataclass(frozen=True)
class FunnelDeployable(Deployable):
    """manifest: what the funnel's function holds, as if it were one model: the steps and tables of its stages.

    plan: the funnel's own.
    """

    plan: Plan


def ready(
    project: Project,
    folder: Path,
    *,
    build: Callable[[Path], object],
    build_model: Callable[[Path], object] | None = None,
    environment: Environment = NONE,
) -> FunnelDeployable:
    """The funnel of a folder with its proven bundle; what is missing, or older than its files, is built.

    Raises BundleError for a bundle without a valid certificate, and what `load` and the builds raise.
    """
    funnel = settings.load(folder)
    model = _plain(environment.applied(funnel.as_model()))
    check(model, folder / FILE)
    models = stage_models(project, funnel, environment=environment, build=build_model)
    bundle = project.bundle(funnel.name)
    if bundle.exists():
        certificate.verify(bundle)
    if not freshness.has_mark(bundle, source(project, funnel, folder)):
        build(folder)
    certificate.verify(bundle)
    plan = _plan(bundle)
    if (plan.funnel, plan.version) != (funnel.name, str(funnel.version)):
        raise BundleError(f"{bundle} is {plan.funnel} version {plan.version}; run `ranklet build {funnel.name}`")
    every = tuple({one.model.name: one for one in models}.values())
    apart = tuple(replace(one, model=_plain(one.model)) for one in every) if plan.layout == "each" else ()
    inside = () if apart else every
    return FunnelDeployable(
        model,
        _whole(plan, inside),
        bundle,
        entry=ENTRY,
        paths=_paths(funnel.name),
        plan=plan,
        stages=apart,
        parts=tuple(stage.name for stage in plan.stages),
    )


def of_folder(
    project: Project,
    folder: Path,
    *,
    progress: Callable[[str], None] = lambda what: None,
    environment: Environment = NONE,
) -> Deployable:
    """The model or the funnel of a folder; what is missing is built. Raises as `ready` does."""
    if settings.is_funnel(folder):

        def build(place: Path) -> object:
            return building.build(project, place, progress=progress)

        return ready(project, folder, build=build, environment=environment)

    def build_model(place: Path) -> object:
        return pipeline.build(place, out=project.build, progress=progress)

    return ready_model(project, folder, build=build_model, environment=environment)


def _plain(model: Model) -> Model:
    """What a stack of a funnel makes of a model: no release by itself, and no right to invoke its own versions."""
    api = msgspec.structs.replace(model.api, versions=False)
    return msgspec.structs.replace(model, release=Release(), api=api)


def _paths(name: str) -> tuple[str, ...]:
    return (f"/{name}", f"/{name}/{{proxy+}}", *paths(name))


def _whole(plan: Plan, inside: tuple[Deployable, ...]) -> Manifest:
    tables = {f"{one.model.name}/{name}": table for one in inside for name, table in one.manifest.spec.tables.items()}
    return Manifest(
        model=plan.funnel,
        version=plan.version,
        spec=FeatureSpec({}, {}, tables),
        steps=tuple(step for one in inside for step in one.manifest.steps),
        score="",
        dialects=(),
        limits=Limits(plan.limits.items, plan.limits.body_bytes, plan.limits.deadline_ms),
        threads=plan.threads,
        watch=Watched(phases=False),
        # With it comes the right to fetch items that came after the build.
        retrieve=next((one.manifest.retrieve for one in inside if one.manifest.retrieve is not None), None),
    )


def _plan(bundle: Path) -> Plan:
    try:
        return Plan.read(bundle / "manifest.json")
    except ManifestError as error:
        raise BundleError(f"{bundle}: {error}") from error
