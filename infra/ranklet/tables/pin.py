"""Pin a table version: its packed rows, its name by content, its placement and the row that stands in.

A version is named by what it holds, so that building twice names the same table and a changed vector
can never be read by a manifest that was proven against another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.items import Items
from ranklet.model import TableSource
from ranklet.tables import placement
from ranklet.tables.placement import Site
from ranklet.tables.source import Vectors, blocks, save
from ranklet_features.packing import pack, row_dtype, unpack
from ranklet_features.spec import Table

KEYS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Pinned:
    """A table version and its rows as they will be stored. reason: why it is placed where it is.

    exact: its rows before they were packed, float32 [rows, dim], None where nobody asks for them.
    dollars: per million requests, by placement.
    fetched: whether a resident table comes from a snapshot in S3 and not with the package. bytes: of rows and keys.
    memory: what it takes of the function's memory where it is resident. built: where a version lies that was built
    elsewhere; then vectors and exact hold the rows that the proof needs, or more.
    """

    table: Table
    vectors: Vectors
    reason: str
    exact: Vectors | None = None
    dollars: Mapping[str, float] = field(default_factory=dict)
    fetched: bool = False
    bytes: int = 0
    memory: int = 0
    built: str = ""

    @property
    def away(self) -> bool:
        """Whether the function gets it from elsewhere than its package, so that it has to be staged."""
        return self.fetched or self.table.placement == "dynamodb"

    @property
    def narrowed(self) -> bool:
        """Whether packing rounds."""
        return self.table.dtype != "f32"


def pin(
    name: str, source: TableSource, vectors: Vectors, *, scratch: Path | None = None, site: Site = placement.ANYWHERE
) -> Pinned:
    """Pack the rows as `source.dtype`, name the version by their content and find its place.

    scratch: a folder for packed rows, which stay in memory without one. site: what the place depends on.
    Raises TableError where f16 cannot hold a value, a policy lacks its row, or DynamoDB cannot hold a page.
    """
    packed = _packed(name, source, vectors, scratch)
    rows, dim = vectors.values.shape
    placed = placement.decide(
        source,
        site,
        rows=rows,
        row_bytes=row_dtype(source.dtype, dim).itemsize,
        key_bytes=placement.key_bytes(packed.keys),
    )
    page = source.page if placed.placement == "dynamodb" else 1
    version = _digest(source, packed, dim, page)
    table = Table(
        name=name,
        physical=f"ranklet-{name}-{version}",
        version=version,
        key=source.key,
        dim=dim,
        rows=rows,
        dtype=source.dtype,
        placement=placed.placement,
        missing=source.missing,
        unavailable=source.unavailable,
        default=_default(name, source, vectors),
        cache_entries=source.cache_entries,
        cache_ttl_s=source.cache_ttl_s,
        hedge=source.hedge,
        page=page,
    )
    if placed.placement == "dynamodb":
        Items(table, packed.keys, packed.values)  # refuses pages that no item can hold
    return Pinned(table, packed, placed.reason, vectors, placed.dollars, placed.fetched, placed.bytes, placed.memory)


def _packed(name: str, source: TableSource, vectors: Vectors, scratch: Path | None) -> Vectors:
    values = vectors.values
    if source.dtype == "f32" and values.dtype == np.dtype("<f4"):
        return vectors
    dtype = row_dtype(source.dtype, values.shape[1])
    shape = (len(values),) if source.dtype == "int8" else values.shape
    parts = _pack(name, source, values)
    if scratch is not None:
        path = scratch / f"{name}.{source.dtype}.npy"
        return Vectors(vectors.keys, save(path, parts, dtype.base, shape), path)
    empty = np.empty((0, *shape[1:]), dtype.base)
    return Vectors(vectors.keys, np.concatenate([empty, *parts]))


def _pack(name: str, source: TableSource, values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for block in blocks(values):
        with np.errstate(over="ignore"):
            packed = pack(block, source.dtype)
            read = unpack(packed)
        if not np.isfinite(read).all():
            limit = np.finfo(np.float16 if source.dtype == "f16" else np.float32).max
            raise TableError(f"table {name}: a value is beyond {source.dtype}'s range ({limit}); use f32")
        yield packed


def _default(name: str, source: TableSource, vectors: Vectors) -> tuple[float, ...] | None:
    policies = {source.missing, source.unavailable}
    if "row" in policies:
        if "mean" in policies:
            raise TableError(f"table {name}: missing and unavailable rows share one default: `mean` or `row`, not both")
        if source.default is None or len(source.default) != vectors.values.shape[1]:
            raise TableError(f"table {name}: policy `row` needs `default` with {vectors.values.shape[1]} numbers")
        return source.default
    if "mean" not in policies:
        return None
    if not len(vectors.values):
        raise TableError(f"table {name}: policy `mean` needs at least one row")
    return tuple(_mean(vectors.values).tolist())


def _mean(values: NDArray[Any]) -> NDArray[np.float32]:
    """The mean row, summed in 64 bits."""
    total = np.zeros(values.shape[1])
    for block in blocks(values):
        total += block.sum(axis=0, dtype=np.float64)
    return (total / len(values)).astype(np.float32)


def _digest(source: TableSource, vectors: Vectors, dim: int, page: int) -> str:
    """Twelve hex digits of SHA-256 over form, keys and rows: 48 bits among the few versions of one table."""
    keys = vectors.keys
    digest = hashlib.sha256(f"{source.key} {source.dtype} {len(keys)} {dim} {page}\n".encode())
    if isinstance(keys, np.ndarray):
        digest.update(np.ascontiguousarray(keys, "<i8").data)
    else:
        for start in range(0, len(keys), KEYS_AT_ONCE):
            digest.update(orjson.dumps(keys[start : start + KEYS_AT_ONCE]))
    for block in blocks(vectors.values):
        digest.update(np.ascontiguousarray(block).tobytes())
    return digest.hexdigest()[:12]
