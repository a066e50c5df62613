"""The two on-disk forms of a table version: in the bundle (memory-mapped) and waiting for DynamoDB."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import orjson

from ranklet.errors import TableError
from ranklet.tables.pin import Pinned
from ranklet.tables.source import Vectors
from ranklet_features.spec import Table


def write_resident(pinned: Pinned, bundle: Path) -> None:
    """Write `tables/<name>.npy` and `tables/<name>.keys.{npy,json}` into a bundle."""
    folder = bundle / "tables"
    folder.mkdir(exist_ok=True)
    _write(pinned.vectors, folder / f"{pinned.table.name}.npy", folder / f"{pinned.table.name}.keys")


def write_staged(pinned: Pinned, tables: Path) -> Path:
    """Write `<tables>/<physical>/{vectors.npy, keys.npy|json, table.json}`; table.json last: with it, it is whole."""
    folder = tables / pinned.table.physical
    folder.mkdir(parents=True, exist_ok=True)
    _write(pinned.vectors, folder / "vectors.npy", folder / "keys")
    description = orjson.dumps(dataclasses.asdict(pinned.table), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    (folder / "table.json").write_bytes(description)
    return folder


def read_staged(folder: Path) -> tuple[Table, Vectors]:
    """Read back what `write_staged` wrote; rows stay memory-mapped.

    Raises TableError when the folder is not a whole table.
    """
    try:
        fields = orjson.loads((folder / "table.json").read_bytes())
        values = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
        as_text = folder / "keys.json"
        keys = tuple(orjson.loads(as_text.read_bytes())) if as_text.exists() else np.load(folder / "keys.npy")
    except (OSError, ValueError) as error:
        raise TableError(f"{folder.name} is not a whole table ({error}); run `ranklet build` again") from error
    default = fields["default"]
    return Table(**{**fields, "default": tuple(default) if default is not None else None}), Vectors(keys, values)


def _write(vectors: Vectors, values_path: Path, keys_path: Path) -> None:
    np.save(values_path, vectors.values, allow_pickle=False)
    if isinstance(vectors.keys, np.ndarray):
        np.save(keys_path.with_name(keys_path.name + ".npy"), vectors.keys, allow_pickle=False)
    else:
        keys_path.with_name(keys_path.name + ".json").write_bytes(orjson.dumps(list(vectors.keys)))
