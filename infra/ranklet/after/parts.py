"""What a build reads for the steps after the scores, and what the manifest says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ranklet.after import calibration, formula
from ranklet.errors import ModelError
from ranklet.model import Model
from ranklet.settings.after import After
from ranklet_runtime.after.attributes import FILE


@dataclass(frozen=True)
class AfterParts:
    """options: `Manifest.after`. files: path in the bundle → content. scores: whether a step makes the score."""

    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    scores: bool = False


NO_STEPS = AfterParts()


def read(model: Model, resolve: Callable[[str], Path], folder: Path) -> AfterParts:
    """The steps of a model. Raises ModelError naming the field, and what reading the files raises."""
    after = model.after
    if not after.on:
        if after != After():
            raise ModelError(
                f"{model.name}: [after] has settings and no step; calibrate, blend, cap, diversify, explore"
            )
        return NO_STEPS
    if not model.output.ranks:
        raise ModelError(f"{model.name}: [after] works on scores, and output.ranks is false")
    if after.lists and "native" not in model.api.dialects:
        raise ModelError(
            f"{model.name}: [after] makes lists for `top_k`, which [api] dialects without native never get"
        )
    options: dict[str, Any] = {"pool": after.pool, "short": after.short, "requests": list(after.requests)}
    files: dict[str, bytes] = {}
    read = heads(model)
    options["heads"] = {name: _head(after, name) for name in read}
    if after.calibrate:
        options["calibrate"] = {head: calibration.read(resolve(file)) for head, file in after.calibrate.items()}
    if after.blend is not None:
        options["blend"] = {"operations": _operations(model)}
    if after.cap is not None:
        options["cap"], files = _cap(model, resolve, folder)
    if (one := after.diversify) is not None:
        options["diversify"] = {"method": one.method, "vectors": one.vectors, "weight": one.weight, "size": one.size}
    if after.explore is not None:
        options["explore"] = {"method": after.explore.method, "amount": after.explore.amount}
    vectors = [] if after.diversify is None else [after.diversify.vectors]
    options["tensors"] = sorted({after.head(name).tensor for name in read} | set(vectors))
    return AfterParts(options, files, bool(read))


def heads(model: Model) -> list[str]:
    """The tensors that are calibrated and blended, by the names of their heads. Raises ModelError."""
    after = model.after
    found = list(after.calibrate)
    if after.blend is not None:
        found += formula.heads(_operations(model))
    if unknown := sorted(set(after.heads) - set(found)):
        raise ModelError(f"{model.name}: after.heads names {unknown[0]!r}, which neither calibrate nor blend reads")
    return list(dict.fromkeys(found))


def _operations(model: Model) -> list[formula.Operation]:
    try:
        return formula.parse(model.after.blend or "")
    except ValueError as error:
        raise ModelError(f"{model.name}: after.blend: {error}") from error


def _head(after: After, name: str) -> dict[str, Any]:
    head = after.head(name)
    return {"tensor": head.tensor} if head.column is None else {"tensor": head.tensor, "column": head.column}


def _cap(model: Model, resolve: Callable[[str], Path], folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    cap = model.after.cap
    assert cap is not None, "where there is one"
    common = {"most": cap.most, "own": dict(cap.own), "first": cap.first}
    if cap.input is None:
        # Imported here: most caps are by an input, and tables' sources take their time.
        from ranklet.after import attributes

        return {**common, "attribute": True}, {FILE: attributes.read(model, cap, resolve, folder)}
    declared = model.inputs.get(cap.input)
    if declared is None or declared.side != "item":
        items = sorted(name for name, one in model.inputs.items() if one.side == "item")
        raise ModelError(f"{model.name}: after.cap.input is {cap.input!r}; it must be an item input: {items}")
    return {**common, "input": cap.input}, {}
