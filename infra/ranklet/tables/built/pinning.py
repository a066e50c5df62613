"""A table of model.toml that names a build: the very version is pinned, nothing is computed and nothing is packed.

The proof reads the rows that golden requests ask for. The build kept them aside; keys that it was not asked for are
looked up in its files, those whose span holds them. A build on this machine that is small enough is staged whole, so
that `ranklet serve` has every row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ranklet.errors import TableError
from ranklet.golden import Golden as Request
from ranklet.model import Model, TableSource
from ranklet.tables import placement
from ranklet.tables.built import wanted
from ranklet.tables.built.items import unpacked
from ranklet.tables.built.opened import Build, opened
from ranklet.tables.built.place import Folder
from ranklet.tables.built.record import Key
from ranklet.tables.pin import Pinned
from ranklet.tables.placement import Site
from ranklet.tables.source import Vectors, in_order, save
from ranklet.tables.spark.build import with_policies
from ranklet.tables.spark.content import rows_of
from ranklet.tables.spark.recipe import Recipe
from ranklet_features.packing import from_bytes, row_dtype

WHOLE = 1 << 30
"""Bytes of rows that are staged for `ranklet serve`; of a larger build only those of golden requests."""


def pin(name: str, described: Model, folder: Path, *, golden: Sequence[Request], scratch: Path, site: Site) -> Pinned:
    """Pin the build that a model's table names. scratch: a folder for staged rows.

    Raises TableError for a build that is not whole, that is of another table, another form or another training run
    than model.toml says, and where it did not keep what the proof needs.
    """
    source = described.tables[name]
    assert source.built is not None
    build = opened(where(folder, source.built))
    _refuse_another(name, build, source)
    if source.tower is not None:
        _refuse_another_run(build, Recipe.of(described, folder, name))
    table = with_policies(build.table, source, build.record.mean)
    asked = wanted.keys(described, folder, name, golden)
    row = row_dtype(table.dtype, table.dim).itemsize
    whole = isinstance(build.place, Folder) and table.rows * row <= WHOLE
    vectors = _rows(build, None if whole else asked, scratch)
    placed = placement.decide(
        msgspec.structs.replace(source, placement="dynamodb"),
        site,
        rows=table.rows,
        row_bytes=row,
        key_bytes=build.record.key_bytes,
    )
    kept = "all of them staged" if whole else f"{len(vectors.keys)} staged, which golden requests read"
    return Pinned(
        table,
        vectors,
        f"{table.rows} rows built in {build.place.name}, {kept}",
        vectors if table.dtype == "f32" else _exact(build, asked),
        placed.dollars,
        bytes=placed.bytes,
        memory=placed.memory,
        built=build.place.name,
    )


def where(folder: Path, built: str) -> str:
    """`built` of model.toml as a path or URI: a path is below the model's folder, or leaves it by `..`."""
    return built if "://" in built else str((folder / built).resolve())


def _refuse_another(name: str, build: Build, source: TableSource) -> None:
    """Raise TableError where the build's form is not that of model.toml."""
    said = {"name": name, "key": source.key, "dtype": source.dtype, "page": source.page}
    found = {field: getattr(build.table, field) for field in said}
    if differing := [field for field in said if found[field] != said[field]]:
        text = ", ".join(f"{field} {found[field]!r} for {said[field]!r}" for field in differing)
        raise TableError(
            f"table {name}: {build.place.name} has {text}; correct [tables.{name}], or build the table again"
        )


def _refuse_another_run(build: Build, recipe: Recipe) -> None:
    """Raise TableError where other numbers computed the rows than this model's tower."""
    if build.record.training != recipe.training():
        raise TableError(
            f"table {recipe.name}: {build.place.name} was built by another training run of {build.record.model}: its "
            f"tower, features or vocabularies are not this model's; run `ranklet tables build {recipe.model} "
            f"{recipe.name}` into a new folder"
        )


def _rows(build: Build, asked: Sequence[Key] | None, scratch: Path) -> Vectors:
    """The packed rows of the keys that are asked for, or of all."""
    table = build.table
    if asked is None or not set(asked) <= set(build.golden.asked):
        return _gathered(build, None if asked is None else frozenset(map(str, asked)), scratch)
    kept = build.golden
    places = _places(kept.keys, asked)
    rows = from_bytes(kept.stored, dtype=table.dtype, dim=table.dim)[places]
    return Vectors(_typed([kept.keys[place] for place in places], table.key), rows)


def _exact(build: Build, asked: Sequence[Key]) -> Vectors:
    """The rows before packing of the keys that golden requests read."""
    kept, table = build.golden, build.table
    if unknown := sorted(set(asked) - set(kept.asked)):
        raise TableError(
            f"table {table.name}: {build.place.name} did not keep the exact rows of {len(unknown)} keys that golden "
            f"requests read, {unknown[0]!r} among them: {table.dtype} cannot be measured without; build the table again"
        )
    places = _places(kept.keys, asked)
    rows = np.frombuffer(kept.exact, "<f4").reshape(-1, table.dim)[places]
    return Vectors(_typed([kept.keys[place] for place in places], table.key), rows)


def _places(keys: Sequence[Key], asked: Collection[Key]) -> list[int]:
    chosen = set(asked)
    return [place for place, key in enumerate(keys) if key in chosen]


def _gathered(build: Build, chosen: Collection[str] | None, scratch: Path) -> Vectors:
    """Rows out of the files, in ascending order of their keys; only keys are held in memory."""
    table = build.table
    dtype = row_dtype(table.dtype, table.dim)
    names: list[Any] = []
    raw = scratch / f"{table.name}.{table.dtype}.raw"
    with raw.open("wb") as file:
        for keys, blob in _read(build, chosen):
            names.append(_typed(keys, table.key))
            file.write(blob)
    if not names:
        return Vectors(_typed([], table.key), np.empty((0, *dtype.shape), dtype.base))
    found = np.concatenate([np.asarray(part, None if table.key == "int" else object) for part in names])
    order = np.argsort(found, kind="stable")
    shape = (len(found), *dtype.shape)
    target = scratch / f"{table.name}.{table.dtype}.npy"
    values = save(target, in_order(np.memmap(raw, dtype.base, "r", shape=shape), order), dtype.base, shape)
    raw.unlink()
    return Vectors(found[order] if table.key == "int" else tuple(found[order].tolist()), values, target)


def _read(build: Build, chosen: Collection[str] | None) -> Iterator[tuple[list[str], bytes]]:
    """Keys and packed rows out of the files, all or those chosen, some at a time."""
    table = build.table
    size = row_dtype(table.dtype, table.dim).itemsize
    spans = None if chosen is None else [int(key) if table.key == "int" else key for key in chosen]
    for part in build.record.parts:
        if not part.items or (spans is not None and not any(map(part.may_hold, spans))):
            continue
        for keys, blob, _ in rows_of(unpacked(build, part).each(), table):
            if chosen is None:
                yield keys, blob
                continue
            places = [place for place, key in enumerate(keys) if key in chosen]
            if places:
                rows = b"".join(blob[place * size : (place + 1) * size] for place in places)
                yield [keys[place] for place in places], rows


def _typed(keys: Sequence[Any], key: str) -> Any:
    """int64 [n], or a tuple of text."""
    return np.array([int(one) for one in keys], np.int64) if key == "int" else tuple(map(str, keys))
