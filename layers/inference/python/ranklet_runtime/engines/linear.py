"""Linear models: logistic regression, FTRL, least squares, Poisson; dense and sparse.

    logit = bias + Σ_j w_j x_j,    score = link(logit)

Arrays of the artefact: `bias` [1], and for each input `w.<input>`: [d] for values [rows, d], [V] for
ids below V ([rows], or [rows, L] padded with -1; an id that is present has x = 1, or the value of
`options.values`). Weights stay in the file's float type; sums are in `options.precision`.
FTRL-proximal's weights are those of its closed form, with the zeros of L1 (McMahan et al. 2013, algorithm 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from ranklet_features.lean import dataclass, field
from ranklet_runtime.engines.arrays import need, padded_tables, refuse_surplus, shared
from ranklet_runtime.engines.base import Array, Want
from ranklet_runtime.engines.checks import check_names, parse, precision, value_wants, weights
from ranklet_runtime.engines.links import answer, clipped, find_link
from ranklet_runtime.engines.terms import entries, quiet, total, weighted_sum
from ranklet_runtime.manifest import Step


@dataclass(frozen=True)
class Options:
    """link: of `links.LINKS`. precision: of the sums, float64 or float32. values: id input → input of its values.

    tables: input → the name of the arrays that it reads, for inputs that share them. low, high: the logit is clipped to
    them.
    """

    link: str = "sigmoid"
    precision: str = "float64"
    values: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    low: float = -math.inf
    high: float = math.inf


class LinearEngine:
    """Outputs `logit` and `score`, float32 [rows]."""

    def __init__(self, step: Step, arrays: Mapping[str, Array]) -> None:
        options = parse(Options, step.options)
        check_names(step, self.wants(step, arrays))
        arrays = shared(arrays, options.tables)
        self._step, self._values = step, options.values
        self._low, self._high = options.low, options.high
        self._dtype, self._link = precision(options.precision), find_link(options.link)
        self._bias = arrays["bias"].astype(self._dtype)
        self._tables = padded_tables(arrays, "w.")

    @classmethod
    def open(cls, step: Step, folder: Path, *, threads: int) -> Self:
        """As the protocol says."""
        return cls(step, weights(step, folder))

    @staticmethod
    def wants(step: Step, arrays: Mapping[str, Array]) -> dict[str, Want]:
        """What each input takes: values or ids, as one table serves both. Raises ManifestError."""
        options = parse(Options, step.options)
        arrays = shared(arrays, options.tables)
        names = [name for name in arrays if name.startswith("w.")]
        refuse_surplus(arrays, {"bias", *names})
        need(arrays, "bias", (1,))
        sizes = {name[2:]: need(arrays, name, (None,)).size for name in names}
        wants = {name: Want(values=size, ids=size) for name, size in sizes.items()}
        return wants | value_wants(options.values, wants)

    @quiet
    def run(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """As the protocol says."""
        given = entries(self._step, tensors, values=self._values)
        parts = (weighted_sum(given[name], table, dtype=self._dtype) for name, table in self._tables.items())
        logit = clipped(total(parts) + self._bias, self._low, self._high)
        return answer(self._step, logit, self._link)
