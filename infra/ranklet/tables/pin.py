"""Pin a table version: its packed rows, its name by content, its placement and the row that stands in.

A version is named by what it holds, so that building twice names the same table and a changed vector
can never be read by a manifest that was proven against another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.model import TableSource
from ranklet.tables.source import Vectors
from ranklet_features.spec import Placement, Table

RESIDENT_LIMIT = 64 * 2**20
"""Bytes up to which `auto` keeps a table in the package: it adds that much to the 250 MB of a function."""


@dataclass(frozen=True)
class Pinned:
    """A table version and its rows as they will be stored. reason: why it is placed where it is."""

    table: Table
    vectors: Vectors
    reason: str


def pin(name: str, source: TableSource, vectors: Vectors) -> Pinned:
    """Pack the rows as `source.dtype` and name the version by their content.

    Raises TableError where f16 cannot hold a value, or a policy lacks its row.
    """
    packed = Vectors(vectors.keys, _pack(name, vectors.values, source.dtype))
    placement, reason = _placement(source, packed.values.nbytes)
    version = _digest(packed)
    rows, dim = packed.values.shape
    return Pinned(
        Table(
            name=name,
            physical=f"ranklet-{name}-{version}",
            version=version,
            key=source.key,
            dim=dim,
            rows=rows,
            dtype=source.dtype,
            placement=placement,
            missing=source.missing,
            unavailable=source.unavailable,
            default=_default(name, source, vectors),
            cache_entries=source.cache_entries,
            cache_ttl_s=source.cache_ttl_s,
        ),
        packed,
        reason,
    )


def _pack(name: str, values: NDArray[np.floating], dtype: str) -> NDArray[np.floating]:
    with np.errstate(over="ignore"):
        packed = np.ascontiguousarray(values, dtype="<f4" if dtype == "f32" else "<f2")
    if not np.isfinite(packed).all():
        raise TableError(f"table {name}: a value is beyond {dtype}'s range ({np.finfo(packed.dtype).max}); use f32")
    return packed


def _placement(source: TableSource, size: int) -> tuple[Placement, str]:
    megabytes = f"{size / 2**20:.1f} MB"
    if source.placement != "auto":
        return source.placement, f"{megabytes}, as model.toml says"
    if size <= RESIDENT_LIMIT:
        return "resident", f"{megabytes} fits in the package (up to {RESIDENT_LIMIT // 2**20} MB)"
    return "dynamodb", f"{megabytes} is more than the package should carry ({RESIDENT_LIMIT // 2**20} MB)"


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
    mean = vectors.values.mean(axis=0, dtype=np.float64).astype(np.float32)
    return tuple(float(value) for value in mean)


def _digest(vectors: Vectors) -> str:
    """Twelve hex digits of SHA-256 over dtype, shape, keys and rows: 48 bits among the few versions of one table."""
    digest = hashlib.sha256(f"{vectors.values.dtype.str} {vectors.values.shape}\n".encode())
    keys = vectors.keys
    digest.update(keys.astype("<i8").tobytes() if isinstance(keys, np.ndarray) else "\n".join(keys).encode())
    digest.update(np.ascontiguousarray(vectors.values).data)
    return digest.hexdigest()[:12]
