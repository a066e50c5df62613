"""Factorisation machines of degree two (Rendle 2010, equations 1 and 5).

    logit = bias + Σ_j w_j x_j + Σ_{i<j} <v_i, v_j> x_i x_j,    score = link(logit)
    Σ_{i<j} <v_i, v_j> x_i x_j = ½ (|Σ_j v_j x_j|² − Σ_j |v_j|² x_j²)

Arrays of the artefact: `bias` [1]; for each input `v.<input>` and, for all inputs or for none,
`w.<input>`: [d, k] and [d] for values [rows, d], [V, k] and [V] for ids below V ([rows], or [rows, L]
padded with -1). An id that is present has x = 1, or the value of `options.values`; one that occurs
twice is two entries, as in a libFM file. The sums are made per input, the user's once, on one row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np

from ranklet_features.lean import dataclass, field
from ranklet_runtime.engines.arrays import padded_tables, shared
from ranklet_runtime.engines.base import Array, Want
from ranklet_runtime.engines.checks import check_names, parse, precision, weights
from ranklet_runtime.engines.factors import divided, factor_wants, powers
from ranklet_runtime.engines.links import answer, clipped, find_link
from ranklet_runtime.engines.terms import Entry, energy, entries, quiet, squared, total, weighted_sum
from ranklet_runtime.manifest import Step


@dataclass(frozen=True)
class Options:
    """normalize: of `factors.POWERS`. precision: of the sums. values: id input → input of its values.

    tables: input → the name of the arrays that it reads, for inputs that share them. low, high: the logit is clipped to
    them.
    """

    link: str = "sigmoid"
    precision: str = "float64"
    normalize: str = "none"
    values: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    low: float = -math.inf
    high: float = math.inf


class FmEngine:
    """Outputs `logit` and `score`, float32 [rows]."""

    def __init__(self, step: Step, arrays: Mapping[str, Array]) -> None:
        options = parse(Options, step.options)
        check_names(step, self.wants(step, arrays))
        arrays = shared(arrays, options.tables)
        self._step, self._values = step, options.values
        self._low, self._high = options.low, options.high
        self._dtype, self._link = precision(options.precision), find_link(options.link)
        self._linear, self._pairs = powers(options.normalize, ("none", "unit", "xlearn"))
        self._bias = arrays["bias"].astype(self._dtype)
        self._w, self._v = padded_tables(arrays, "w."), padded_tables(arrays, "v.")
        self._squares = {name: np.square(v, dtype=self._dtype).sum(axis=1) for name, v in self._v.items()}

    @classmethod
    def open(cls, step: Step, folder: Path, *, threads: int) -> Self:
        """As the protocol says."""
        return cls(step, weights(step, folder))

    @staticmethod
    def wants(step: Step, arrays: Mapping[str, Array]) -> dict[str, Want]:
        """What each input takes: values or ids, as one table serves both. Raises ManifestError."""
        options = parse(Options, step.options)
        return factor_wants(shared(arrays, options.tables), options.values, tail=(None,))

    @quiet
    def run(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """As the protocol says."""
        given = entries(self._step, tensors, values=self._values)
        lengths = total(energy(entry, dtype=self._dtype) for entry in given.values()) if self._pairs else None
        logit = self._bias + divided(self._pair_sum(given), lengths, self._pairs)
        if self._w:
            linear = total(weighted_sum(given[name], w, dtype=self._dtype) for name, w in self._w.items())
            logit = logit + divided(linear, lengths, self._linear)
        return answer(self._step, clipped(logit, self._low, self._high), self._link)

    def _pair_sum(self, given: Mapping[str, Entry]) -> Array:
        sums = total(weighted_sum(given[name], v, dtype=self._dtype) for name, v in self._v.items())
        own = total(weighted_sum(squared(given[name]), v, dtype=self._dtype) for name, v in self._squares.items())
        found: Array = 0.5 * (np.einsum("nk,nk->n", sums, sums) - own)
        return found
