"""Categories of items out of a file, as the bundle holds them: keys in order, and the categories of each by number."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.errors import ModelError
from ranklet.model import Model, TableSource
from ranklet.settings.after import Cap
from ranklet.tables import sources
from ranklet.tables.sources import columns
from ranklet.tables.sources.base import Asked
from ranklet_features.spec import KeyType

OF_COLUMNS = ("csv", "jsonl", "parquet")
MOST_EACH = 64
"""Categories of one item: all have room for as many as one has."""


def read(model: Model, cap: Cap, resolve: Callable[[str], Path], folder: Path) -> bytes:
    """The .npz of the bundle. Raises ModelError and TableError naming file and line."""
    assert cap.source is not None and cap.column is not None, "a cap by a file"
    name = model.output.item_key
    declared = model.inputs.get(name or "")
    if name is None or declared is None or declared.list or declared.length or declared.type == "float":
        raise ModelError(f"{model.name}: [after.cap] source needs [output] item_key, an input of one int or string")
    key: KeyType = "int" if declared.type == "int" else "string"
    table = TableSource(source=cap.source, format=cap.format, key=key, key_column=cap.key_column or name)
    found: dict[Any, list[str]] = {}
    for at, (item, categories) in enumerate(_rows(Asked("cap", table, folder, resolve), cap)):
        if item in found:
            raise ModelError(f"{model.name}: {cap.source} has the item {item!r} twice, row {at} among them")
        if len(categories) > MOST_EACH:
            raise ModelError(f"{model.name}: {cap.source}: the item {item!r} has more than {MOST_EACH} categories")
        found[item] = categories
    if not found:
        raise ModelError(f"{model.name}: {cap.source} holds no item")
    return _packed(found)


def _rows(asked: Asked, cap: Cap) -> Iterator[tuple[Any, list[str]]]:
    assert asked.table.source is not None and cap.column is not None
    path = asked.resolve(asked.table.source)
    form = sources.format_of(asked.name, asked.table.source, asked.table.format)
    if form not in OF_COLUMNS:
        raise asked.error(f"{path.name} is read as {form!r}; categories stand in {', '.join(OF_COLUMNS)}")
    for batch in import_module(sources.SOURCES[form]).batches(asked, path, (asked.table.key_column, cap.column)):
        keys = columns.keys(asked, batch, asked.table.key_column)
        values = batch.columns[cap.column]
        listed = keys.tolist() if isinstance(keys, np.ndarray) else keys
        for at, (item, value) in enumerate(zip(listed, values, strict=True)):
            yield item, _several(asked, value, cap.separator, batch.places, at)


def _several(asked: Asked, value: Any, separator: str | None, places: Any, at: int) -> list[str]:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, str) and separator is not None:
        value = value.split(separator)
    several = value if isinstance(value, list | tuple) else [value]
    if not all(one is None or isinstance(one, str | int | float) for one in several):
        raise asked.error(f"{places[at]}: {str(value)[:40]!r} is no category, nor a list of them")
    return list(dict.fromkeys(str(one).strip() for one in several if one is not None and str(one).strip()))


def _packed(found: dict[Any, list[str]]) -> bytes:
    """The same bytes for the same items."""
    names = sorted({one for several in found.values() for one in several})
    number = {name: at for at, name in enumerate(names)}
    items = sorted(found)
    rows = np.full((len(items), max(1, *(len(one) for one in found.values()))), -1, np.int32)
    for row, item in zip(rows, items, strict=True):
        row[: len(found[item])] = [number[one] for one in found[item]]
    keys = np.array(items) if isinstance(items[0], str) else np.array(items, np.int64)
    target = io.BytesIO()
    np.savez(target, keys=keys, rows=rows, names=np.array(names, np.str_))
    return target.getvalue()
