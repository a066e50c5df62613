"""Combinations: the ids of several features (or the values of scalar inputs) hashed together into buckets.

A name means the feature if there is one, else the input. Bags multiply: [n, L1] and [n, L2] cross to
[n, L1 · L2], row by row, the last bag running fastest. Where any part has its pad, so has the cross.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from math import prod
from typing import Self

import numpy as np

from ranklet_features.hashing import MAX_BUCKETS, cross_codes, start, to_buckets
from ranklet_features.kinds.base import Array, Compiled, Scope, Tensor, Values, side_of
from ranklet_features.kinds.ids import codes


@dataclass(frozen=True)
class Options:
    """buckets: how many ids. seed: gives two crosses of the same parts different collisions. pad: the id of nothing."""

    buckets: int
    seed: int = 0
    pad: int = -1


class Cross(Compiled):
    """int64 [n], or over bags [n, L]. A cross of both sides has one row per candidate."""

    schema = Options
    of_features = True

    def __init__(self, options: Options, scope: Scope, parts: list[Tensor]) -> None:
        bags = [part.shape[0] for part in parts if part.shape]
        width = None if None in bags else prod(length for length in bags if length is not None)
        side = side_of([part.side for part in parts])
        super().__init__(scope, {scope.feature: Tensor("int64", (width,) if bags else (), side)})
        self.of = scope.of
        self.gaps = {name: _arrays(scope.features[name].pads) for name in scope.of if name in scope.features}
        self.bags = len(bags)
        axes = count(1)
        self.axes = [next(axes) if part.shape else 0 for part in parts]
        self.options = options
        self.begin, self.nothing = start(options.seed), np.array([options.pad])
        self.pads = (options.pad,) if any(self.gaps.values()) else ()
        self.ids = max(options.buckets, options.pad + 1) if self.pads else options.buckets

    @classmethod
    def compile(cls, options: Options, scope: Scope) -> Self:
        if len(scope.of) < 2:
            raise scope.error("a cross is made of at least two features or inputs")
        if not 1 <= options.buckets <= MAX_BUCKETS:
            raise scope.error(f"buckets is {options.buckets}; it must be from 1 to {MAX_BUCKETS}")
        if not -1 <= options.pad <= options.buckets:
            raise scope.error(f"pad is {options.pad}; it must be from -1 to {options.buckets}")
        return cls(options, scope, [_part(name, scope) for name in scope.of])

    def run(self, values: Values) -> dict[str, Array]:
        parts, empty = [], []
        for name, axis in zip(self.of, self.axes, strict=True):
            part = _on_axis(self._raw(name, values), axis, self.bags)
            parts.append(part)
            empty += [part == gap for gap in self.gaps.get(name, ())]
        ids = to_buckets(cross_codes(parts, self.begin), self.options.buckets)
        for places in empty:
            np.copyto(ids, self.nothing, where=places)
        return {self.name: ids.reshape(len(ids), prod(ids.shape[1:])) if self.bags > 1 else ids}

    def _raw(self, name: str, values: Values) -> Array:
        if name in self.gaps:
            return values.tensors[name]
        return codes(values.columns[name]).view(np.int64)


def _arrays(pads: tuple[int, ...]) -> list[Array]:
    return [np.array([pad]) for pad in pads]


def _on_axis(part: Array, axis: int, bags: int) -> Array:
    """[n] or [n, L] → [n, 1, …, L, …, 1], the bag on its own axis, so that bags multiply by broadcasting."""
    if not bags:
        return part
    shape = [1] * (bags + 1)
    shape[0] = len(part)
    if axis:
        shape[axis] = part.shape[1]
    return part.reshape(shape)


def _part(name: str, scope: Scope) -> Tensor:
    """The tensor that a name stands for. Raises SpecError for one that holds no ids."""
    if name in scope.features:
        made = scope.features[name].signature[name]
        if made.dtype != "int64":
            raise scope.error(f"feature {name!r} holds numbers, a cross is made of ids; make it a bucket or a category")
        return made
    declared = scope.inputs.get(name)
    if declared is None:
        raise scope.error(f"no feature or input {name!r}")
    scope.input(name, ("int", "string"), ("scalar",))
    return Tensor("int64", (), declared.side)
