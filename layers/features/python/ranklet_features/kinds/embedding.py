"""Rows of an embedding table: one per key, or those of a list of keys, side by side or pooled.

A pooled row is the sum, in 64 bits and in the order of the keys, of the rows (divided by how many keys there
are): every key counts, a missing row with whatever the table's policy puts in its place. No keys pool to zeros.
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from ranklet_features.kinds.base import Array, Compiled, Scope, Tensor, Values, Wanted
from ranklet_features.kinds.padding import Keep, Rectangle
from ranklet_features.lean import dataclass
from ranklet_features.spec import Input


@dataclass(frozen=True)
class Options:
    """table: the table to read. For lists: pool; length: at most so many keys; keep: which end survives the cut;
    mask: also make `<name>_mask`, of the keys that stand there (found or not).
    """

    table: str
    pool: Literal["none", "mean", "sum"] = "none"
    length: int | None = None
    keep: Keep = "first"
    mask: bool = False


class Embedding(Compiled):
    """float32 [n, dim]; over a list, unpooled, [n, L, dim]; `_mask` float32 [n, L]."""

    schema = Options

    def __init__(self, options: Options, scope: Scope, declared: Input) -> None:
        (self.of,) = scope.of
        self.table = options.table
        self.options = options
        self.list = declared.list
        dim = scope.tables[options.table].dim
        flat = not declared.list or options.pool != "none"
        shape = (dim,) if flat else (options.length, dim)
        signature = {scope.feature: Tensor("float32", shape, declared.side)}
        if options.mask:
            signature[f"{scope.feature}_mask"] = Tensor("float32", (options.length,), declared.side)
        super().__init__(scope, signature)

    @classmethod
    def compile(cls, options: Options, scope: Scope) -> Self:
        declared = scope.only_input(("int", "string"), ("scalar", "list"))
        table = scope.tables.get(options.table)
        if table is None:
            raise scope.error(f"no table {options.table!r}; tables: {', '.join(scope.tables) or 'none'}")
        if table.key != declared.type:
            raise scope.error(f"table {table.name!r} has {table.key} keys, input {scope.of[0]!r} is {declared.type}")
        if not declared.list and (options.pool != "none" or options.length is not None or options.mask):
            raise scope.error(f"pool, length and mask are for lists of keys; input {scope.of[0]!r} is one key")
        if options.length is not None and options.length < 1:
            raise scope.error(f"length is {options.length}; it must be at least 1")
        return cls(options, scope, declared)

    def wanted(self, values: Values) -> Wanted:
        column = values.columns[self.of]
        if column.lengths is None:
            return Wanted(column, column.values)
        rectangle = Rectangle(column.lengths, self.options.length, self.options.keep)
        return Wanted(column, rectangle.cut(column.values), rectangle.selected)

    def run(self, values: Values) -> dict[str, Array]:
        column, rows = values.columns[self.of], values.rows[self.name]
        if column.lengths is None:
            return {self.name: rows}
        rectangle = Rectangle(column.lengths, self.options.length, self.options.keep)
        if self.options.pool == "none":
            tensors = {self.name: rectangle.spread(rows, 0.0)}
        else:
            tensors = {self.name: pooled(rows, rectangle.lengths, mean=self.options.pool == "mean")}
        if self.options.mask:
            tensors[f"{self.name}_mask"] = rectangle.mask()
        return tensors


def pooled(rows: NDArray[np.float32], lengths: NDArray[np.int64], *, mean: bool) -> NDArray[np.float32]:
    """float32 [keys, dim] in row order → [n, dim]."""
    total = _total(rows, lengths)
    if mean:
        total /= np.maximum(lengths, 1)[:, None]
    return total.astype(np.float32)


def _total(rows: NDArray[np.float32], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums key after key. numpy's own reduction may group the keys by the rectangle's width: the same history would sum
    to other bits beside a longer one."""
    if len(lengths) == 1 and len(rows):  # a running sum is in order by definition; + 0.0 for the sign of zeros
        return np.add.accumulate(rows, axis=0, dtype=np.float64)[-1:] + 0.0
    total = np.zeros((len(lengths), rows.shape[1]))
    starts = np.cumsum(lengths) - lengths
    for place in range(int(np.max(lengths, initial=0))):
        longer = np.flatnonzero(lengths > place)
        total[longer] += rows[starts[longer] + place]
    return total
