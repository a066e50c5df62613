"""Tables in memory, over rows that may lie in files."""

from __future__ import annotations

import time
import uuid
import zlib
from binascii import b2a_base64
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.errors import LocalError, TableError
from ranklet.items import Items
from ranklet.local.dynamodb.errors import invalid
from ranklet.local.dynamodb.items import MAX_KEY, Item, binary, check_value, item_size, number
from ranklet_features.spec import Table as Pinned
from ranklet_features.stores.keys import RESERVED

SCHEMA_MISMATCH = "The provided key element does not match the schema"


class Stored(NamedTuple):
    """An item and its size in bytes, which every read needs."""

    item: Item
    size: int


@dataclass
class Table:
    """One table: written items, over rows mapped from files. key_type: S, N or B."""

    name: str
    key_name: str = "k"
    key_type: str = "S"
    billing: str = "PAY_PER_REQUEST"
    throughput: Mapping[str, int] = field(default_factory=dict)
    items: dict[str, Stored | None] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    staged: Items | None = None
    created: float = field(default_factory=time.time)
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    tags: dict[str, str] = field(default_factory=dict)
    protected: bool = False
    restorable: bool = False
    _order: list[tuple[int, str]] | None = None

    @staticmethod
    def from_files(folder: Path) -> Table:
        """Map a built table: `vectors.npy`, `keys.npy` or `keys.json`, and `table.json`, the row that describes it.

        Rows are served as the items that a push writes: one each, or pages.

        Raises LocalError when the folder does not hold a whole table.
        """
        try:
            description = (folder / "table.json").read_bytes()
            pinned = Pinned(**orjson.loads(description))
            text = folder / "keys.json"
            keys = orjson.loads(text.read_bytes()) if text.exists() else np.load(folder / "keys.npy")
            vectors = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
            staged = Items(pinned, keys, vectors)
        except (OSError, ValueError, KeyError, TypeError, TableError) as error:
            raise LocalError(f"{folder} does not hold a table ({error}); run `ranklet build` again") from error
        names = map(staged.key, range(len(staged)))
        table = Table(pinned.physical, positions={name: i for i, name in enumerate(names)}, staged=staged)
        table.items[RESERVED] = _row(RESERVED, description)
        return table

    @property
    def vectors(self) -> NDArray[Any] | None:
        """The mapped rows, where the table has some."""
        return None if self.staged is None else self.staged.rows

    def get(self, key: str) -> Stored | None:
        """The item of a key as `identity` gives it."""
        if key in self.items:
            return self.items[key]
        position = self.positions.get(key)
        if position is None or self.staged is None:
            return None
        return _row(key, self.staged.value(position))

    def put(self, item: Item) -> None:
        """Write or replace an item that was checked."""
        key = self.identity({self.key_name: item[self.key_name]})
        if key not in self.items and key not in self.positions:
            self._order = None
        self.items[key] = Stored(item, item_size(item))

    def delete(self, key: str) -> None:
        """Remove an item; a row in a file is hidden."""
        if key in self.positions:
            self.items[key] = None
        elif self.items.pop(key, None) is not None:
            self._order = None

    def count(self) -> int:
        """Items in the table."""
        written = sum(stored is not None for stored in self.items.values())
        return written + len(self.positions) - sum(1 for _ in self._hidden())

    def size(self) -> int:
        """Bytes of all items."""
        written = sum(stored.size for stored in self.items.values() if stored is not None)
        if self.staged is None:
            return written
        hidden = sum(
            len(key.encode()) + len(self.staged.value(self.positions[key])) + len("kv") for key in self._hidden()
        )
        return written + self._staged_bytes - hidden

    def after(self, key: str | None) -> Iterator[str]:
        """The keys of all items, or those behind `key`, in an order that has nothing to do with the keys' own."""
        if self._order is None:
            self._order = sorted((zlib.crc32(name.encode()), name) for name in {*self.positions, *self.items})
        start = 0 if key is None else bisect_right(self._order, (zlib.crc32(key.encode()), key))
        for place in range(start, len(self._order)):
            name = self._order[place][1]
            if self.items.get(name, name) is not None:
                yield name

    def _hidden(self) -> Iterator[str]:
        """Staged rows that were written over or deleted."""
        return (key for key in self.items if key in self.positions)

    @cached_property
    def _staged_bytes(self) -> int:
        assert self.staged is not None
        pairs = self.staged.pairs(0, len(self.staged))
        return sum(len(key.encode()) + len(value) + len("kv") for key, value in pairs)

    def identity(self, key: Any) -> str:
        """What makes a key equal to another, from `{name: {type: value}}`. Refuses what is not this table's key."""
        if not isinstance(key, dict) or key.keys() != {self.key_name}:
            raise invalid(SCHEMA_MISMATCH)
        value = key[self.key_name]
        if not isinstance(value, dict) or value.keys() != {self.key_type}:
            check_value(value)
            raise invalid(SCHEMA_MISMATCH)
        return self._identity(value[self.key_type], value)

    def _identity(self, content: Any, value: Any) -> str:
        if self.key_type != "S" or type(content) is not str:
            check_value(value)
        if self.key_type == "N":
            return format(number(content).normalize(), "f")
        size = len(content.encode()) if self.key_type == "S" else len(binary(content))
        if not size:
            kind = "string" if self.key_type == "S" else "binary"
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key attribute "
                f"cannot contain an empty {kind} value. Key: {self.key_name}"
            )
        if size > MAX_KEY:
            raise invalid(
                "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit "
                f"of{MAX_KEY} bytes"  # the missing space is DynamoDB's
            )
        return str(content)


def _row(key: str, packed: bytes) -> Stored:
    item = {"k": {"S": key}, "v": {"B": b2a_base64(packed, newline=False).decode()}}
    return Stored(item, len("kv") + len(key.encode()) + len(packed))
