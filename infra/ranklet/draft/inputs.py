"""Of each tensor that a graph takes, a raw input and the feature that makes the tensor of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ranklet.draft.sides import Guess, guess
from ranklet.errors import ImportRefused
from ranklet.importers.base import Exported, TensorSpec

UNKNOWN_IDS = 1 << 31
"""`size` of a category whose table is not to be seen: all that the runtime allows."""


@dataclass(frozen=True)
class Drafted:
    """One tensor of the graph. raw and feature: fields of model.toml's lines. mask: the tensor that is this bag's mask.

    notes: what the author should check.
    """

    tensor: str
    spec: TensorSpec
    guess: Guess
    raw: Mapping[str, Any]
    feature: Mapping[str, Any]
    mask: str | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def ids(self) -> bool:
        """Whether it takes ids, not numbers."""
        return bool(self.raw["type"] == "int")


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


def item_key(drafted: Sequence[Drafted]) -> str | None:
    """The raw input that names a candidate: a single id of the items' side, one that says so by preference."""
    ids = [one.tensor for one in drafted if one.ids and one.guess.side == "item" and "list" not in one.raw]
    return min(ids, key=lambda name: (not name.lower().endswith("id"), len(name)), default=None)


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
    return Drafted(spec.name, spec, guess(spec.name), raw, {"kind": "dense", "of": spec.name})


def _ids(spec: TensorSpec, *, one: bool) -> Drafted:
    size = spec.limit or UNKNOWN_IDS
    notes: tuple[str, ...] = ()
    if not spec.limit:
        notes = (f"how many ids it has is not to be seen in the graph; set its size (now {size})",)
    feature: dict[str, Any] = {"kind": "category" if one else "bag", "of": spec.name, "size": size, "oov": "error"}
    if one:
        return Drafted(spec.name, spec, guess(spec.name), {"type": "int"}, feature, notes=notes)
    if (length := (spec.shape or ())[1]) is not None:
        feature["length"] = length
    feature["pad"] = 0
    notes += ("shorter lists are padded with id 0 at the end, and cut to their first ids; see pad and keep",)
    raw = {"type": "int", "list": True, "default": []}
    return Drafted(spec.name, spec, guess(spec.name, several=True), raw, feature, notes=notes)


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
