"""A graph's own tensors as raw inputs: of each tensor a line of [inputs], and the feature that makes the tensor of it.

For graphs that come without a word on what callers send: ONNX files, and what other formats were converted to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.base import Exported, TensorSpec
from ranklet.importers.proposal import Columns, ProposedInput

UNKNOWN_IDS = 1 << 31
"""`size` of a category whose table is not to be seen: all that the runtime allows."""

LONGEST = 8
"""Of a drawn list whose length the graph leaves open."""

SCORES = ("score", "logit", "prob", "pred", "ctr", "rank", "output", "relevance")
"""Parts of names that an output which ranks is given, the most telling first."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Drafted:
    """One tensor of the graph. raw and feature: fields of model.toml's lines. mask: the tensor that is this bag's mask.

    notes: what the author should check.
    """

    tensor: str
    spec: TensorSpec
    raw: Mapping[str, Any]
    feature: Mapping[str, Any]
    mask: str | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def ids(self) -> bool:
        """Whether it takes ids, not numbers."""
        return bool(self.raw["type"] == "int")

    @property
    def input(self) -> ProposedInput:
        """Its line, and values to try."""
        return ProposedInput(self.raw, partial(_values, self))


def draft(exported: Exported) -> tuple[Drafted, ...]:
    """All inputs, masks with their bags. Raises ImportRefused for a tensor that no feature makes."""
    found = {spec.name: _draft(spec) for spec in exported.inputs}
    for name, bag in list(found.items()):
        mask = _mask_of(bag, [one for one in found.values() if not one.ids and one.tensor != name])
        if mask is not None:
            del found[mask]
            found[name] = replace(bag, mask=mask, feature={**bag.feature, "mask": True})
    if stray := [name for name, one in found.items() if one.raw.get("length", 1) is None]:
        raise ImportRefused(
            f"input {stray[0]!r} is [batch, any] of floats: no feature makes lists of numbers of any length; export it "
            "with a fixed width, or as the mask of a list of ids, named like it with _mask"
        )
    return tuple(found.values())


def score(exported: Exported, wanted: str | None = None) -> TensorSpec:
    """The output that ranks: one number a candidate, `wanted` or by its name where there are several.

    Raises ImportRefused where there is none.
    """
    single = [spec for spec in exported.outputs if (spec.dtype or "").startswith("float") and _is_one(spec)]
    if wanted is not None:
        single = [spec for spec in single if spec.name == wanted]
    if not single:
        shapes = {spec.name: spec.shape for spec in exported.outputs}
        asked = "no output" if wanted is None else f"{wanted!r} is asked for, and no such output"
        raise ImportRefused(
            f"{asked} is one number a candidate: {shapes}; export a score of shape [batch] or [batch, 1]"
        )
    return min(single, key=lambda spec: next((i for i, part in enumerate(SCORES) if part in spec.name.lower()), 99))


def masks(drafted: Sequence[Drafted]) -> dict[str, str]:
    """Of `[[steps]] inputs`: the graph's name of a mask → the tensor that feature assembly makes."""
    return {one.mask: f"{one.tensor}_mask" for one in drafted if one.mask and one.mask != f"{one.tensor}_mask"}


def feeds(drafted: Sequence[Drafted], columns: Columns) -> dict[str, Array]:
    """What the graph takes of these raw values, one row a candidate.

    Made here by hand: what feature assembly makes of the same request is what a build holds against it.
    """
    found: dict[str, Array] = {}
    for one in drafted:
        found |= _tensors(one, columns[one.tensor])
    return found


def _draft(spec: TensorSpec) -> Drafted:
    shape = spec.shape or ()
    if len(shape) > 2:
        raise ImportRefused(
            f"input {spec.name!r} has {len(shape)} dimensions; features make [batch] and [batch, n]: flatten it in the "
            "export and reshape inside the graph"
        )
    one = len(shape) < 2 or shape[1] == 1
    return _ids(spec, one=one) if (spec.dtype or "").startswith("int") else _numbers(spec, one=one)


def _numbers(spec: TensorSpec, *, one: bool) -> Drafted:
    raw: dict[str, Any] = {"type": "float"}
    if not one:
        raw["length"] = (spec.shape or ())[1]
    wide = {"dtype": "float64"} if spec.dtype == "float64" else {}
    return Drafted(spec.name, spec, raw, {"kind": "dense", "of": spec.name, **wide})


def _ids(spec: TensorSpec, *, one: bool) -> Drafted:
    size = spec.limit or UNKNOWN_IDS
    notes: tuple[str, ...] = ()
    if not spec.limit:
        notes = (f"how many ids it has is not to be seen in the graph; set its size (now {size})",)
    feature: dict[str, Any] = {"kind": "category" if one else "bag", "of": spec.name, "size": size, "oov": "error"}
    if one:
        return Drafted(spec.name, spec, {"type": "int"}, feature, notes=notes)
    if (length := (spec.shape or ())[1]) is not None:
        feature["length"] = length
    feature["pad"] = 0
    notes += ("shorter lists are padded with id 0 at the end, and cut to their first ids; see pad and keep",)
    return Drafted(spec.name, spec, {"type": "int", "list": True, "default": []}, feature, notes=notes)


def _mask_of(bag: Drafted, numbers: Sequence[Drafted]) -> str | None:
    """The float tensor of the same shape whose name is the bag's and `mask`."""
    if bag.feature["kind"] != "bag":
        return None
    for other in numbers:
        words = other.tensor.lower()
        rest = words.replace("mask", "").strip("_-. ")
        if "mask" in words and rest and (bag.tensor.lower().startswith(rest) or rest.startswith(bag.tensor.lower())):
            return other.tensor
    return None


def _is_one(spec: TensorSpec) -> bool:
    return spec.shape is not None and spec.shape[1:] in ((), (1,))


def _values(one: Drafted, random: np.random.Generator, count: int) -> list[Any]:
    """Raw values, one a row."""
    if not one.ids:
        shape = (count, one.raw["length"]) if "length" in one.raw else (count,)
        drawn: list[Any] = random.normal(size=shape).astype(np.float32).tolist()
        return drawn
    limit = min(one.feature["size"], 100) if one.spec.limit is None else one.spec.limit
    if "list" not in one.raw:
        return [int(value) for value in random.integers(0, limit, count)]
    longest = one.feature.get("length", LONGEST)
    return [random.integers(0, limit, random.integers(1, longest + 1)).tolist() for _ in range(count)]


def _tensors(one: Drafted, values: Sequence[Any]) -> dict[str, Array]:
    if "list" not in one.raw:
        return {one.tensor: _shaped(one, np.array(values, one.spec.dtype))}
    width = one.feature.get("length") or max(1, *map(len, values))  # as feature assembly has it
    ids = np.full((len(values), width), one.feature["pad"], one.spec.dtype)
    mask = np.zeros((len(values), width), np.float32)
    for row, value in enumerate(values):
        ids[row, : len(value)], mask[row, : len(value)] = value, 1
    found = {one.tensor: _shaped(one, ids)}
    return found if one.mask is None else found | {one.mask: mask}


def _shaped(one: Drafted, tensor: Array) -> Array:
    return tensor[:, None] if tensor.ndim == 1 and len(one.spec.shape or ()) == 2 else tensor
