"""Packed rows as lines of DynamoDB JSON, one item a line; with pages, an item holds neighbouring keys.

Of a table with pages, rows must come in ascending order of their keys, and all rows of a page in one stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ranklet.errors import TableError
from ranklet.items import Items
from ranklet.tables.importfiles import FORMS
from ranklet.tables.spark.recipe import Recipe
from ranklet.tables.spark.rows import Packed
from ranklet_features.spec import Table

LINE = FORMS["dynamodb-json"][2]


def lines(parts: Iterable[Packed], recipe: Recipe) -> Iterator[bytes]:
    """Lines of some hundred items, joined, each ending in a newline. Raises TableError for keys out of order."""
    if recipe.table.page > 1:
        parts = _whole_pages(parts, recipe)
    for part in parts:
        items = Items(undescribed(recipe, _dim(part)), part.keys, part.rows)
        yield b"".join([LINE(key, value) for key, value in items.pairs(0, len(items))])


def undescribed(recipe: Recipe, dim: int) -> Table:
    """A table of the recipe's form that has no version yet."""
    given = recipe.table
    return Table(
        recipe.name,
        physical=recipe.name,
        version="",
        key=given.key,
        dim=dim,
        rows=0,
        dtype=given.dtype,
        page=given.page,
    )


def _dim(part: Packed) -> int:
    rows = part.rows
    return int(rows["values"].shape[1] if rows.dtype.names else rows.shape[1])


def _whole_pages(parts: Iterable[Packed], recipe: Recipe) -> Iterator[Packed]:
    """Hold back the rows of the last page until a row of a later one comes."""
    held: Packed | None = None
    for part in parts:
        keys, rows = np.asarray(part.keys), part.rows
        if held is not None:
            keys, rows = np.concatenate([np.asarray(held.keys), keys]), np.concatenate([held.rows, rows])
        if (keys[1:] <= keys[:-1]).any():
            raise TableError(f"table {recipe.name}: keys do not ascend, and pages need them to; build it again")
        pages = keys // recipe.table.page
        last = int(np.searchsorted(pages, pages[-1]))
        if last:
            yield Packed(keys[:last], rows[:last])
        held = Packed(keys[last:], rows[last:])
    if held is not None:
        yield held
