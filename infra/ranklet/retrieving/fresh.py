"""Items after the build: lines of JSON become the small file that functions look for.

A line is an item, `{"id": 7, "vector": […], "genre": ["Drama"]}`: its id, its vector as the table has them, and
attributes as [retrieve.attributes] names them. `{"id": 7, "gone": true}` takes one away. A later line, and a later
file, goes before an earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.retrieving.writing import unit_rows
from ranklet_features.errors import StoreError
from ranklet_features.index import fresh
from ranklet_features.index.spec import IndexSpec
from ranklet_runtime.arrivals import MOST_BYTES


@dataclass
class Items:
    """vectors and attributes by id; ids that are gone."""

    vectors: dict[Any, NDArray[np.float32]] = field(default_factory=dict)
    attributes: dict[Any, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    gone: dict[Any, None] = field(default_factory=dict)

    @classmethod
    def of(cls, content: bytes, spec: IndexSpec) -> Items:
        """Those of a file. Raises TableError for one that does not go with the index."""
        try:
            read = fresh.read(content, spec)
        except StoreError as error:
            raise TableError(str(error)) from error
        rows = dict(zip(read.ids, read.vectors, strict=True))
        return cls(rows, dict(zip(read.ids, read.attributes, strict=True)), dict.fromkeys(read.gone))

    def add(self, lines: bytes, spec: IndexSpec, name: str) -> int:
        """Take the items of some lines; how many. Raises TableError naming the line."""
        count = 0
        for number, line in enumerate(lines.splitlines(), start=1):
            if line.strip():
                self._line(line, spec, f"line {number} of {name}")
                count += 1
        return count

    def content(self, spec: IndexSpec) -> bytes:
        """The file. Raises TableError where it would be larger than functions read."""
        ids = list(self.vectors)
        rows = np.array([self.vectors[one] for one in ids], np.float32).reshape(len(ids), spec.dim)
        found = fresh.write(ids, rows, [self.attributes[one] for one in ids], list(self.gone))
        if len(found) > MOST_BYTES:
            raise TableError(
                f"{len(ids)} fresh items take {len(found)} bytes, functions read {MOST_BYTES}; build the model again"
            )
        Items.of(found, spec)
        return found

    def _line(self, line: bytes, spec: IndexSpec, place: str) -> None:
        try:
            given = orjson.loads(line)
            one = given.pop("id")
            gone, vector = given.pop("gone", False), given.pop("vector", None)
        except (orjson.JSONDecodeError, KeyError, AttributeError, TypeError) as error:
            raise TableError(f'{place} is no {{"id": …, "vector": […]}}: {error}') from error
        if type(one) is not (int if spec.key == "int" else str):
            raise TableError(f"{place}: id is {one!r:.60}; the catalogue's are {spec.key}s")
        self.vectors.pop(one, None)
        self.attributes.pop(one, None)
        self.gone.pop(one, None)
        if gone is True:
            self.gone[one] = None
            return
        self.vectors[one] = _vector(vector, spec, place)
        if unknown := sorted(set(given) - set(spec.attributes)):
            raise TableError(f"{place}: no attribute {unknown[0]!r}; there are {sorted(spec.attributes) or 'none'}")
        self.attributes[one] = {
            name: value if isinstance(value, list) else [value] for name, value in given.items() if value is not None
        }


def _vector(given: Any, spec: IndexSpec, place: str) -> NDArray[np.float32]:
    try:
        found = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise TableError(f"{place}: vector is no list of numbers") from error
    with np.errstate(over="ignore"):
        row = found.astype(np.float32)
    if row.shape != (spec.dim,) or not np.isfinite(row).all():
        raise TableError(f"{place}: vector is {list(row.shape)}, or not finite; {spec.dim} numbers are needed")
    return unit_rows(row[None])[0] if spec.metric == "cosine" else row
