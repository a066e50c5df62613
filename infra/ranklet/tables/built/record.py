"""What a build says of itself, in two files beside its `table.json`.

    build.json       its training run, the mean row, and every file of items: size, counts, digest, span of keys
    golden.msgpack   rows of the keys that golden requests read: as they stand in the files, and before packing

The digests of the files make up the version (`ranklet.tables.spark.content`), so that a build whose record or files
were changed is found out.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.tables.spark.content import Content
from ranklet_features.spec import Table

TABLE, RECORD, GOLDEN, ITEMS = "table.json", "build.json", "golden.msgpack", "items"
FORMAT = 1

Key = int | str


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of items. bytes: as it lies there. sums: its rows' digest, hex. low, high: its least and greatest key."""

    name: str
    bytes: int
    rows: int
    items: int
    sums: str
    low: Key | None = None
    high: Key | None = None

    @classmethod
    def of(cls, name: str, size: int, content: Content) -> Part:
        """A file of that size that holds so much."""
        return cls(
            name=name,
            bytes=size,
            rows=content.rows,
            items=content.items,
            sums=content.sums.astype("<u8").tobytes().hex(),
            low=content.low,
            high=content.high,
        )

    @property
    def digest(self) -> NDArray[np.uint64]:
        """uint64 [4]."""
        return np.frombuffer(bytes.fromhex(self.sums), "<u8").astype(np.uint64)

    def may_hold(self, key: Key) -> bool:
        """Whether the key is within the file's span."""
        return self.low is not None and self.high is not None and self.low <= key <= self.high  # type: ignore[operator]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """build.json. training: digest of what computed the rows. mean: the mean row, float32. key_bytes: of all keys."""

    format: int = FORMAT
    model: str
    training: str
    mean: tuple[float, ...]
    key_bytes: int
    parts: tuple[Part, ...]

    def to_bytes(self) -> bytes:
        """The same bytes for equal records."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    @classmethod
    def from_bytes(cls, blob: bytes, where: str) -> Record:
        """Read back what `to_bytes` gave. Raises TableError for anything else."""
        try:
            record = msgspec.json.decode(blob, type=cls)
        except msgspec.DecodeError as error:
            raise TableError(f"{where}/{RECORD} cannot be read ({error}); build the table again") from error
        if record.format != FORMAT:
            raise TableError(f"{where} is a build of format {record.format}; this version of ranklet reads {FORMAT}")
        return record

    def version(self, table: Table) -> str:
        """The version that the files' digests make."""
        content = Content(table.dim)
        for part in self.parts:
            content.add(Content(table.dim, part.rows, part.items, part.digest))
        return content.version(table)


class Golden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """golden.msgpack. asked: the keys that golden requests read. keys: those that the table has, ascending.

    stored: their packed rows, as the files hold them. exact: their rows before packing, float32; empty where packing
    rounds nothing.
    """

    asked: tuple[Key, ...]
    keys: tuple[Key, ...]
    stored: bytes
    exact: bytes

    def to_bytes(self) -> bytes:
        """The same bytes for equal rows."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, blob: bytes, where: str) -> Golden:
        """Read back what `to_bytes` gave. Raises TableError for anything else."""
        try:
            return msgspec.msgpack.decode(blob, type=cls)
        except msgspec.DecodeError as error:
            raise TableError(f"{where}/{GOLDEN} cannot be read ({error}); build the table again") from error
