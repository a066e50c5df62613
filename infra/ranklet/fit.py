"""Whether the parts of a model fit each other: each engine's inputs against the tensors that features and steps make.

A graph fed with the wrong tensor of the right shape still scores; what can be told from names, types, widths, id ranges
and sides is told here, at build time, with both ends named.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ranklet import standins
from ranklet.after import fitting
from ranklet.errors import ModelError
from ranklet.importers.base import Exported, TensorSpec
from ranklet_features import FeaturePlan
from ranklet_features.errors import SpecError
from ranklet_features.spec import Side, Table
from ranklet_features.stores.base import Keys, Rows
from ranklet_runtime.lookup import ENGINE as LOOKUP
from ranklet_runtime.manifest import Candidates, Manifest, Step
from ranklet_runtime.retrieval import Retrieve

WIDENED = {("float32", "float64"), ("int64", "int32")}
"""Casts that the runtime makes without loss (the second is checked value by value)."""


@dataclass(frozen=True)
class _Known:
    """A tensor that exists when a step runs. ids: how many different ids it holds, None for no ids.

    absent: whether it may hold -1, "no id".
    """

    dtype: str
    shape: tuple[int | None, ...] | None
    side: Side
    ids: int | None = None
    absent: bool = False


@dataclass
class _Declared:
    """A table that is known and not open: compiling reads no rows."""

    table: Table

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def check(manifest: Manifest, exported: Sequence[Exported], bundle: Path) -> None:
    """Compile the features as the function will, then walk the steps.

    Raises ModelError naming the feature, or the step, its input and the tensor, what each is, and the remedy.
    """
    standins.check(manifest, exported)
    plan = compiled(manifest, bundle)
    known = {
        name: _Known(tensor.dtype, tensor.shape, tensor.side, plan.ids.get(name), -1 in plan.pads.get(name, ()))
        for name, tensor in plan.signature.items()
    }
    ways: dict[Candidates, dict[str, _Known]] = {"any": known}
    for index, (step, part) in enumerate(zip(manifest.steps, exported, strict=True)):
        place = f"{manifest.model}/model.toml: steps[{index}]"
        known = ways.setdefault(step.candidates, dict(ways["any"]))  # few and many candidates know the same until then
        for spec in part.inputs:
            _input(place, step, spec, known)
        for spec in part.outputs:
            if (name := step.outputs.get(spec.name)) is None:
                continue
            if name in known:
                raise ModelError(f"{place} makes {name!r}, which is there already; rename it in outputs = {{ … }}")
            tail = None if spec.shape is None else spec.shape[1:]
            known[name] = _Known(spec.dtype or "float32", tail, _side(step, spec, known))
    if manifest.after:
        fitting.check(manifest, [way for name, way in ways.items() if name != "any" or len(ways) == 1])
    scored = bool(manifest.after.get("heads"))  # by what is not a tensor of the steps
    if manifest.retrieve is not None:
        _vector(manifest, manifest.retrieve, known)
    elif manifest.ranks and not scored and known[manifest.score].side != "item":
        raise ModelError(
            f"{manifest.model}/model.toml: output.score {manifest.score!r} is made of the user's features alone, so "
            "every candidate would score the same; feed an item's feature to its step"
        )


def _vector(manifest: Manifest, retrieve: Retrieve, known: Mapping[str, _Known]) -> None:
    """Raise ModelError where the user's vector is not one row as wide as the items'."""
    if retrieve.query is None:
        return
    place, dim = f"{manifest.model}/model.toml: retrieve.query {retrieve.query!r}", retrieve.index.dim
    if (tensor := known.get(retrieve.query)) is None:
        raise ModelError(f"{place} is made by nothing; there are {sorted(known)}")
    if tensor.dtype != "float32" or tensor.ids is not None:
        raise ModelError(f"{place} is {tensor.dtype}; a vector of float32 is needed")
    width = None if tensor.shape is None or None in tensor.shape else math.prod(size or 0 for size in tensor.shape)
    if width not in (None, dim):
        raise ModelError(f"{place} has {width} numbers, the items' vectors in the table have {dim}; both must meet")


def notes(manifest: Manifest, exported: Sequence[Exported], bundle: Path) -> Iterator[str]:
    """What fits and may still not be what the author meant."""
    signature = compiled(manifest, bundle).signature
    for step, part in zip(manifest.steps, exported, strict=True):
        names = [step.inputs[spec.name] for spec in part.inputs if spec.dtype == "float64"]
        narrow = [name for name in names if name in signature and signature[name].dtype == "float32"]
        exact = _rounded(part, step) if narrow else set()
        if narrow := [name for name in narrow if name not in exact]:
            yield (
                f"{narrow} are features of 32 bits, and the graph reads doubles: what lies between two thresholds may "
                'score otherwise; dense features take dtype = "float64"'
            )


def _rounded(part: Exported, step: Step) -> set[str]:
    """Tensors of which the graph itself makes floats before it reads them."""
    if part.content is None or step.engine != "onnx":
        return set()
    from ranklet.graph.rounded import rounded  # which needs onnx

    own = {spec.name for spec in part.inputs if spec.dtype == "float64"}
    return {step.inputs[name] for name in rounded(part.content, own)}


def compiled(manifest: Manifest, bundle: Path) -> FeaturePlan:
    """Raises ModelError for a spec that does not compile."""
    tables = {name: _Declared(table) for name, table in manifest.spec.tables.items()}
    try:
        return FeaturePlan.compile(manifest.spec, bundle, tables, stored=manifest.stored)
    except SpecError as error:
        raise ModelError(f"{manifest.model}/model.toml: {error}") from error


def _side(step: Step, spec: TensorSpec, known: Mapping[str, _Known]) -> Side:
    """An item step whose inputs have one row each gives one row; looked-up rows are as many as their ids."""
    if step.engine == LOOKUP:
        return known[step.inputs[spec.name]].side
    items = any(known[tensor].side == "item" for tensor in step.inputs.values())
    return "item" if items and step.rows == "item" else "user"


def _input(place: str, step: Step, spec: TensorSpec, known: Mapping[str, _Known]) -> None:
    name = step.inputs[spec.name]
    if name not in known:
        raise ModelError(
            f"{place}: the {step.engine} engine's input {spec.name!r} is fed by {name!r}, which nothing makes; name a "
            f"feature so, or say which one feeds it in inputs = {{ {spec.name} = … }}; there are {sorted(known)}"
        )
    tensor = known[name]
    if step.rows == "user" and tensor.side == "item":
        raise ModelError(f'{place} has rows = "user", but its input {name!r} differs by item; make it rows = "item"')
    if spec.name in step.once and tensor.side == "item":
        raise ModelError(f"{place}: once names {spec.name!r}, but its tensor {name!r} differs by item")
    for fault in (_dtype(spec, tensor), _ids(spec, tensor), _absent(step, spec, tensor), _shape(spec, tensor)):
        if fault:
            raise ModelError(f"{place}: input {spec.name!r} of the {step.engine} engine {fault} ({name!r})")


def _dtype(spec: TensorSpec, tensor: _Known) -> str | None:
    if spec.dtype in (None, tensor.dtype) or (tensor.dtype, spec.dtype) in WIDENED:
        return None
    return f"takes {spec.dtype}, its tensor is {tensor.dtype}: change the feature's kind, or export the graph anew"


def _ids(spec: TensorSpec, tensor: _Known) -> str | None:
    """Ids beyond the weights would read another row, or none."""
    if spec.limit is None or tensor.ids is None or tensor.ids <= spec.limit:
        return None
    return (
        f"holds {spec.limit} ids, its feature makes {tensor.ids}: train again with this model.toml, or mend its sizes"
    )


def _absent(step: Step, spec: TensorSpec, tensor: _Known) -> str | None:
    """-1 reads nothing in the NumPy engines; in a graph's table it would read the last row."""
    if step.engine != "onnx" or spec.limit is None or not tensor.absent:
        return None
    return "reads a table by id, where -1 is its last row: give the feature a pad and an oov_index of 0 or more"


def _shape(spec: TensorSpec, tensor: _Known) -> str | None:
    if tensor.shape is None:
        return None
    if spec.limit is not None and tensor.dtype == "float32" and tensor.ids is None and spec.shape is None:
        width = None if None in tensor.shape else math.prod(size or 0 for size in tensor.shape)
        return None if width in (None, spec.limit) else f"is {spec.limit} wide, its tensor {width}: feed it another"
    if spec.shape is None:
        return None
    wanted, given = _squeezed(spec.shape[1:]), _squeezed(tensor.shape)
    same = len(wanted) == len(given) and all(a == b or None in (a, b) for a, b in zip(wanted, given, strict=True))
    return None if same else f"takes [rows, {list(spec.shape[1:])}], its tensor is [rows, {list(tensor.shape)}]"


def _squeezed(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Without a last dimension of 1: the runtime adds or drops it."""
    return shape[:-1] if shape and shape[-1] == 1 else shape
