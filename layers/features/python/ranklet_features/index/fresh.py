"""Items that came, changed or went after an index was built: a few, held in memory and looked at one by one.

As a file: msgpack of `{"format": 1, "ids": […], "vectors": <bytes, float32 [n, dim]>, "attributes": [{column: [values]}
…], "gone": […]}`. An id that the index holds too stands for its newer vector; what is `gone` is answered no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import StoreError
from ranklet_features.index.ids import NOWHERE
from ranklet_features.index.spec import IndexSpec
from ranklet_features.lean import dataclass, field

FORMAT = 1
MOST_ROWS = 100_000
TYPES: Mapping[str, type] = {"string": str, "int": int, "bool": bool}


@dataclass(frozen=True)
class Fresh:
    """ids: distinct. vectors: float32 [n, dim], of length 1 where the metric is the cosine.

    attributes: of each item. gone: ids that are answered no more. places: id → its row.
    """

    ids: Sequence[Any]
    vectors: NDArray[np.float32]
    attributes: Sequence[Mapping[str, Sequence[Any]]]
    gone: Sequence[Any] = ()
    places: Mapping[Any, int] = field(default_factory=dict)

    def where(self, ids: Any) -> NDArray[np.int64]:
        """Of each id which row it is, NOWHERE for others."""
        given = ids.tolist() if isinstance(ids, np.ndarray) else ids
        return np.array([self.places.get(one, NOWHERE) for one in given], np.int64)

    def allowed(self, allow: Any, deny: Any, where: Mapping[str, Sequence[Any]]) -> NDArray[np.int64]:
        """The rows that a filter leaves, ascending."""
        left = np.ones(len(self.ids), np.bool_)
        if allow is not None:
            left[:] = False
            named = self.where(allow)
            left[named[named != NOWHERE]] = True
        refused = self.where(deny)
        left[refused[refused != NOWHERE]] = False
        for name, values in where.items():
            wanted = set(values)
            left &= [not wanted.isdisjoint(one.get(name, ())) for one in self.attributes]
        return np.flatnonzero(left)


def nothing(spec: IndexSpec) -> Fresh:
    """Of an index as it was built."""
    return Fresh((), np.zeros((0, spec.dim), np.float32), ())


def read(content: bytes, spec: IndexSpec) -> Fresh:
    """The items of a file. Raises StoreError for what is no such file, or does not go with the index."""
    # Imported here, as below: it is not of this layer, but of the one that every function has beside it.
    import msgpack

    try:
        document = msgpack.unpackb(content, max_array_len=MOST_ROWS, strict_map_key=True)
        ids, gone = list(document["ids"]), list(document["gone"])
        vectors = np.frombuffer(document["vectors"], "<f4").reshape(len(ids), spec.dim)
        attributes = list(document["attributes"])
        version = document["format"]
    except (ValueError, TypeError, KeyError, AttributeError, msgpack.UnpackException) as error:
        raise StoreError(f"fresh items cannot be read: {type(error).__name__}: {error}") from error
    if problem := _problem(version, ids, gone, vectors, attributes, spec):
        raise StoreError(f"fresh items: {problem}")
    return Fresh(ids, vectors, attributes, gone, {one: row for row, one in enumerate(ids)})


def write(ids: Sequence[Any], vectors: NDArray[np.float32], attributes: Sequence[Any], gone: Sequence[Any]) -> bytes:
    """The file of some items."""
    import msgpack

    rows = np.ascontiguousarray(vectors, "<f4").tobytes()
    fields = {"format": FORMAT, "ids": list(ids), "vectors": rows, "attributes": list(attributes), "gone": list(gone)}
    written: bytes = msgpack.packb(fields)
    return written


def _problem(
    version: Any, ids: list[Any], gone: list[Any], vectors: NDArray[Any], attributes: list[Any], spec: IndexSpec
) -> str | None:
    kind: type = int if spec.key == "int" else str
    if version != FORMAT:
        return f"format {version!r}, this runtime reads {FORMAT}"
    if any(type(one) is not kind for one in (*ids, *gone)) or len(set(ids)) != len(ids):
        return f"ids must be distinct, each {kind.__name__}"
    if kind is int and any(not -(1 << 63) <= one < 1 << 63 for one in (*ids, *gone)):
        return "an id is beyond 64 bits"
    if not np.isfinite(vectors).all():
        return "a vector holds NaN or infinity"
    if len(attributes) != len(ids) or not all(_fits(one, spec) for one in attributes):
        return f"attributes must be a map of lists for each item; the index has {dict(spec.attributes)}"
    return None


def _fits(values: Any, spec: IndexSpec) -> bool:
    return isinstance(values, dict) and all(
        name in spec.attributes
        and isinstance(column, list)
        and all(type(one) is TYPES[spec.attributes[name]] for one in column)
        for name, column in values.items()
    )
