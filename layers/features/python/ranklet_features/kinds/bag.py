"""Many ids per row: genres, tags, a history of clicks; as a rectangle [n, L] that an engine can gather with.

L is `length`, or without it the longest row of this request (at least 1). Rows are cut to their first or last
`length` values and padded at the end.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from ranklet_features.columns import Column
from ranklet_features.errors import ShapeError
from ranklet_features.kinds.base import Array, Compiled, Scope, Tensor, Values
from ranklet_features.kinds.ids import Encoder, IdOptions
from ranklet_features.kinds.padding import Keep, Rectangle
from ranklet_features.lean import dataclass


@dataclass(frozen=True)
class Options(IdOptions):
    """The id options of a category, and:

    length: L. keep: which end survives a cut. pad: the id of an empty place.
    mask: also make `<name>_mask`. weights: an input with as many floats per row; makes `<name>_weights`.
    """

    length: int | None = None
    keep: Keep = "first"
    pad: int = -1
    mask: bool = False
    weights: str | None = None


class Bag(Compiled):
    """int64 [n, L]; `_mask` float32 [n, L] of 1 and 0; `_weights` float32 [n, L], 0 in empty places."""

    schema = Options

    def __init__(self, options: Options, encoder: Encoder, scope: Scope) -> None:
        (self.of,) = scope.of
        side, shape = scope.inputs[self.of].side, (options.length,)
        signature = {scope.feature: Tensor("int64", shape, side)}
        if options.mask:
            signature[f"{scope.feature}_mask"] = Tensor("float32", shape, side)
        if options.weights is not None:
            signature[f"{scope.feature}_weights"] = Tensor("float32", shape, side)
        super().__init__(scope, signature)
        self.options, self.encoder = options, encoder
        self.ids = max(encoder.ids, options.pad + 1)
        self.pads = tuple({options.pad, *encoder.pads})

    @classmethod
    def compile(cls, options: Options, scope: Scope) -> Self:
        declared = scope.only_input(("int", "string"), ("list",))
        encoder = Encoder(options, declared, scope)
        if options.length is not None and options.length < 1:
            raise scope.error(f"length is {options.length}; it must be at least 1")
        if not -1 <= options.pad <= encoder.ids:
            raise scope.error(f"pad is {options.pad}; it must be from -1 to {encoder.ids}")
        if options.weights is not None and scope.input(options.weights, ("float",), ("list",)).side != declared.side:
            raise scope.error(f"weights {options.weights!r} must be of the same side as {scope.of[0]!r}")
        return cls(options, encoder, scope)

    def run(self, values: Values) -> dict[str, Array]:
        column, options = values.columns[self.of], self.options
        assert column.lengths is not None
        rectangle = Rectangle(column.lengths, options.length, options.keep)
        tensors = {self.name: rectangle.spread(rectangle.cut(self.encoder(column)), options.pad)}
        if options.mask:
            tensors[f"{self.name}_mask"] = rectangle.mask()
        if options.weights is not None:
            weights = _matching(values.columns[options.weights], column)
            tensors[f"{self.name}_weights"] = rectangle.spread(rectangle.cut(weights.values), 0.0).astype(np.float32)
        return tensors


def _matching(weights: Column, column: Column) -> Column:
    """The weights, once it is sure that every row has as many as it has values."""
    assert weights.lengths is not None and column.lengths is not None
    differ = weights.lengths != column.lengths
    if differ.any():
        row = int(np.argmax(differ))
        message = f"{weights.lengths[row]} weights for the {column.lengths[row]} values of {column.reader.name!r}"
        raise weights.reader.fault((row,), message, single=weights.single, kind=ShapeError)
    return weights
