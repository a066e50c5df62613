"""TensorFlow itself on raw records: through the signature, tf.Example and all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.importers.proposal import Columns
from ranklet.importers.tensorflow.features import fill
from ranklet.importers.tensorflow.loading import Loaded
from ranklet.importers.tensorflow.parsing import Parsed
from ranklet.importers.tensorflow.values import Raw
from ranklet.importers.tfgraphs import silence


@dataclass(frozen=True)
class TensorFlow:
    """parsed: features of the tf.Example that `example` takes, none where inputs are tensors. sent: those.

    column: of the output, where it has several.
    """

    tf: Any
    loaded: Loaded
    score: str
    sent: Mapping[str, Raw]
    parsed: Mapping[str, Parsed]
    example: str | None
    column: int | None = None

    @property
    def name(self) -> str:
        """With its version."""
        return f"TensorFlow {self.tf.__version__}"

    def scores(self, columns: Columns) -> NDArray[Any]:
        """As the protocol says."""
        count = len(next(iter(columns.values())))
        given: dict[str, Any] = {}
        for name, end in self.loaded.inputs.items():
            if name == self.example:
                given[name] = np.array([self._example(columns, row) for row in range(count)], object)
            elif name in columns:
                given[name] = self._tensor(self.sent[name], columns[name])
            else:  # nothing depends on it, and a signature takes all
                shape = [count, *(size or 1 for size in (end.shape or (None,))[1:])]
                given[name] = np.zeros(shape, object if end.dtype == "string" else end.dtype)
                if end.dtype == "string":
                    given[name][...] = b""
        with silence():
            found: NDArray[Any] = np.asarray(self.loaded.call(given)[self.score])
        return (found if self.column is None else found[:, self.column]).reshape(-1)

    def _tensor(self, raw: Raw, values: Any) -> NDArray[Any]:
        if raw.dtype == "string":
            values = [[one.encode() for one in row] if isinstance(row, list) else row.encode() for row in values]
        if raw.shape == (None,):  # callers pad such lists
            longest = max(1, *map(len, values))
            return np.array([_filled(row, raw, longest) for row in values], raw.dtype)
        if raw.listed and raw.dtype != "float32":
            values = [_filled(row, raw, raw.width) for row in values]
        array = np.array(values, object if raw.dtype == "string" else raw.dtype)
        return array.reshape(len(values), *raw.shape)

    def _example(self, columns: Columns, row: int) -> bytes:
        example = self.tf.train.Example()
        for name, one in self.parsed.items():
            value = columns[name][row] if name in columns else self._any(one)
            if value is None:
                continue
            values = value if isinstance(value, list) else [value]
            if one.raw.shape != (None,):
                values = _filled(values, one.raw, one.raw.width)
            feature = example.features.feature[name]
            if one.raw.dtype == "string":
                feature.bytes_list.value.extend(text.encode() for text in values)
            elif one.raw.dtype == "int64":
                feature.int64_list.value.extend(values)
            else:
                feature.float_list.value.extend(values)
        content: bytes = example.SerializeToString()
        return content

    def _any(self, one: Parsed) -> Any:
        """A value of a feature that the score does not depend on."""
        if one.default is not None:
            return None
        return ["" if one.raw.dtype == "string" else 0] * one.raw.width


def _filled(values: Any, raw: Raw, length: int) -> list[Any]:
    """A list of the length that TensorFlow takes."""
    nothing = b"" if values and isinstance(values[0], bytes) else fill(raw)
    return [*values, *[nothing] * (length - len(values))]
