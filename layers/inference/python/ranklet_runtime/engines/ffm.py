"""Field-aware factorisation machines (Juan et al. 2016, equation 4, as libFFM computes it).

    logit = bias + Σ_j w_j x_j + Σ_{i<j} <v_i[f_j], v_j[f_i]> x_i x_j,    score = link(logit)

f_j is the field of entry j. Every pair of entries counts, two of the same field too, by their factors
towards that very field: libFFM skips none (ffm.cpp, wTx), so the ids of a bag interact among themselves.

Arrays of the artefact: `bias` [1]; for each input `v.<input>` [V, F, k] ([d, F, k] for values [rows, d])
and, for all inputs or for none, `w.<input>` [V]; F follows `options.fields`. Ids, padding and values are as
in `fm`. Pairs are counted by fields: with G_f[g] = Σ over the entries j of field f of v_j[g] x_j they are

    Σ_{f<g} <G_f[g], G_g[f]> + ½ Σ_f (|G_f[f]|² − Σ over the entries j of field f of |v_j[f]|² x_j²)

so that bags cost no pairs, those among the user's fields are computed on one row, and those between the user and a
field of the items are one product of a matrix and a vector.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Self

import numpy as np

from ranklet_features.lean import dataclass, field
from ranklet_runtime.engines.arrays import padded_tables, shared
from ranklet_runtime.engines.base import Array, Want
from ranklet_runtime.engines.checks import check_names, parse, precision, weights
from ranklet_runtime.engines.factors import divided, factor_wants, powers
from ranklet_runtime.engines.links import answer, find_link
from ranklet_runtime.engines.terms import Entry, energy, entries, matrix, quiet, squared, total, weighted_sum
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Step


@dataclass(frozen=True)
class Options:
    """fields: in the order of v's second axis. field_of: input → field, for inputs not named like theirs.

    normalize: of `factors.POWERS`, `none` or `unit`. precision: of the sums. values: id input → input of its values.
    tables: input → the name of the arrays that it reads, for inputs that share them.
    """

    fields: tuple[str, ...] = ()
    field_of: dict[str, str] = field(default_factory=dict)
    link: str = "sigmoid"
    precision: str = "float64"
    normalize: str = "none"
    values: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)


class FfmEngine:
    """Outputs `logit` and `score`, float32 [rows]."""

    def __init__(self, step: Step, arrays: Mapping[str, Array]) -> None:
        options = parse(Options, step.options)
        check_names(step, self.wants(step, arrays))
        arrays = shared(arrays, options.tables)
        self._step, self._values = step, options.values
        self._dtype, self._link = precision(options.precision), find_link(options.link)
        self._linear, self._pairs = powers(options.normalize, ("none", "unit"))
        self._bias = arrays["bias"].astype(self._dtype)
        self._w, tables = padded_tables(arrays, "w."), padded_tables(arrays, "v.")
        self._members = _members(options, tables)
        self._own = {
            name: np.square(tables[name][:, f], dtype=self._dtype).sum(axis=1)
            for f, names in enumerate(self._members)
            for name in names
        }
        self._flat = {name: table.reshape(len(table), -1) for name, table in tables.items()}

    @classmethod
    def open(cls, step: Step, folder: Path, *, threads: int) -> Self:
        """As the protocol says."""
        return cls(step, weights(step, folder))

    @staticmethod
    def wants(step: Step, arrays: Mapping[str, Array]) -> dict[str, Want]:
        """What each input takes: values or ids, as one table serves both. Raises ManifestError."""
        options = parse(Options, step.options)
        arrays = shared(arrays, options.tables)
        return factor_wants(arrays, options.values, tail=(len(options.fields), None))

    @quiet
    def run(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """As the protocol says."""
        given = entries(self._step, tensors, values=self._values)
        lengths = total(energy(entry, dtype=self._dtype) for entry in given.values()) if self._pairs else None
        logit = self._bias + divided(self._pair_sum(given), lengths, self._pairs)
        if self._w:
            linear = total(weighted_sum(given[name], w, dtype=self._dtype) for name, w in self._w.items())
            logit = logit + divided(linear, lengths, self._linear)
        return answer(self._step, logit, self._link)

    def _pair_sum(self, given: Mapping[str, Entry]) -> Array:
        """Σ over pairs, [rows]: within fields, among the fields of one row, among the others, between the two."""
        fields = [self._towards(given, names) for names in self._members]
        once = [f for f, towards in enumerate(fields) if len(towards) == 1]
        many = [f for f, towards in enumerate(fields) if len(towards) != 1]
        rows = len(fields[many[0]]) if many else 1
        parts = [np.zeros(rows, self._dtype), *self._within(given, fields)]
        if len(once) > 1:
            parts.append(_among_one_row(fields, once))
        parts += [_product(fields[f][:, g], fields[g][:, f]) for f, g in combinations(many, 2)]
        if once:
            parts += [matrix(fields[g]) @ _towards_one(fields, once, g) for g in many]
        return total(parts)

    def _towards(self, given: Mapping[str, Entry], names: list[str]) -> Array:
        """G_f: [rows, F, k]."""
        flat = total(weighted_sum(given[name], self._flat[name], dtype=self._dtype) for name in names)
        return flat.reshape(len(flat), len(self._members), flat.shape[1] // len(self._members))

    def _within(self, given: Mapping[str, Entry], fields: list[Array]) -> Iterator[Array]:
        """½ (|G_f[f]|² − Σ_j |v_j[f]|² x_j²) of each field that may have more than one entry."""
        for f, names in enumerate(self._members):
            if len(names) == 1 and given[names[0]].single:
                continue
            own = total(weighted_sum(squared(given[name]), self._own[name], dtype=self._dtype) for name in names)
            yield 0.5 * (_product(fields[f][:, f], fields[f][:, f]) - own)


def _among_one_row(fields: list[Array], once: list[int]) -> Array:
    """Σ over f < g of <G_f[g], G_g[f]>, [1]: half of all f and g, as a product for each pair would be slow here."""
    block = np.stack([fields[f][0, once] for f in once])
    every = np.einsum("fgk,gfk->", block, block) - np.einsum("ffk,ffk->", block, block)
    return np.array([0.5 * every], block.dtype)


def _towards_one(fields: list[Array], once: list[int], g: int) -> Array:
    """[F k]: what G_g is multiplied with to meet the fields of one row, zeros where the others stand."""
    met = np.zeros(fields[g].shape[1:], fields[g].dtype)
    met[once] = [fields[f][0, g] for f in once]
    return met.reshape(-1)


def _product(a: Array, b: Array) -> Array:
    found: Array = np.einsum("nk,nk->n", a, b)
    return found


def _members(options: Options, tables: Mapping[str, Array]) -> list[list[str]]:
    """The inputs of each field, in the order of `options.fields`."""
    members: dict[str, list[str]] = {name: [] for name in options.fields}
    for name in tables:
        own = options.field_of.get(name, name)
        if own not in members:
            raise ManifestError(f"ffm: input {name!r} is of field {own!r}; options.fields has {list(options.fields)}")
        members[own].append(name)
    if empty := [name for name, names in members.items() if not names]:
        raise ManifestError(f"ffm: no input is of the fields {empty}; name it in options.field_of")
    if unknown := set(options.field_of) - set(tables):
        raise ManifestError(f"ffm: options.field_of names {sorted(unknown)}; the inputs are {sorted(tables)}")
    return list(members.values())
