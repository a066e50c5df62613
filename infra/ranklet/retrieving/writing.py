"""The files of an index: rows in the order of its lists, and what leads from ids to them and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.tables.source import Vectors, blocks, in_order, save
from ranklet_features.index.files import Files
from ranklet_features.index.ids import text_arrays
from ranklet_features.index.scanning import packed
from ranklet_features.index.spec import AttributeType, IndexSpec

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Column:
    """One attribute of all items: value → places in the catalogue that have it, ascending; values ascending."""

    type: AttributeType
    values: Mapping[Any, NDArray[np.int32]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lists:
    """centroids: float32 [lists, dim]. owner: int32 [rows], the list of each item of the catalogue."""

    centroids: Floats
    owner: NDArray[np.int32]


def write(
    spec: IndexSpec, vectors: Vectors, folder: Path, *, lists: Lists | None, columns: Mapping[str, Column]
) -> None:
    """Write an index as its spec says. vectors: in the order of the catalogue. lists: of an inverted file."""
    files = Files(folder)
    order = None if lists is None else np.argsort(lists.owner, kind="stable")
    shape = (spec.rows, spec.dim)
    values = save(files.path("vectors"), in_order(vectors.values, order), np.dtype("<f4"), shape)
    if spec.packing == "int8":
        save(files.path("codes"), (packed(part)[0] for part in blocks(values)), np.dtype("i1"), shape)
        save(files.path("scales"), (packed(part)[1] for part in blocks(values)), np.dtype("<f4"), shape[:1])
    place = np.arange(spec.rows)
    if lists is not None and order is not None:
        place[order] = np.arange(spec.rows)
        sizes = np.bincount(lists.owner, minlength=spec.lists)
        _put(files, "starts", np.concatenate([[0], np.cumsum(sizes)]), "<i8")
        _put(files, "centroids", lists.centroids, "<f4")
        _put(files, "order", order, "<i4")
        _put(files, "place", place, "<i4")
    _put(files, "centre", _mean(vectors.values), "<f4")
    _ids(files, vectors.keys, "ids")
    for number, column in enumerate(columns.values()):
        _column(files, f"a{number}", column, place)


def longest(vectors: Floats) -> float:
    """The greatest length of a row."""
    found = 0.0
    for part in blocks(vectors):
        wide = part.astype(np.float64)
        found = max(found, float(np.einsum("nd,nd->n", wide, wide).max()))
    return float(np.sqrt(found))


def unit(vectors: Vectors, path: Path) -> Vectors:
    """The rows with length 1, in a file; those that are nothing stay so."""
    values = vectors.values
    made = save(path, (unit_rows(part) for part in blocks(values)), np.dtype("<f4"), values.shape)
    return Vectors(vectors.keys, made, path)


def unit_rows(rows: Floats) -> Floats:
    """The rows with length 1, computed in 64 bits."""
    wide = rows.astype(np.float64)
    lengths = np.sqrt(np.einsum("nd,nd->n", wide, wide))
    found: Floats = (wide / np.where(lengths > 0, lengths, 1.0)[:, None]).astype(np.float32)
    return found


def _mean(values: Floats) -> NDArray[np.float64]:
    total = np.zeros(values.shape[1])
    for part in blocks(values):
        total += part.sum(axis=0, dtype=np.float64)
    return total / max(1, len(values))


def _ids(files: Files, keys: NDArray[np.int64] | Sequence[str], name: str) -> None:
    if isinstance(keys, np.ndarray):
        _put(files, name, keys, "<i8")
        return
    for part, array in text_arrays(keys, name).items():
        _put(files, part, array, array.dtype.str)


def _column(files: Files, name: str, column: Column, place: NDArray[np.int64]) -> None:
    """Places of the catalogue become positions, ascending."""
    rows = [np.sort(place[places]) for places in column.values.values()]
    _put(files, f"{name}-starts", np.cumsum([0, *map(len, rows)]), "<i8")
    _put(files, f"{name}-rows", np.concatenate([np.zeros(0, np.int64), *rows]), "<i4")
    values: Any = list(column.values)
    _ids(files, values if column.type == "string" else np.array(values, np.int64), f"{name}-values")


def _put(files: Files, name: str, array: NDArray[Any], dtype: str) -> None:
    save(files.path(name), _parts(np.ascontiguousarray(array)), np.dtype(dtype), array.shape)


def _parts(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    yield from blocks(array)
