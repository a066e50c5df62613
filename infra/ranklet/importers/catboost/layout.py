"""Which columns share a table: those that are looked up by the hash of the same categories and tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.catboost.document import SAVE, Element, FloatFeature, fits
from ranklet_features.kinds.ctrs import ABOVE, ABOVE_OR_NAN, EQUAL, VALUE, Part, Table, fold, signed

MAX_CELLS = 1 << 26
"""Of all tables: 256 MB of floats, as much as a function's package holds."""

CAT, NUMBER, EXACT = "cat_feature_value", "float_feature", "cat_feature_exact_value"
ORDER = {CAT: 0, NUMBER: 1, EXACT: 2}
"""In which elements are hashed, whatever order they stand in (libs/model/static_ctr_provider.cpp)."""


class Looked(NamedTuple):
    """A column: its values by hash, and of every other hash. keys: ascending."""

    keys: NDArray[np.uint64]
    values: NDArray[np.float32]
    other: np.float32


def too_large() -> ImportRefused:
    """For tables that no function's memory holds."""
    return ImportRefused(
        f"its tables of categories have more than {MAX_CELLS} values; train with a lower max_ctr_complexity, or with "
        "ctr_leaf_count_limit"
    )


class Layout:
    """Gathers columns; `tables` puts them together."""

    def __init__(self, numbers: Sequence[FloatFeature], categories: int) -> None:
        self._numbers, self._categories = numbers, categories
        self._found: dict[tuple[Part, ...], list[int]] = {}
        self._columns: list[Looked] = []
        self._cells = 0

    def flag(self, category: int, value: int) -> int:
        """A column of 1 where the category's hash is `value`, else 0; its place among the gathered."""
        key = fold(np.zeros(1, np.uint64), np.array([signed(value)]).view(np.uint64))
        one = Looked(key, np.ones(1, np.float32), np.float32(0))
        return self._gather((Part(len(self._numbers) + category),), one)

    def add(self, elements: Sequence[Element], column: Looked, place: str) -> int:
        """A column of a projection. Raises ImportRefused for an element that is none."""
        if not elements:
            raise ImportRefused(f"{place}.elements is empty; {SAVE}")
        for one in elements:
            if one.combination_element not in ORDER:
                raise ImportRefused(f"{place} is of {one.combination_element[:40]!r}, which is not known here")
        ordered = sorted(elements, key=lambda one: ORDER[one.combination_element])
        return self._gather(tuple(self._part(one, place) for one in ordered), column)

    def tables(self) -> tuple[tuple[Table, ...], list[int]]:
        """The tables, and the column of each gathered one."""
        places = [0] * len(self._columns)
        tables, at = [], len(self._numbers)
        for parts, gathered in self._found.items():
            tables.append(self._table(parts, [self._columns[place] for place in gathered]))
            for place in gathered:
                places[place] = at
                at += 1
        return tuple(tables), places

    def _gather(self, parts: tuple[Part, ...], column: Looked) -> int:
        self._columns.append(column)
        self._found.setdefault(parts, []).append(len(self._columns) - 1)
        return len(self._columns) - 1

    def _table(self, parts: tuple[Part, ...], columns: Sequence[Looked]) -> Table:
        keys = columns[0].keys
        if any(column.keys is not keys for column in columns):
            keys = np.unique(np.concatenate([column.keys for column in columns]))
        self._cells += (len(keys) + 1) * len(columns)
        if self._cells > MAX_CELLS:
            raise too_large()
        rows = np.empty((len(keys) + 1, len(columns)), np.float32)
        for at, column in enumerate(columns):
            rows[:, at] = column.other
            rows[slice(-1) if column.keys is keys else keys.searchsorted(column.keys), at] = column.values
        return Table(parts, keys, rows)

    def _part(self, one: Element, place: str) -> Part:
        if one.combination_element == NUMBER:
            return self._test(one, place)
        of = one.cat_feature_index
        if of is None or not 0 <= of < self._categories:
            raise ImportRefused(f"{place} is of categorical feature {of}; there are {self._categories}")
        of += len(self._numbers)
        if one.combination_element == CAT:
            return Part(of, VALUE)
        if one.value is None or not -(1 << 31) <= one.value < 1 << 32:
            raise ImportRefused(f"{place} is of the hash {one.value}, which has no 32 bits; {SAVE}")
        return Part(of, EQUAL, float(signed(one.value)))

    def _test(self, one: Element, place: str) -> Part:
        of = one.float_feature_index
        if of is None or not 0 <= of < len(self._numbers):
            raise ImportRefused(f"{place} is of float feature {of}; there are {len(self._numbers)}")
        if one.border is None or not fits([one.border]):
            raise ImportRefused(f"{place} is of float feature {of} without a border; {SAVE}")
        above = self._numbers[of].nan_value_treatment == "AsTrue"
        return Part(of, ABOVE_OR_NAN if above else ABOVE, float(np.float32(one.border)))
