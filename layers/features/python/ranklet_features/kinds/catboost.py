"""All that CatBoost's trees compare: numbers as they are, and of categories what tables say of their hashes.

A table has rows by hash, ascending, and one more for a hash that it does not hold. The hash is of several parts,
folded in order, as CatBoost's CalcHashes does (libs/model/ctr_helpers.h): of a category the low 32 bits of CityHash64
of its text, integers in decimal, taken with their sign; of a test 1 or 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ranklet_features.cityhash import cityhash64
from ranklet_features.columns import Column
from ranklet_features.kinds import ctrs
from ranklet_features.kinds.base import Array, Compiled, Scope, Tensor, Values, side_of
from ranklet_features.kinds.ctrs import ABOVE, ABOVE_OR_NAN, FOLD, VALUE, Part, Table
from ranklet_features.kinds.dense import Dense
from ranklet_features.kinds.dense import Options as DenseOptions
from ranklet_features.kinds.hashes import texts
from ranklet_features.lean import dataclass
from ranklet_features.mixing import Words


@dataclass(frozen=True)
class Options:
    """vocabulary: the .npz file of the tables. numbers: so many of `of`, the first ones, are numbers."""

    vocabulary: str
    numbers: int


class _Step(NamedTuple):
    """One hash: of an earlier one (-1 for none), and of a part by its number."""

    before: int
    part: int


class Catboost(Compiled):
    """float32 [n, numbers + columns of tables]."""

    schema = Options

    def __init__(self, options: Options, scope: Scope, found: Sequence[Table]) -> None:
        side = side_of([scope.inputs[name].side for name in scope.of])
        self.width = options.numbers + sum(table.rows.shape[1] for table in found)
        super().__init__(scope, {scope.feature: Tensor("float32", (self.width,), side)})
        self.of, self.tables = scope.of, found
        self.lead = next(name for name in scope.of if scope.inputs[name].side == side)
        self.numbers = None
        if options.numbers:
            self.numbers = Dense.compile(DenseOptions(), replace(scope, of=scope.of[: options.numbers]))
        self.parts = list(dict.fromkeys(part for table in found for part in table.parts))
        self.steps, self.ends = _steps(found, self.parts)
        self.hashed = sorted({part.of for part in self.parts if part.of >= options.numbers})

    @classmethod
    def compile(cls, options: Options, scope: Scope) -> Self:
        if not 0 <= options.numbers <= len(scope.of):
            raise scope.error(f"numbers is {options.numbers}; of names {len(scope.of)} inputs")
        for name in scope.of[: options.numbers]:
            scope.input(name, ("int", "float"), ("scalar",))
        for name in scope.of[options.numbers :]:
            scope.input(name, ("int", "string"), ("scalar",))
        return cls(options, scope, ctrs.read(options.vocabulary, options.numbers, scope))

    def run(self, values: Values) -> dict[str, Array]:
        columns = [values.columns[name] for name in self.of]
        found = np.empty((values.columns[self.lead].rows, self.width), np.float32)
        at = 0
        if self.numbers is not None:
            made = self.numbers.run(values)[self.name]
            at = made.shape[1]
            found[:, :at] = made
        hashes = self._hashes(columns)
        for table, end in zip(self.tables, self.ends, strict=True):
            rows = table.find(hashes[end])
            found[:, at : at + rows.shape[1]] = rows
            at += rows.shape[1]
        return {self.name: found}

    def _hashes(self, columns: Sequence[Column]) -> list[Words]:
        """As `fold` has them; the product with each part is made once."""
        categories = _categories({of: columns[of] for of in self.hashed})
        weighed = [FOLD * _code(part, columns, categories) for part in self.parts]
        found: list[Words] = []
        for before, part in self.steps:
            found.append(FOLD * (found[before] + weighed[part] if before >= 0 else weighed[part]))
        return found


def _steps(found: Sequence[Table], parts: Sequence[Part]) -> tuple[list[_Step], list[int]]:
    """Each hash once, as many tables begin alike; and of each table its last."""
    places = {part: at for at, part in enumerate(parts)}
    known: dict[_Step, int] = {}
    ends = []
    for table in found:
        at = -1
        for part in table.parts:
            at = known.setdefault(_Step(at, places[part]), len(known))
        ends.append(at)
    return list(known), ends


def _categories(columns: Mapping[int, Column]) -> dict[int, NDArray[np.int32]]:
    """Hashes of the columns' values, all columns at once."""
    if not columns:
        return {}
    parts = [texts(column) for column in columns.values()]
    hashes = cityhash64([text for part in parts for text in part]).astype(np.uint32).view(np.int32)
    cuts = np.cumsum([len(part) for part in parts])[:-1]
    return dict(zip(columns, np.split(hashes, cuts), strict=True))


def _code(part: Part, columns: Sequence[Column], categories: Mapping[int, NDArray[np.int32]]) -> Words:
    if part.test == VALUE:
        found: Words = categories[part.of].astype(np.int64).view(np.uint64)
        return found
    if part.test not in (ABOVE, ABOVE_OR_NAN):
        return np.asarray(categories[part.of] == part.value, np.uint64)
    numbers = columns[part.of].values.astype(np.float32)
    passes = numbers > np.float32(part.value)
    return np.asarray(passes | np.isnan(numbers) if part.test == ABOVE_OR_NAN else passes, np.uint64)
