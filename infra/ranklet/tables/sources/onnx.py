"""The rows that an ONNX tower computes over a catalogue: a Parquet, CSV or JSON lines file with a row a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import orjson

from ranklet.errors import TableError
from ranklet.tables import sources
from ranklet.tables.sources import columns
from ranklet.tables.sources.base import Asked, Batch, Chunk, Places, int_key
from ranklet.tables.sources.tower import Tower, place_of
from ranklet_features.errors import InputError
from ranklet_features.spec import Input

CATALOGUES = ("parquet", "csv", "jsonl")


def read(asked: Asked) -> Iterator[Chunk]:
    """As `sources.read` says; key_column names the keys, the features' inputs name the other columns."""
    table = asked.table
    assert table.tower is not None and table.catalogue is not None
    path = asked.resolve(table.catalogue)
    found = sources.format_of(asked.name, table.catalogue, table.format)
    if found not in CATALOGUES:
        raise asked.error(f"catalogue {table.catalogue} is {found}; a catalogue is one of {', '.join(CATALOGUES)}")
    tower = Tower.open(
        asked.name,
        table,
        graph=asked.resolve(table.tower),
        folder=asked.folder,
        inputs=asked.inputs,
        features=asked.features,
    )
    wanted = list(dict.fromkeys((table.key_column, *tower.inputs)))
    for number, batch in enumerate(import_module(sources.SOURCES[found]).batches(asked, path, wanted)):
        chunk = computed(asked, tower, batch)
        if number == 0:
            _refuse_mixing(asked, tower, batch, chunk)
        yield chunk


def computed(asked: Asked, tower: Tower, batch: Batch) -> Chunk:
    """The rows that a tower makes of a batch. Raises TableError naming the row that is refused."""
    keys = columns.keys(asked, batch, asked.table.key_column)
    try:
        rows = tower.rows(typed(asked, batch, tower.inputs))
    except InputError as error:
        raise asked.error(f"{batch.places[place_of(error)]}: {error}") from error
    return Chunk(keys, rows, batch.places)


def _refuse_mixing(asked: Asked, tower: Tower, batch: Batch, chunk: Chunk) -> None:
    """Raise TableError where a row changes with the rows beside it: batches are ours, the catalogue has none."""
    first = Batch({name: column[:1] for name, column in batch.columns.items()}, batch.places)
    if not np.allclose(computed(asked, tower, first).values, chunk.values[:1], rtol=1e-4, atol=1e-5, equal_nan=True):
        raise asked.error(
            f"the tower's row for {batch.places[0]} changes with the rows beside it; export the tower in evaluation "
            "mode (batch normalisation and dropout off)"
        )


def typed(asked: Asked, batch: Batch, inputs: Mapping[str, Input]) -> dict[str, Any]:
    """The columns of a batch as features take them. Raises TableError naming the row of a value that is not one."""
    return {
        name: _column(asked, batch.columns[name], name, given, batch.places)
        for name, given in inputs.items()
        if name in batch.columns
    }


def _column(asked: Asked, column: Any, name: str, declared: Input, places: Places) -> Any:
    """A column as features take it. Text of a CSV file becomes the input's type; an empty cell is no value."""
    if isinstance(column, np.ndarray):
        return column.tolist() if column.ndim > 1 else column
    nested = declared.list or declared.length is not None
    if not any(isinstance(value, str) for value in column) or (declared.type == "string" and not nested):
        return column
    return [_cell(asked, value, name, declared, places, row) for row, value in enumerate(column)]


def _cell(asked: Asked, value: Any, name: str, declared: Input, places: Places, row: int) -> Any:
    if not isinstance(value, str):
        return value
    nested = declared.list or declared.length is not None
    if value == "":
        return None
    try:
        if nested:
            return _list(orjson.loads(value))
        return float(value) if declared.type == "float" else int_key(asked, value, places[row])
    except (ValueError, TableError) as error:
        what = 'JSON list such as ["a", "b"]' if nested else declared.type
        raise asked.error(f"column {name!r} on {places[row]} is {value[:60]!r}, no {what}") from error


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ValueError("no list")
    return value
