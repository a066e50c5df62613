"""Rows of an embedding table: one per key, or those of a list of keys, side by side or pooled.

A pooled row is the sum, in 64 bits and in the order of the keys, of the rows (divided by how many keys there
are): every key counts, a missing row with whatever the table's policy puts in its place. No keys pool to zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from ranklet_features.kinds.base import Array, Compiled, Scope, Tensor, Values, Wanted
from ranklet_features.kinds.padding import Keep, cut, kept, mask_of, padded
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
        selected = kept(column.lengths, self.options.length, self.options.keep)
        if selected is None:
            return Wanted(column, column.values)
        if isinstance(column.values, list):
            return Wanted(column, [column.values[i] for i in selected.tolist()], selected)
        return Wanted(column, column.values[selected], selected)

    def run(self, values: Values) -> dict[str, Array]:
        column, rows = values.columns[self.of], values.rows[self.name]
        if column.lengths is None:
            return {self.name: rows}
        lengths = cut(column.lengths, self.options.length)
        tensors: dict[str, Array] = {}
        if self.options.pool == "none" or self.options.mask:
            mask = mask_of(lengths, self.options.length)
            tensors[f"{self.name}_mask"] = mask.astype(np.float32)
        if self.options.pool == "none":
            tensors[self.name] = padded(rows, mask, 0.0)
        else:
            tensors[self.name] = pooled(rows, lengths, mean=self.options.pool == "mean")
        return {name: tensors[name] for name in self.signature}


def pooled(rows: NDArray[np.float32], lengths: NDArray[np.int64], *, mean: bool) -> NDArray[np.float32]:
    """float32 [keys, dim] in row order → [n, dim].

    Adds first all rows' first key, then their second, …: a reduction by numpy would group the keys by the
    rectangle's width, and the same history would sum to other bits in another batch.
    """
    total = np.zeros((len(lengths), rows.shape[1]))
    starts = np.cumsum(lengths) - lengths
    for place in range(int(np.max(lengths, initial=0))):
        longer = np.flatnonzero(lengths > place)
        if len(longer) == len(lengths):
            total += rows[starts + place]
        else:
            total[longer] += rows[starts[longer] + place]
    if mean:
        total /= np.maximum(lengths, 1)[:, None]
    return total.astype(np.float32)
