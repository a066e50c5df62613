"""Keras itself on raw records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.importers import tfgraphs
from ranklet.importers.proposal import Columns


def nothing(dtype: str) -> Any:
    """What fills up lists where no layer has a mask."""
    return "" if dtype == "string" else 0


@dataclass(frozen=True)
class Keras:
    """The model itself. output: which of them ranks. fills: list → the value that fills it up."""

    keras: Any
    model: Any
    output: int
    fills: Mapping[str, Any]
    column: int | None = None

    @property
    def name(self) -> str:
        """With its version."""
        return f"Keras {self.keras.__version__}"

    def scores(self, columns: Columns) -> NDArray[Any]:
        """As the protocol says."""
        given = [self._tensor(tensor, columns) for tensor in self.model.inputs]
        struct = self.keras.tree.pack_sequence_as(self.model._inputs_struct, given)
        with tfgraphs.silence():
            found = self.keras.tree.flatten(self.model(struct, training=False))[self.output]
        scores: NDArray[Any] = np.asarray(found)
        return (scores if self.column is None else scores[:, self.column]).reshape(-1)

    def _tensor(self, tensor: Any, columns: Columns) -> Any:
        import tensorflow

        values = columns[tensor.name]
        if len(tensor.shape) == 2 and tensor.shape[1] != 1 and isinstance(values[0], list):
            values = self._padded(values, tensor)
        array = tensorflow.constant(values, tensorflow.as_dtype(tensor.dtype))
        return tensorflow.reshape(array, [len(values), 1]) if len(tensor.shape) == 2 and array.ndim == 1 else array

    def _padded(self, values: Sequence[Sequence[Any]], tensor: Any) -> list[list[Any]]:
        """Lists of one length: in Keras the caller pads them."""
        width = tensor.shape[1] or max(map(len, values)) or 1
        fill = self.fills.get(tensor.name, nothing(tensor.dtype))
        return [[*value, *[fill] * (width - len(value))] for value in values]
