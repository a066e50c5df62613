"""Combinations: the ids of several features (or the values of scalar inputs) hashed together into buckets.

A name means the feature if there is one, else the input. Bags multiply: [n, L1] and [n, L2] cross to
[n, L1 · L2], row by row, the last bag running fastest. Where any part has its pad, so has the cross.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import count
from math import prod
from typing import Literal, Self

import numpy as np

from ranklet_features.columns import Column
from ranklet_features.hashing import MAX_BUCKETS, Codes, cross_codes, start, to_buckets
from ranklet_features.kinds.base import Array, Compiled, Scope, Tensor, Values, side_of
from ranklet_features.kinds.hashes import codes, texts
from ranklet_features.kinds.padding import Rectangle
from ranklet_features.lean import dataclass

TENSORFLOW_KEY = 0xDECAFCAFFE
"""Of crosses without a key of their own."""


@dataclass(frozen=True)
class Options:
    """buckets: how many ids. seed: gives two crosses of the same parts different collisions. pad: the id of nothing.

    hash: farmhash64 is the hash of TensorFlow's SparseCross and of Keras, from `hash_key` on: of strings their
    fingerprint, of integers and of features' ids the number itself; inputs may then be lists too.
    """

    buckets: int
    seed: int = 0
    pad: int = -1
    hash: Literal["splitmix64", "farmhash64"] = "splitmix64"
    hash_key: int | None = None


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
        self.nothing = np.array([options.pad])
        self.fold = _fold(options)
        self.lists = {name for name in scope.of if name not in scope.features and scope.inputs[name].list}
        self.pads = (options.pad,) if any(self.gaps.values()) or self.lists else ()
        self.ids = max(options.buckets, options.pad + 1) if self.pads else options.buckets

    @classmethod
    def compile(cls, options: Options, scope: Scope) -> Self:
        if len(scope.of) < 2:
            raise scope.error("a cross is made of at least two features or inputs")
        if not 1 <= options.buckets <= MAX_BUCKETS:
            raise scope.error(f"buckets is {options.buckets}; it must be from 1 to {MAX_BUCKETS}")
        if not -1 <= options.pad <= options.buckets:
            raise scope.error(f"pad is {options.pad}; it must be from -1 to {options.buckets}")
        if options.hash == "splitmix64" and options.hash_key is not None:
            raise scope.error('hash_key goes with hash = "farmhash64"')
        if options.hash != "splitmix64" and options.seed:
            raise scope.error(f"hash {options.hash} takes a hash_key, no seed")
        return cls(options, scope, [_part(name, scope, lists=options.hash == "farmhash64") for name in scope.of])

    def run(self, values: Values) -> dict[str, Array]:
        parts, empty = [], []
        for name, axis in zip(self.of, self.axes, strict=True):
            raw = self._raw(name, values)
            part = _on_axis(raw, axis, self.bags)
            parts.append(part)
            if name in self.lists:
                empty.append(_on_axis(_rectangle(values.columns[name]).mask() == 0, axis, self.bags))
            empty += [part == gap for gap in self.gaps.get(name, ())]
        ids = to_buckets(self.fold(parts), self.options.buckets)
        for places in empty:
            np.copyto(ids, self.nothing, where=places)
        return {self.name: ids.reshape(len(ids), prod(ids.shape[1:])) if self.bags > 1 else ids}

    def _raw(self, name: str, values: Values) -> Array:
        if name in self.gaps:
            return values.tensors[name]
        column = values.columns[name]
        found = self._codes(column).view(np.int64)
        return _rectangle(column).spread(found, 0) if name in self.lists else found

    def _codes(self, column: Column) -> Codes:
        if self.options.hash == "splitmix64" or not isinstance(column.values, list):
            return codes(column)
        from ranklet_features.farmhash import fingerprints  # as in `hasher`

        return fingerprints(texts(column))


def _rectangle(column: Column) -> Rectangle:
    assert column.lengths is not None
    return Rectangle(column.lengths, None, "first")


def _fold(options: Options) -> Callable[[Sequence[Array]], Codes]:
    """Codes of the parts, in order → one hash."""
    if options.hash == "splitmix64":
        begin = start(options.seed)
        return lambda parts: cross_codes(parts, begin)
    from ranklet_features.farmhash import joined  # as in `hasher`

    key = TENSORFLOW_KEY if options.hash_key is None else options.hash_key
    first = np.array([key & ((1 << 64) - 1)], np.uint64)
    return lambda parts: reduce(joined, (part.view(np.uint64) for part in parts), first)


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


def _part(name: str, scope: Scope, *, lists: bool) -> Tensor:
    """The tensor that a name stands for. Raises SpecError for one that holds no ids."""
    if name in scope.features:
        made = scope.features[name].signature[name]
        if made.dtype != "int64":
            raise scope.error(f"feature {name!r} holds numbers, a cross is made of ids; make it a bucket or a category")
        return made
    declared = scope.inputs.get(name)
    if declared is None:
        raise scope.error(f"no feature or input {name!r}")
    scope.input(name, ("int", "string"), ("scalar", "list") if lists else ("scalar",))
    return Tensor("int64", (None,) if declared.list else (), declared.side)
