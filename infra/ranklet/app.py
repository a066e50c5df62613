"""The CDK app: one shared stack and one stack per model, synthesised without an account and without a network.

`cdk.json` runs `python -m ranklet.app`, so `cdk` wants the project's environment to be the active one. What is said to
`cdk` reaches the app as context:

- `-c models=a,b` synthesises these models alone (the shared stack is always there, with the layers of all);
- `-c env=prod` takes the settings of infra/environments/prod.toml: tags, names, and what it changes of model.toml's;
- `-c rate=200 -c burst=100` sets how many requests per second, and at once, the API takes over all models: a caller
  gone wild costs money until it is told 429. cdk.json holds what holds without.
- `-c domain=… -c certificate=ARN` puts all models on one domain (else the environment's `domain`, and the ARN in the
  SSM parameter /ranklet/domain/certificate); `-c target=local` leaves out what a stand-in for AWS refuses;
- `-c nag=true` holds the templates to cdk-nag's AwsSolutions rules (`nag`).

The feature flags of cdk.json: policies with few statements, versions that follow their layers, and the CDK's own rules
with the warnings of constructs in its validation.

Stages: read the models and check that each has a proven bundle (a missing one is built), build the layers, wire.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ranklet import artefacts, node
from ranklet import environment as environments
from ranklet.deployable import Builder, Deployable, ready
from ranklet.environment import Environment
from ranklet.errors import ModelError, RankletError
from ranklet.funnels.settings import described, is_funnel
from ranklet.packaging import layers, sizes, targets
from ranklet.project import Project, find
from ranklet.settings.api import Api
from ranklet.settings.watch import Watch
from ranklet.startup import budget

if TYPE_CHECKING:
    from aws_cdk import App

LayerBuilder = Callable[[str, str], Path]
"""The folder of a layer (name, architecture), built when it is not there."""

ALWAYS = ("features", "inference")
RATE, BURST = 1000, 500
"""Requests per second, and at once, where no context says otherwise."""

CONTEXT = {
    # The command line sets these two; a synthesis without it gives the same template, which `sam local` can read.
    "aws:cdk:enable-path-metadata": True,
    "aws:cdk:enable-asset-metadata": True,
}


def main() -> None:
    """What cdk.json runs. An error is one message on stderr, and its kind's exit code."""
    try:
        synthesise(find())
    except RankletError as error:
        _say(str(error))
        raise SystemExit(error.exit_code) from error


def synthesise(
    project: Project,
    *,
    out: Path | None = None,
    context: Mapping[str, Any] | None = None,
    build: Builder | None = None,
    layer: LayerBuilder | None = None,
) -> Path:
    """Write the cloud assembly and return its folder.

    out: where; by default where the `cdk` command asks for it, or a temporary folder without one.
    context: what `-c` would say. build and layer: how a missing bundle and a layer are made.
    Raises what `ready` and the layers' build raise.
    """
    node.use_node(os.environ)
    # Importing the CDK starts node, so not before it was chosen.
    import aws_cdk

    app = aws_cdk.App(
        outdir=str(out) if out else None,
        context={**CONTEXT, **_settings(project), **(context or {})},
        analytics_reporting=False,
    )
    environment = environments.load(project, app.node.try_get_context("env"))
    deployables = [
        _ready(project, folder, build or _builder(project), environment)
        for folder in project.folders(_names(app.node.try_get_context("models")))
    ]
    models = [environment.applied(described(folder)) for folder in project.folders()]
    _wire(
        app,
        deployables,
        _layers(project, environment, layer or _layer_builder(project)),
        apis=[model.api for model in models],
        watches={model.name: model.watch for model in models},
        environment=environment,
    )
    if str(app.node.try_get_context("nag") or "").lower() == "true":
        # Imported here: cdk-nag is 0.7 MB that no other synthesis loads.
        from ranklet import nag

        nag.check(app)
    return Path(app.synth().directory)


def _ready(project: Project, folder: Path, build: Builder, environment: Environment) -> Deployable:
    if not is_funnel(folder):
        return ready(project, folder, build=build, environment=environment)
    # Imported here: it brings importers and engines along, which models alone need not when they are built.
    from ranklet.funnels import building
    from ranklet.funnels import ready as funnels

    def build_funnel(folder: Path) -> object:
        _say(f"{folder.name} is not built yet: building it")
        return building.build(project, folder, progress=_say)

    return funnels.ready(project, folder, build=build_funnel, build_model=build, environment=environment)


def _wire(
    app: App,
    deployables: Sequence[Deployable],
    built: Mapping[tuple[str, str], Path],
    *,
    apis: Sequence[Api],
    watches: Mapping[str, Watch],
    environment: Environment,
) -> None:
    import aws_cdk

    from ranklet.stacks.funnel import FunnelStack
    from ranklet.stacks.model import ModelStack
    from ranklet.stacks.shared import SharedStack

    rate, burst = _number(app, "rate", RATE), _number(app, "burst", BURST)
    shared = SharedStack(app, layers=built, rate=rate, burst=burst, apis=apis, watches=watches, environment=environment)
    hashes = {key: layers.digest(folder) for key, folder in built.items()}
    for deployable in deployables:
        needed = {one.model.name: _needed(one, built, hashes) for one in (deployable, *deployable.stages)}
        stack: aws_cdk.Stack
        if deployable.entry is not None:
            stack = FunnelStack(app, deployable=deployable, layers=needed, environment=environment)
        else:
            layers_of = needed[deployable.model.name]
            stack = ModelStack(app, deployable=deployable, layers=layers_of, environment=environment)
        # An order, not a reference: `cdk deploy <model>` brings the shared stack up to date first, `-e` leaves it.
        stack.add_stack_dependency(shared)
    for key, value in environment.tags.items():
        aws_cdk.Tags.of(app).add(key, value)


def _needed(
    deployable: Deployable, built: Mapping[tuple[str, str], Path], hashes: Mapping[tuple[str, str], str]
) -> dict[str, str]:
    """The layers that a function needs, with their hashes. Raises what refuses a package that is too large."""
    architecture = deployable.model.function.architecture
    names = [*ALWAYS, "onnx"] if deployable.uses_onnx else ALWAYS
    parts = {f"layer {name}": built[name, architecture] for name in names}
    sizes.check({deployable.model.name: deployable.bundle} | parts)
    artefacts.check(deployable)
    budget.check_layers({name: built[name, architecture] for name in names})
    return {name: hashes[name, architecture] for name in names}


def _layers(project: Project, environment: Environment, layer: LayerBuilder) -> dict[tuple[str, str], Path]:
    """Every layer for every architecture that a model of the project has, whichever models are synthesised.

    A shared stack with fewer would take layers away from models that are deployed.
    """
    folders = project.folders()
    architectures = sorted({environment.applied(described(folder)).function.architecture for folder in folders})
    return {(name, architecture): layer(name, architecture) for architecture in architectures for name in layers.NAMES}


def _layer_builder(project: Project) -> LayerBuilder:
    out = project.build / "layers"
    return lambda name, architecture: layers.build(name, targets.lambda_target(architecture), out, progress=_say)


def _builder(project: Project) -> Builder:
    def build(folder: Path) -> object:
        # Importers and engines are loaded only when something is missing.
        from ranklet import pipeline

        _say(f"{folder.name} is not built yet: building it")
        return pipeline.build(folder, out=project.build, progress=_say)

    return build


def _settings(project: Project) -> dict[str, Any]:
    """The context of cdk.json, feature flags above all, so that every way to synthesise gives the same templates."""
    path = project.root / "cdk.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise ValueError("it holds no object")
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: {error}; the CDK's settings of this project belong there") from error
    return dict(document.get("context", {}))


def _names(value: Any) -> list[str]:
    return [name.strip() for name in str(value or "").split(",") if name.strip()]


def _number(app: App, name: str, default: int) -> int:
    value = app.node.try_get_context(name)
    try:
        number = default if value is None else int(value)
    except ValueError as error:
        raise ModelError(f"context {name}={value!r} is no whole number") from error
    if number < 1:
        raise ModelError(f"context {name}={number} would let nobody in; give at least 1")
    return number


def _say(what: str) -> None:
    print(f"ranklet: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
