"""A dataset's batches through features and tower: keys and packed rows, checked.

Refused, with the row's key: what the features refuse, NaN and infinity, a number beyond the table's type, a key that
DynamoDB cannot hold. Refused as a whole: a tower whose row depends on the rows beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.tables.source import check_texts
from ranklet.tables.sources.base import Chunk
from ranklet.tables.sources.onnx import computed
from ranklet.tables.sources.tower import Tower
from ranklet.tables.spark.batches import ROWS, Cut, cut
from ranklet.tables.spark.recipe import Recipe
from ranklet_features.packing import pack, unpack

TOLERANCE = 1e-4
"""Relative: beyond what other rounding explains, far below what a mean over the batch would change."""


@dataclass(frozen=True)
class Packed:
    """Some rows: int64 or text keys [n], rows as `packing.pack` gives them [n, …]."""

    keys: NDArray[np.int64] | list[str]
    rows: NDArray[Any]

    def by_text(self) -> dict[str, bytes]:
        """Key as text → the row's bytes."""
        names = map(str, self.keys.tolist()) if isinstance(self.keys, np.ndarray) else self.keys
        return {name: row.tobytes() for name, row in zip(names, self.rows, strict=True)}


def exact(batches: Iterable[Any], blob: bytes) -> Iterator[Packed]:
    """Arrow batches → rows before they are packed, float32 [n, dim], of what `packed` did not refuse."""
    recipe, tower = opened(blob)
    for one in cut(batches):
        chunk = computed(recipe.source, tower, one.batch(recipe.table.key_column))
        keys = chunk.keys[: one.rows]
        rows = np.ascontiguousarray(chunk.values[: one.rows], "<f4")
        yield Packed(keys if isinstance(keys, np.ndarray) else list(keys), rows)


def packed(batches: Iterable[Any], blob: bytes) -> Iterator[Packed]:
    """Arrow batches → packed rows, at most ROWS at a time. blob: a recipe. Raises TableError."""
    recipe, tower = opened(blob)
    for number, one in enumerate(cut(batches)):
        chunk = computed(recipe.source, tower, one.batch(recipe.table.key_column))
        if not number:
            _refuse_mixing(recipe, tower, one, chunk.values)
        yield _pack(recipe, Chunk(chunk.keys[: one.rows], chunk.values[: one.rows], chunk.places))


@lru_cache(maxsize=2)
def opened(blob: bytes) -> tuple[Recipe, Tower]:
    """The recipe and its tower, opened once a process: Spark's workers serve many partitions."""
    recipe = Recipe.from_bytes(blob)
    return recipe, recipe.open()


def _pack(recipe: Recipe, chunk: Chunk) -> Packed:
    if recipe.table.key == "string":
        check_texts(recipe.name, chunk)
    with np.errstate(over="ignore"):
        exact = np.ascontiguousarray(chunk.values, "<f4")
        found = pack(exact, recipe.table.dtype) if np.isfinite(exact).all() else exact
    for stored, type_ in ((exact, "float32"), (unpack(found), recipe.table.dtype)):
        if not np.isfinite(stored).all():
            row = int(np.argmin(np.isfinite(stored).all(axis=1)))
            fits = np.isfinite(chunk.values[row]).all()
            what = f"a number beyond {type_}" if fits else "a NaN or an infinity"
            raise TableError(f"table {recipe.name}: the tower makes {what} of {chunk.places[row]}")
    keys = chunk.keys if isinstance(chunk.keys, np.ndarray) else list(chunk.keys)
    return Packed(keys, found)


def _refuse_mixing(recipe: Recipe, tower: Tower, one: Cut, values: NDArray[Any]) -> None:
    """Half the batch again, beside other rows: a tower that normalises over its batch gives itself away."""
    half = ROWS // 2
    again = computed(recipe.source, tower, one.with_copies(half).batch(recipe.table.key_column)).values[:half]
    with np.errstate(invalid="ignore"):  # a NaN is refused with its row's key, later
        gap = np.abs(again - values[:half])
        if (gap > TOLERANCE * (1 + np.abs(values[:half]))).any():
            raise TableError(
                f"table {recipe.name}: a row of the tower changes by {np.nanmax(gap):.1e} with the rows beside it; "
                "export the tower in evaluation mode (batch normalisation and dropout off)"
            )
