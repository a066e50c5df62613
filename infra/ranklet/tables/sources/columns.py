"""From columns of a file to rows of a table: what Parquet, CSV and JSON lines share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.tables.sources.base import Asked, Batch, Batches, Chunk, Keys, Places, int_key

VECTOR = "vector"
"""The column of lists where model.toml names no column."""


def read(asked: Asked, batches: Batches) -> Iterator[Chunk]:
    """The key column and the vector column, or columns, of a file."""
    assert asked.table.source is not None
    path = asked.resolve(asked.table.source)
    key = asked.table.key_column
    wanted = asked.table.vector_columns or (asked.table.vector_column or VECTOR,)
    for batch in batches(asked, path, (key, *wanted)):
        names = [name for name in batch.columns if name != key]
        values = _side_by_side(asked, batch, names) if asked.table.vector_columns else _lists(asked, batch, names[0])
        yield Chunk(keys(asked, batch, key), values, batch.places)


def keys(asked: Asked, batch: Batch, name: str) -> Keys:
    """The key column as the table's key type. Raises TableError for a value of another type, with its place."""
    column = batch.columns[name]
    if asked.table.key == "int":
        if isinstance(column, np.ndarray) and column.dtype.kind in "iu" and column.dtype != np.uint64:
            return column.astype(np.int64, copy=False)
        return np.fromiter(_ints(asked, column, batch.places), np.int64, len(column))
    if isinstance(column, np.ndarray):
        raise asked.error(f'column {name!r} of {batch.places.file} holds {column.dtype}; key = "string" needs text')
    for row, value in enumerate(column):
        if not isinstance(value, str):
            raise asked.error(f"the key on {batch.places[row]} is {value!r}; text is needed")
    return list(column)


def _ints(asked: Asked, column: Sequence[Any], places: Places) -> Iterator[int]:
    for row, value in enumerate(column):
        if isinstance(value, str):
            yield int_key(asked, value, places[row])
        elif isinstance(value, int | np.integer) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63:
            yield int(value)
        else:
            raise asked.error(f'the key on {places[row]} is {value!r}; key = "int" needs integers of 64 bits')


def _side_by_side(asked: Asked, batch: Batch, names: Sequence[str]) -> NDArray[np.float64]:
    rows = len(batch.columns[names[0]])
    values = np.empty((rows, len(names)))
    for place, name in enumerate(names):
        values[:, place] = _numbers(asked, batch.columns[name], name, batch.places)
    return values


def _numbers(asked: Asked, column: Any, name: str, places: Places) -> NDArray[np.float64]:
    if isinstance(column, np.ndarray) and column.dtype.kind in "fiu":
        return column.astype(np.float64, copy=False)
    try:
        return _parsed(column)
    except (ValueError, TypeError, OverflowError) as error:
        for row, value in enumerate(column):
            if not _is_number(value):
                raise asked.error(f"column {name!r} on {places[row]} is {_shown(value)}, no number") from error
        raise


def _lists(asked: Asked, batch: Batch, name: str) -> NDArray[np.floating[Any]]:
    """A column of lists, all of one length. A Parquet column arrives as an array [n, dim] already."""
    column = batch.columns[name]
    if isinstance(column, np.ndarray) and column.ndim == 2 and column.dtype.kind == "f":
        return column
    lists = [_list(asked, value, name, batch.places, row) for row, value in enumerate(column)]
    dim = len(lists[0])
    for row, values in enumerate(lists):
        if not values:
            raise asked.error(f"{batch.places[row]} has no numbers")
        if len(values) != dim:
            raise asked.error(f"{batch.places[row]} has {len(values)} numbers, {batch.places[0]} has {dim}")
    flat = list(chain.from_iterable(lists))
    try:
        return _parsed(flat).reshape(-1, dim)
    except (ValueError, TypeError, OverflowError) as error:
        for row, values in enumerate(lists):
            for place, value in enumerate(values):
                if not _is_number(value):
                    where = f"number {place} of {name!r} on {batch.places[row]}"
                    raise asked.error(f"{where} is {_shown(value)}, no number") from error
        raise


def _list(asked: Asked, value: Any, name: str, places: Places, row: int) -> Sequence[Any]:
    """A list as it is; text such as `[0.5, 1]`, `0.5 1` or `0.5;1` taken apart."""
    if isinstance(value, str):
        return value.strip().removeprefix("[").removesuffix("]").replace(",", " ").replace(";", " ").split()
    if isinstance(value, list):
        return value
    raise asked.error(f"column {name!r} on {places[row]} is {_shown(value)}, no list of numbers")


def _parsed(values: Sequence[Any]) -> NDArray[np.float64]:
    """All values as `_number` reads them; many of one type, as files have them, without a call for each."""
    types = set(map(type, values))
    plain = types <= {int, float} or (types == {str} and "_" not in "".join(values))
    return np.fromiter(map(float if plain else _number, values), np.float64, len(values))


def _number(value: Any) -> float:
    """Correctly rounded to 64 bits; the table then rounds to 32."""
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise ValueError(value)
    return float(value)


def _is_number(value: Any) -> bool:
    try:
        _number(value)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def _shown(value: Any) -> str:
    return repr(value)[:60]
