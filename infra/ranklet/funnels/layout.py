"""One function for all stages of a funnel, or one for each: by what fits into a package and into memory.

In one function a stage costs no call, and the user's features are read out of one request; so it is taken where it can
be. Functions apart scale each by itself, and each has the memory that it needs.
"""

from __future__ import annotations

from collections.abc import Sequence

from ranklet import tree
from ranklet.deployable import MB, Deployable
from ranklet.errors import ModelError
from ranklet.funnels.settings import FILE, Funnel
from ranklet.packaging.sizes import LIMIT
from ranklet.tables import room
from ranklet_runtime.funnel.plan import Layout


def choose(funnel: Funnel, models: Sequence[Deployable]) -> tuple[Layout, str]:
    """The layout and why. Raises ModelError where the author wants one function and the stages do not fit."""
    if funnel.functions == "each":
        return "each", 'functions = "each"'
    why = hurdle(funnel, models)
    if why is None:
        return "one", f"the stages' bundles take {_mb(_package(models))}, and fit into one function"
    if funnel.functions == "one":
        raise ModelError(f'{funnel.name}/{FILE}: functions = "one", but {why}; leave it out, or functions = "each"')
    return "each", why


def hurdle(funnel: Funnel, models: Sequence[Deployable]) -> str | None:
    """Why the stages do not fit into one function; None where they do."""
    onnx = any(one.uses_onnx for one in models)
    for one in models:
        if one.manifest.artefacts is not None:
            return f"{one.model.name} fetches its graphs from S3"
        if one.manifest.token is not None:
            return f"{one.model.name} gives tokens ([token]), whose key is that of a function of its own"
    package, left = _package(models), LIMIT - room.layers(onnx=onnx)
    if package > left:
        return f"the stages' bundles take {_mb(package)}, the layers leave {_mb(left)} of a package"
    memory, given = _memory(models, onnx=onnx), funnel.function.memory * MB
    if memory > given:
        return f"the stages need {_mb(memory)} of memory, [function] memory = {funnel.function.memory}"
    return None


def _package(models: Sequence[Deployable]) -> int:
    return sum(tree.size(bundle) for bundle in {one.bundle for one in models})


def _memory(models: Sequence[Deployable], *, onnx: bool) -> int:
    """Graphs and weights are read and copied; whatever else lies in a bundle is mapped once."""
    steps = mapped = 0
    for bundle in {one.bundle for one in models}:
        for name, path in tree.files(bundle):
            size = path.stat().st_size
            steps, mapped = (steps + size, mapped) if name.startswith("steps/") else (steps, mapped + size)
    fetched = sum(one.table_bytes for one in models)
    return room.needed(steps, onnx=onnx) + mapped + fetched


def _mb(size: int) -> str:
    return f"{size / MB:.1f} MB"
