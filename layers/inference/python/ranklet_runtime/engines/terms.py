"""What one input adds to a model that is linear in its tables: a weighted sum of table rows, per row of the input.

Kept for the rows that the input has: one row of the user's stays one row, and whoever adds it to N
rows of the items broadcasts it. That is how the user's part is computed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from ranklet_runtime.engines.base import Array
from ranklet_runtime.manifest import Step

quiet = np.errstate(over="ignore", invalid="ignore")
"""Decorates `run`: a value too large becomes inf, as in any trainer, and says so in the score, not on stderr."""


class Entry(NamedTuple):
    """The entries of an input, each an index j and a value x_j.

    tensor: ids [rows] or [rows, L] in -1 … V-1, the indices; or values [rows] or [rows, V], in the indices' order.
    values: of ids, in their shape; 1 where None. An id that occurs twice is two entries, -1 is none.
    """

    tensor: Array
    values: Array | None = None

    @property
    def single(self) -> bool:
        """Whether no row has two entries."""
        return self.tensor.ndim == 1


def entries(step: Step, tensors: Mapping[str, Array], *, values: Mapping[str, str]) -> dict[str, Entry]:
    """The step's inputs by the engine's names; those that carry the values of another are in its entry."""
    found = {name: tensors[tensor] for name, tensor in step.inputs.items()}
    carriers = set(values.values())
    return {
        name: Entry(tensor, _beside(tensor, found[values[name]]) if name in values else None)
        for name, tensor in found.items()
        if name not in carriers
    }


def _beside(tensor: Array, values: Array) -> Array:
    """Numbers in the shape of the ids that they belong to: [rows, 1], as features make numbers, for one id a row."""
    return values.reshape(len(values)) if tensor.ndim == 1 and values.ndim == 2 else values


def weighted_sum(entry: Entry, table: Array, *, dtype: DTypeLike) -> Array:
    """Σ_j x_j table_j in `dtype`: [rows, *table.shape[1:]]. table: [V + 1, …], its last row zeros, which -1 reads."""
    tensor, values = entry
    if _is_values(tensor):
        return np.tensordot(matrix(tensor), table[:-1].astype(dtype, copy=False), axes=1)
    taken = table.take(tensor, axis=0)
    if values is not None:
        taken = taken * values.reshape(values.shape + (1,) * (table.ndim - 1))
    if tensor.ndim == 1:
        return taken.astype(dtype, copy=False)
    total: Array = taken.sum(axis=1, dtype=dtype)
    return total


def squared(entry: Entry) -> Entry:
    """The same entries with x_j²."""
    tensor, values = entry
    if _is_values(tensor):
        return Entry(np.square(tensor, dtype=np.float64))
    return Entry(tensor, None if values is None else np.square(values, dtype=np.float64))


def energy(entry: Entry, *, dtype: DTypeLike) -> Array:
    """Σ_j x_j², [rows]."""
    tensor, values = squared(entry)
    if _is_values(tensor):
        total: Array = matrix(tensor).sum(axis=1, dtype=dtype)
        return total
    present = (tensor >= 0).astype(dtype)
    squares = present if values is None else present * values
    return squares if squares.ndim == 1 else squares.sum(axis=1)


def total(parts: Iterable[Array]) -> Array:
    """The sum of parts of one row and of N rows, those of one row first: [N, …], or [1, …] if all have one."""
    once: Array | None = None
    many: Array | None = None
    for part in parts:
        if len(part) == 1:
            once = part if once is None else once + part
        else:
            many = part if many is None else many + part
    if once is None or many is None:
        found = once if many is None else many
        assert found is not None  # an engine without inputs is refused when it is opened
        return found
    return many + once


def matrix(tensor: Array) -> Array:
    """Values as [rows, d]: a vector is one column, more dimensions are flattened."""
    return tensor if tensor.ndim == 2 else tensor.reshape(len(tensor), int(np.prod(tensor.shape[1:])))


def _is_values(tensor: Array) -> bool:
    return tensor.dtype.kind not in "iu"
