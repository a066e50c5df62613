"""The items of a model: a file of keys, or of keys and what the item's inputs hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.errors import ModelError
from ranklet.model import Model, TableSource
from ranklet.tables import sources
from ranklet.tables.sources import columns, npy, onnx
from ranklet.tables.sources.base import Asked, Batch, Keys, Places
from ranklet_features.spec import Input

KEY_FILES = (".npy", ".txt")
PORTION = 4096
"""Keys at once, where the catalogue has no more than keys."""


@dataclass(frozen=True)
class Catalogue:
    """asked: the item table that it fills. key: the input that names an item. inputs: those that it knows of it."""

    asked: Asked
    path: Path
    key: str
    key_column: str
    inputs: Mapping[str, Input]

    @property
    def keys_only(self) -> bool:
        """Whether it holds nothing but keys."""
        return self.path.suffix in KEY_FILES

    def batches(self) -> Iterator[tuple[Keys, dict[str, Any], Places]]:
        """Keys, and a column per input that it knows, some thousand items at a time.

        Raises TableError naming line or row for what cannot be read exactly.
        """
        if self.keys_only:
            yield from self._keys()
            return
        names = [self.key_column if name == self.key else name for name in self.inputs]
        for batch in _reader(self.asked)(self.asked, self.path, list(dict.fromkeys((self.key_column, *names)))):
            keys = columns.keys(self.asked, batch, self.key_column)
            named = {name: batch.columns[self.key_column if name == self.key else name] for name in self.inputs}
            yield keys, onnx.typed(self.asked, Batch(named, batch.places), self.inputs), batch.places

    def _keys(self) -> Iterator[tuple[Keys, dict[str, Any], Places]]:
        keys, lines = npy.keys_of(self.asked, self.path)
        for start in range(0, len(keys), PORTION):
            part = keys[start : start + PORTION]
            numbers: Sequence[int] = (
                range(start, start + len(part)) if lines is None else lines[start : start + PORTION]
            )
            places = Places(self.path.name, numbers, "row" if lines is None else "line")
            yield part, {self.key: part if isinstance(part, np.ndarray) else list(part)} if self.inputs else {}, places


def catalogue(model: Model, asked: Asked) -> Catalogue | None:
    """The catalogue that [split] names; None where it names none.

    asked: the item table. Raises ModelError where items have no key, TableError for a file that cannot be read, or has
    no column of keys.
    """
    split, key = model.split, model.output.item_key
    if split.catalogue is None:
        return None
    declared = model.inputs.get(key) if key is not None else None
    if key is None or declared is None or declared.list or declared.length is not None or declared.type == "float":
        raise ModelError(
            f"{model.name}/model.toml: [split] catalogue needs [output] item_key, the input that names an item by one "
            f"int or string; it is {key!r}"
        )
    path, key_column = asked.resolve(split.catalogue), split.key_column or key
    there = {key} if path.suffix in KEY_FILES else _columns(asked, path, key, key_column)
    known = {name: value for name, value in model.inputs.items() if value.side == "item" and name in there}
    return Catalogue(asked, path, key, key_column, known)


def table(model: Model) -> TableSource:
    """How the item table is packed and placed; its rows come from the item graph."""
    split, key = model.split, model.output.item_key
    declared = model.inputs.get(key) if key is not None else None
    return TableSource(
        source=split.catalogue or "",
        format=split.format,
        key="string" if declared is not None and declared.type == "string" else "int",
        key_column=split.key_column or key or "key",
        placement=split.placement,
        dtype=split.row_dtype,
        max_score_change=split.row_error,
        cache_entries=split.cache_entries,
        cache_ttl_s=split.cache_ttl_s,
    )


def _columns(asked: Asked, path: Path, key: str, key_column: str) -> set[str]:
    """The inputs that a file of columns has; the key under its input's name."""
    first = next(_reader(asked)(asked, path, ["*"]), None)
    there = set(first.columns) if first is not None else {key_column}
    if key_column not in there:
        raise asked.error(
            f"catalogue {path.name} has no column {key_column!r} of keys; its columns: {', '.join(sorted(there))}; "
            "name the column in [split] key_column"
        )
    return there - {key_column} | {key}


def _reader(asked: Asked) -> Any:
    found = sources.format_of(asked.name, asked.table.source or "", asked.table.format)
    if found not in onnx.CATALOGUES:
        raise asked.error(f"catalogue is {found}; it is .npy or .txt of keys, or one of {', '.join(onnx.CATALOGUES)}")
    return import_module(sources.SOURCES[found]).batches
