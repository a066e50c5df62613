"""Tables in memory, over rows that may lie in files."""

from __future__ import annotations

import time
import uuid
from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.errors import LocalError
from ranklet.local.dynamodb.errors import invalid
from ranklet.local.dynamodb.items import MAX_KEY, Item, binary, check_value, item_size, number
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
    vectors: NDArray[Any] | None = None
    created: float = field(default_factory=time.time)
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))

    @staticmethod
    def from_files(folder: Path) -> Table:
        """Map a built table: `vectors.npy`, `keys.npy` or `keys.json`, and `table.json`, the row that describes it.

        Raises LocalError when the folder does not hold a whole table.
        """
        try:
            description = (folder / "table.json").read_bytes()
            text = folder / "keys.json"
            keys = orjson.loads(text.read_bytes()) if text.exists() else np.load(folder / "keys.npy").tolist()
            vectors = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
            name = orjson.loads(description)["physical"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LocalError(f"{folder} does not hold a table ({error}); run `ranklet build` again") from error
        if len(keys) != len(vectors):
            raise LocalError(f"{folder}: {len(keys)} keys and {len(vectors)} vectors; run `ranklet build` again")
        table = Table(name, positions=dict(zip(map(str, keys), range(len(keys)), strict=True)), vectors=vectors)
        table.items[RESERVED] = _row(RESERVED, description)
        return table

    def get(self, key: str) -> Stored | None:
        """The item of a key as `identity` gives it."""
        if key in self.items:
            return self.items[key]
        position = self.positions.get(key)
        if position is None or self.vectors is None:
            return None
        return _row(key, self.vectors[position].tobytes())

    def put(self, item: Item) -> None:
        """Write or replace an item that was checked."""
        self.items[self.identity({self.key_name: item[self.key_name]})] = Stored(item, item_size(item))

    def delete(self, key: str) -> None:
        """Remove an item; a row in a file is hidden."""
        if key in self.positions:
            self.items[key] = None
        else:
            self.items.pop(key, None)

    def count(self) -> int:
        """Items in the table."""
        written = sum(stored is not None for stored in self.items.values())
        return written + sum(key not in self.items for key in self.positions)

    def size(self) -> int:
        """Bytes of all items."""
        written = sum(stored.size for stored in self.items.values() if stored is not None)
        row = self.vectors[0].nbytes + len("kv") if self.vectors is not None and len(self.vectors) else 0
        return written + sum(row + len(key.encode()) for key in self.positions if key not in self.items)

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
