"""Attributes of items, from a file with a row an item: what a filter may ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.model import TableSource
from ranklet.retrieving.writing import Column
from ranklet.settings.retrieve import Attributes
from ranklet.tables import sources
from ranklet.tables.source import Vectors
from ranklet.tables.sources import columns, onnx
from ranklet.tables.sources.base import Asked, Places
from ranklet_features.spec import KeyType

MOST_BYTES = 2048
"""Of a text."""
WORDS: Mapping[str, bool] = {"true": True, "false": False, "True": True, "False": False, "1": True, "0": False}


def read(
    given: Attributes, vectors: Vectors, key: KeyType, *, folder: Path, resolve: Callable[[str], Path]
) -> dict[str, Column]:
    """The columns that [retrieve.attributes] names. Raises TableError with line or row for what is not of its type."""
    table = TableSource(source=given.source, format=given.format, key=key, key_column=given.key_column)
    asked = Asked("retrieve.attributes", table, folder, resolve)
    found: dict[str, dict[Any, list[int]]] = {name: {} for name in given.columns}
    seen: set[int] = set()
    for keys, part, places in _batches(asked, given):
        rows = _places(vectors, keys)
        for row, at in enumerate(rows.tolist()):
            if at < 0:
                continue
            if at in seen:
                raise asked.error(f"the key on {places[row]} stands there a second time; a key names one item")
            seen.add(at)
            for name, kind in given.columns.items():
                for value in _values(asked, name, kind, part[name][row], places[row]):
                    found[name].setdefault(value, []).append(at)
    return {name: _column(given, name, values) for name, values in found.items()}


def _batches(asked: Asked, given: Attributes) -> Iterator[tuple[Any, Mapping[str, Any], Places]]:
    form = sources.format_of(asked.name, given.source, given.format)
    if form not in onnx.CATALOGUES:
        raise TableError(f"retrieve.attributes.source is {form}; it is one of {', '.join(onnx.CATALOGUES)}")
    batches = import_module(sources.SOURCES[form]).batches
    wanted = list(dict.fromkeys((given.key_column, *given.columns)))
    for batch in batches(asked, asked.resolve(given.source), wanted):
        yield columns.keys(asked, batch, given.key_column), batch.columns, batch.places


def _places(vectors: Vectors, keys: Any) -> NDArray[np.int64]:
    """Where keys stand in the catalogue, -1 where they do not."""
    known: NDArray[Any] = vectors.keys if isinstance(vectors.keys, np.ndarray) else np.array(vectors.keys, dtype=object)
    wanted = keys if isinstance(keys, np.ndarray) else np.array([*keys], dtype=object)
    found = np.searchsorted(known, wanted)
    found[known.take(found, mode="clip") != wanted] = -1
    return found


def _values(asked: Asked, name: str, kind: str, value: Any, place: str) -> list[Any]:
    """The different values of one item."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if value is None:
        return []
    given = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(_one(asked, name, kind, one, place) for one in given if one is not None))


def _one(asked: Asked, name: str, kind: str, value: Any, place: str) -> Any:
    if kind == "string" and isinstance(value, str) and len(value.encode("utf-8", "replace")) <= MOST_BYTES:
        return value
    if kind == "bool" and (isinstance(value, bool) or value in WORDS):
        return value if isinstance(value, bool) else WORDS[value]
    if kind == "int" and not isinstance(value, bool):
        text = str(value)
        if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and -(1 << 63) <= int(text) < 1 << 63:
            return int(text)
    raise asked.error(f"{name!r} on {place} is {value!r:.60}; [retrieve.attributes] says {kind}")


def _column(given: Attributes, name: str, values: Mapping[Any, list[int]]) -> Column:
    ascending = {value: np.array(sorted(values[value]), np.int32) for value in sorted(values)}
    return Column(given.columns[name], ascending)
