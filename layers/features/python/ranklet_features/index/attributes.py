"""Attributes of items: for each value the positions that have it, ascending, in files that are mapped.

Of the n-th attribute: `a<n>-values` (int64 [values] ascending; of bools false before true) or, of strings, the files of
`ids.text_arrays` under that name; `a<n>-starts` (int64 [values + 1]) and `a<n>-rows` (int32). An item may have several
values, or none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.index.files import Files
from ranklet_features.index.ids import NOWHERE, Ids, IntIds, TextIds
from ranklet_features.index.spec import AttributeType, IndexSpec


class Attributes:
    """Opened when a filter asks for one."""

    def __init__(self, spec: IndexSpec, files: Files) -> None:
        self._files, self._rows = files, spec.rows
        self._numbers = {name: number for number, name in enumerate(spec.attributes)}
        self._types = spec.attributes

    def mask(self, where: Mapping[str, Sequence[Any]]) -> NDArray[np.bool_] | None:
        """bool [rows]: positions that have, of each attribute, one of the values; None without any attribute."""
        found: NDArray[np.bool_] | None = None
        for name, values in where.items():
            one = np.zeros(self._rows, np.bool_)
            for rows in self._having(name, values):
                one[rows] = True
            found = one if found is None else found & one
        return found

    def _having(self, name: str, values: Sequence[Any]) -> list[NDArray[np.int32]]:
        number = self._numbers[name]
        starts, rows = self._files.array(f"a{number}-starts"), self._files.array(f"a{number}-rows")
        known = _values(self._files, number, self._types[name])
        wanted = values if self._types[name] == "string" else np.array(values, dtype=object)
        places = known.places(wanted if self._types[name] == "string" else _integers(wanted))
        return [rows[int(starts[place]) : int(starts[place + 1])] for place in places.tolist() if place != NOWHERE]


def _integers(values: Any) -> NDArray[np.int64]:
    """Numbers beyond 64 bits are no item's."""
    return np.array([int(value) for value in values if -(1 << 63) <= int(value) < 1 << 63], np.int64)


def _values(files: Files, number: int, kind: AttributeType) -> Ids:
    name = f"a{number}-values"
    if kind != "string":
        return IntIds(files.array(name))
    return TextIds(*(files.array(f"{name}-{part}") for part in ("blob", "ends", "hashes", "hashed")))
