"""The two on-disk forms of a table version: in the bundle (memory-mapped) and staged for DynamoDB or S3."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.tables import snapshot
from ranklet.tables.pin import Pinned
from ranklet.tables.source import Vectors
from ranklet_features.spec import Table

BUILT = "built.json"


def write_resident(pinned: Pinned, bundle: Path) -> None:
    """Write `tables/<name>.npy` and `tables/<name>.keys.{npy,json}` into a bundle."""
    write_rows(pinned.table.name, pinned.vectors, bundle / "tables")


def write_rows(name: str, vectors: Vectors, folder: Path) -> None:
    """Write `<name>.npy` and its keys into a folder of resident tables."""
    folder.mkdir(exist_ok=True)
    _write(vectors, folder / f"{name}.npy", folder / f"{name}.keys")


def write_staged(pinned: Pinned, tables: Path) -> Path:
    """Write `<tables>/<physical>/{vectors.npy, keys.npy|json, table.json}`; table.json last: with it, it is whole.

    `built.json` says where the items of a version lie that was built elsewhere.
    """
    folder = tables / pinned.table.physical
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.json").unlink(missing_ok=True)
    (folder / BUILT).unlink(missing_ok=True)
    if pinned.built:
        (folder / BUILT).write_bytes(orjson.dumps({"built": pinned.built}))
    _write(pinned.vectors, folder / "vectors.npy", folder / "keys")
    table = dataclasses.replace(pinned.table, snapshot=snapshot.digests(folder) if pinned.fetched else None)
    description = orjson.dumps(dataclasses.asdict(table), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    (folder / "table.json").write_bytes(description)
    return folder


def read_table(folder: Path) -> Table:
    """What a staged table says of itself. Raises TableError when the folder is not a whole table."""
    try:
        fields = orjson.loads((folder / "table.json").read_bytes())
        default = fields["default"]
        return Table(**{**fields, "default": tuple(default) if default is not None else None})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TableError(f"{folder.name} is not a whole table ({error}); run `ranklet build` again") from error


def read_staged(folder: Path) -> tuple[Table, Vectors]:
    """Read back what `write_staged` wrote; rows stay memory-mapped.

    Raises TableError when the folder is not a whole table.
    """
    table = read_table(folder)
    try:
        values = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
        as_text = folder / "keys.json"
        keys = tuple(orjson.loads(as_text.read_bytes())) if as_text.exists() else np.load(folder / "keys.npy")
    except (OSError, ValueError) as error:
        raise TableError(f"{folder.name} is not a whole table ({error}); run `ranklet build` again") from error
    if len(values) != table.rows:
        raise TableError(f"{folder.name} holds {len(values)} of {table.rows} rows: the others are where it was built")
    return table, Vectors(keys, values, folder / "vectors.npy")


def built(folder: Path) -> str | None:
    """Where the items of a staged table lie that was built elsewhere; None for others."""
    path = folder / BUILT
    return str(orjson.loads(path.read_bytes())["built"]) if path.exists() else None


def _write(vectors: Vectors, values_path: Path, keys_path: Path) -> None:
    with _replacing(values_path) as path:
        if vectors.file is not None:
            shutil.copyfile(vectors.file, path)
        else:
            _save(path, vectors.values)
    if isinstance(vectors.keys, np.ndarray):
        with _replacing(keys_path.with_name(keys_path.name + ".npy")) as path:
            _save(path, vectors.keys)
    else:
        with _replacing(keys_path.with_name(keys_path.name + ".json")) as path:
            path.write_bytes(orjson.dumps(list(vectors.keys)))


def _save(path: Path, values: NDArray[Any]) -> None:
    with path.open("wb") as file:  # numpy.save adds an ending to names that lack its own
        np.save(file, values, allow_pickle=False)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Write beside it, then rename: whoever has the old file mapped (a running `ranklet serve`) keeps it."""
    scratch = path.with_name(path.name + ".writing")
    yield scratch
    scratch.replace(path)
