"""`[items]`: the file of what rankers read of an item beside its id, as columns by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ranklet.errors import ModelError
from ranklet.funnels.settings import FILE, Funnel
from ranklet.model import TableSource
from ranklet.splitting.catalogue import Catalogue
from ranklet.tables.sources.base import Asked
from ranklet_features.spec import Input, KeyType
from ranklet_runtime.manifest import Manifest

MOST_BYTES = 64 << 20
"""It is read whole when the function starts."""


@dataclass(frozen=True)
class Known:
    """Columns by name, one value an id of `keys`. used: those that a ranker reads."""

    keys: list[Any] = field(default_factory=list)
    columns: Mapping[str, list[Any]] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The columns."""
        return frozenset(self.columns)

    def document(self) -> bytes:
        """As the function reads it. Raises ModelError where it is too large for that."""
        found = orjson.dumps({"keys": self.keys, "columns": self.columns})
        if len(found) > MOST_BYTES:
            raise ModelError(
                f"{FILE}: [items] takes {len(found) / 1e6:.0f} MB, {MOST_BYTES >> 20} MB are read at a start; "
                "let the ranker look its values up in a table instead"
            )
        return found


def read(funnel: Funnel, folder: Path, rankers: list[Manifest]) -> Known:
    """The columns that a ranker reads, for all items of the file; none where funnel.toml has no [items].

    Raises ModelError and TableError naming line or row for what cannot be read exactly.
    """
    if funnel.items is None:
        return Known()
    wanted = {
        name: one
        for manifest in rankers
        for name, one in manifest.spec.inputs.items()
        if one.side == "item" and name != manifest.item_key and not one.unread
    }
    key = "string" if any(_keyed(manifest) == "string" for manifest in rankers) else "int"
    path = _below(funnel, folder, funnel.items.source)
    found = Known([], {})
    columns: dict[str, list[Any]] = {}
    for keys, values, _ in _catalogue(funnel, path, key, wanted).batches():  # type: ignore[arg-type]
        found.keys.extend(_plain(keys))
        for name, column in values.items():
            if name in wanted:
                columns.setdefault(name, []).extend(_plain(column))
    if len(set(found.keys)) < len(found.keys):
        raise ModelError(f"{funnel.name}/{FILE}: [items] source has an id twice; each has one row")
    return Known(found.keys, columns)


def _catalogue(funnel: Funnel, path: Path, key: KeyType, wanted: Mapping[str, Input]) -> Catalogue:
    items = funnel.items
    assert items is not None
    table = TableSource(source=items.source, format=items.format, key=key, key_column=items.key_column)
    asked = Asked("items", table, path.parent, partial(_same, path))
    return Catalogue(asked, path, items.key_column, items.key_column, _present(asked, path, wanted))


def _present(asked: Asked, path: Path, wanted: Mapping[str, Input]) -> Mapping[str, Input]:
    from ranklet.splitting.catalogue import _columns

    there = _columns(asked, path, asked.table.key_column, asked.table.key_column)
    return {name: one for name, one in wanted.items() if name in there}


def _keyed(manifest: Manifest) -> str:
    return manifest.spec.inputs[manifest.item_key].type if manifest.item_key else ""


def _below(funnel: Funnel, folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ModelError(f"{name} is outside the funnel's folder; put it below {funnel.name}/")
    if not path.is_file():
        raise ModelError(f"{funnel.name}/{FILE} names {name}, which is not there")
    return path


def _same(path: Path, name: str) -> Path:
    return path


def _plain(column: Any) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else [_value(one) for one in column]


def _value(one: Any) -> Any:
    return one.tolist() if isinstance(one, np.ndarray | np.generic) else one
