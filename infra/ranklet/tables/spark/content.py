"""What written lines hold, summed up in a way that does not depend on their order or on how they are cut.

    version = first 12 hex digits of SHA-256("key dtype rows dim page\\n" ‖ sums)
    sums    = four little-endian uint64: the sums modulo 2⁶⁴, over all rows, of the four quarters of
              SHA-256(key as UTF-8 text ‖ packed row)

A sum, not an exclusive or, so that a row written twice shows; rows are of one size, so that key and row cannot be
confused. Nobody is defended against who forges rows on purpose: the digest tells versions apart.
"""

from __future__ import annotations

import hashlib
from binascii import a2b_base64
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet_features.packing import from_bytes, row_dtype, unpack
from ranklet_features.spec import Table, VectorType


@dataclass
class Content:
    """rows, items: how many. sums: uint64 [4]. total: float64 [dim], the sum of the rows as they are read back.

    key_bytes: of all keys as text. low, high: the least and the greatest key. kept: packed rows of keys asked for.
    """

    dim: int
    rows: int = 0
    items: int = 0
    sums: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(4, np.uint64))
    total: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    key_bytes: int = 0
    low: Any = None
    high: Any = None
    kept: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.total):
            self.total = np.zeros(self.dim)

    def add(self, other: Content) -> None:
        """Take in what another part holds."""
        self.rows += other.rows
        self.items += other.items
        self.sums += other.sums
        self.total += other.total
        self.key_bytes += other.key_bytes
        self.low = min((one for one in (self.low, other.low) if one is not None), default=None)
        self.high = max((one for one in (self.high, other.high) if one is not None), default=None)
        self.kept |= other.kept

    def version(self, table: Table) -> str:
        """The name of the version that these rows make in the table's form."""
        head = f"{table.key} {table.dtype} {self.rows} {self.dim} {table.page}\n".encode()
        return hashlib.sha256(head + self.sums.astype("<u8").tobytes()).hexdigest()[:12]

    def mean(self) -> tuple[float, ...]:
        """The mean row as float32."""
        return tuple((self.total / self.rows).astype(np.float32).tolist())


def of(lines: Iterable[bytes | str], table: Table, wanted: Collection[str] = frozenset()) -> Content:
    """Read lines back, and keep the rows of `wanted` keys. Raises TableError for a line that is no item of it."""
    content = Content(table.dim)
    for keys, blob, items in rows_of(lines, table):
        content.add(_of(keys, blob, items, table=table, wanted=wanted))
    return content


def rows_of(lines: Iterable[bytes | str], table: Table) -> Iterator[tuple[list[str], bytes, int]]:
    """Keys, their packed rows joined, and how many items they were, of some lines at a time. Raises TableError."""
    remaining = iter(lines)
    while batch := list(islice(remaining, 1024)):
        try:
            pairs = [pair(line) for line in batch]
            keys, blob = _unpaged(pairs, table) if table.page > 1 else _plain(pairs, table)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise TableError(f"{table.name}: a written line does not read back ({error}); build it again") from error
        yield keys, blob, len(batch)


def dim_of(line: bytes | str, *, dtype: VectorType, paged: bool) -> int:
    """Numbers per row, told from one written line."""
    value = pair(line)[1]
    count = int.from_bytes(value[:2], "little") if paged else 1
    row = (len(value) - 2 - 2 * count) // count if paged else len(value)
    one, two = (row_dtype(dtype, dim).itemsize for dim in (1, 2))
    return 1 + (row - one) // (two - one)


def _of(keys: list[str], blob: bytes, items: int, *, table: Table, wanted: Collection[str]) -> Content:
    size = row_dtype(table.dtype, table.dim).itemsize
    rows = [blob[start : start + size] for start in range(0, len(blob), size)]
    digests = b"".join([hashlib.sha256(key.encode() + row).digest() for key, row in zip(keys, rows, strict=True)])
    values = unpack(from_bytes(blob, dtype=table.dtype, dim=table.dim))
    try:
        names = keys if table.key == "string" else list(map(int, keys))
    except ValueError as error:
        raise TableError(f"{table.name}: a written key is no integer ({error}); build it again") from error
    return Content(
        table.dim,
        len(keys),
        items,
        np.frombuffer(digests, "<u8").reshape(-1, 4).sum(axis=0, dtype=np.uint64),
        values.sum(axis=0, dtype=np.float64),
        len("".join(keys).encode()),
        min(names),
        max(names),
        {key: row for key, row in zip(keys, rows, strict=True) if key in wanted} if wanted else {},
    )


def pair(line: bytes | str) -> tuple[str, bytes]:
    """Key and value of a line."""
    item = orjson.loads(line)["Item"]
    return item["k"]["S"], a2b_base64(item["v"]["B"], strict_mode=True)


def _plain(pairs: Sequence[tuple[str, bytes]], table: Table) -> tuple[list[str], bytes]:
    size = row_dtype(table.dtype, table.dim).itemsize
    for key, value in pairs:
        if len(value) != size:
            raise ValueError(f"{len(value)} bytes under key {key!r}, {size} are needed")
    return [key for key, _ in pairs], b"".join([value for _, value in pairs])


def _unpaged(pairs: Sequence[tuple[str, bytes]], table: Table) -> tuple[list[str], bytes]:
    size = row_dtype(table.dtype, table.dim).itemsize
    keys: list[str] = []
    blobs: list[bytes] = []
    for key, value in pairs:
        count = int.from_bytes(value[:2], "little")
        head = 2 + 2 * count
        if not count or len(value) != head + count * size:
            raise ValueError(f"{len(value)} bytes under key {key!r} for {count} rows")
        first = int(key.removeprefix("p")) * table.page
        keys += map(str, (first + np.frombuffer(value[2:head], "<u2").astype(np.int64)).tolist())
        blobs.append(value[head:])
    return keys, b"".join(blobs)
