"""What a model tells beside its scores: a column of numbers, or of labels for its codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.errors import InternalFault
from ranklet_runtime.manifest import Told

Column = NDArray[Any] | list[Any]


def tell(told: Mapping[str, Told], tensors: Mapping[str, NDArray[Any]], count: int) -> dict[str, Column]:
    """name → its column of `count` values: numbers as float64 or whole ones, or a list of labels and None.

    What the user alone decides comes once, and is told for each candidate. Raises InternalFault for another shape.
    """
    return {name: _column(name, one, tensors[one.tensor], count) for name, one in told.items()}


def chosen(columns: Mapping[str, Column], order: NDArray[np.intp]) -> dict[str, Column]:
    """The columns of the best candidates."""
    return {
        name: column[order] if isinstance(column, np.ndarray) else [column[at] for at in order.tolist()]
        for name, column in columns.items()
    }


def _column(name: str, one: Told, tensor: NDArray[Any], count: int) -> Column:
    if tensor.size not in (1, count):
        raise InternalFault(f"the output {name!r} has shape {tensor.shape} for {count} candidates")
    flat = np.broadcast_to(tensor.reshape(-1), (count,)) if tensor.size != count else tensor.reshape(count)
    if one.labels is None:
        return np.ascontiguousarray(flat)
    words = (None, *one.labels)
    return [words[code] for code in flat.tolist()]
