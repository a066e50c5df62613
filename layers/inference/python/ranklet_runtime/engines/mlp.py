"""A multilayer perceptron over embeddings and dense values.

    x = the inputs side by side, in the order of `options.inputs_order`
    logit = the layers of x (see `layers`),    score = link(logit)

Arrays of the artefact: `w0` [d, h], `b0` [h], `w1`, `b1`, … (rows are inputs: PyTorch's Linear.weight
transposed), the last layer one wide; and for each input of ids `e.<input>` [V, dim]. Ids [rows] take a
row of it; ids [rows, L] take the mean, or by `options.pooling` the sum, of the rows of those that are
not -1, and zeros when all are. An input without a table is values: [rows, d], or more dimensions, flattened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np

from ranklet_features.lean import dataclass, field
from ranklet_runtime.engines.arrays import need, padded, refuse_surplus
from ranklet_runtime.engines.base import Array, Want
from ranklet_runtime.engines.checks import check_names, parse, precision, weights
from ranklet_runtime.engines.layers import Layers, layer_names
from ranklet_runtime.engines.links import answer, find_link
from ranklet_runtime.engines.terms import Entry, matrix, quiet, weighted_sum
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Step


@dataclass(frozen=True)
class Options:
    """inputs_order: that of `step.inputs` if left out. pooling: id input → mean or sum. precision: of everything."""

    inputs_order: tuple[str, ...] = ()
    activation: str = "relu"
    link: str = "sigmoid"
    pooling: dict[str, str] = field(default_factory=dict)
    precision: str = "float32"


class MlpEngine:
    """Outputs `logit` and `score`, float32 [rows]."""

    def __init__(self, step: Step, arrays: Mapping[str, Array]) -> None:
        options = parse(Options, step.options)
        check_names(step, self.wants(step, arrays))
        self._step, self._link = step, find_link(options.link)
        self._dtype = precision(options.precision)
        self._order = options.inputs_order or tuple(step.inputs)
        self._tables = {n[2:]: padded(array.astype(self._dtype)) for n, array in arrays.items() if n[:2] == "e."}
        self._pooling = options.pooling
        self._layers = Layers(arrays, activation=options.activation, dtype=self._dtype)

    @classmethod
    def open(cls, step: Step, folder: Path, *, threads: int) -> Self:
        """As the protocol says."""
        return cls(step, weights(step, folder))

    @staticmethod
    def wants(step: Step, arrays: Mapping[str, Array]) -> dict[str, Want]:
        """What each input takes; inputs without a table are those that the step declares. Raises ManifestError."""
        options = parse(Options, step.options)
        names = [name for name in arrays if name.startswith("e.")]
        refuse_surplus(arrays, layer_names(arrays) | set(names))
        tables = {name[2:]: need(arrays, name, (None, None)) for name in names}
        _check_pooling(options.pooling, set(tables))
        order, known = options.inputs_order or tuple(step.inputs), {*step.inputs, *tables}
        if set(order) != known or len(order) != len(known):
            raise ManifestError(
                f"mlp: the inputs' order is {list(order)}; options.inputs_order must list {sorted(known)} "
                "in the order of w0's rows"
            )
        dense = need(arrays, "w0", (None, None)).shape[0] - sum(table.shape[1] for table in tables.values())
        width = dense if len(order) - len(tables) == 1 else 0
        return {n: Want(ids=len(tables[n])) if n in tables else Want(values=width) for n in order}

    @quiet
    def run(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """As the protocol says."""
        blocks = [self._block(name, tensors[self._step.inputs[name]]) for name in self._order]
        return answer(self._step, self._layers(blocks), self._link)

    def _block(self, name: str, tensor: Array) -> Array:
        if name not in self._tables:
            return matrix(tensor).astype(self._dtype, copy=False)
        found = weighted_sum(Entry(tensor), self._tables[name], dtype=self._dtype)
        if tensor.ndim == 2 and self._pooling.get(name, "mean") == "mean":
            found = found / np.maximum(np.count_nonzero(tensor >= 0, axis=1), 1).astype(self._dtype)[:, None]
        return found


def _check_pooling(pooling: Mapping[str, str], tables: set[str]) -> None:
    for name, how in pooling.items():
        if name not in tables or how not in ("mean", "sum"):
            raise ManifestError(f"options.pooling.{name} is {how!r}; allowed: mean, sum, for {sorted(tables)}")
