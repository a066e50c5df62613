"""Tables whose every vector follows from its key, so that a wrong row shows."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet_features.spec import Table
from ranklet_features.stores.base import FOUND, MISSING, UNAVAILABLE, Keys, Rows

DIM = 8
ACCESS_KEY, SECRET_KEY, TOKEN, REGION = "AKIDEXAMPLE", "secret/with+odd=characters", "token/+==", "eu-west-3"


def vector(key: int | str, dim: int = DIM, dtype: str = "f32") -> NDArray[np.float32]:
    """float32 [dim], a function of the key alone; halves are exact, so f16 holds it without loss."""
    digest = hashlib.shake_128(f"{type(key).__name__}:{key}".encode("utf-8", "surrogatepass")).digest(dim)
    return np.frombuffer(digest, np.int8).astype(np.float32) / 2


def vectors(keys: Sequence[Any], dim: int = DIM) -> NDArray[np.float32]:
    """float32 [n, dim] of many keys."""
    return np.array([vector(key, dim) for key in keys], np.float32).reshape(len(keys), dim)


def make_table(keys: Sequence[Any], **changes: Any) -> Table:
    """The record of a table with these keys; `changes` are fields of it."""
    kind = "string" if keys and isinstance(keys[0], str) else "int"
    fields: dict[str, Any] = {"name": "items", "version": "0123abcd", "key": kind, "dim": DIM, "rows": len(keys)}
    fields |= changes
    fields.setdefault("physical", f"ranklet-{fields['name']}-{fields['version']}")
    return Table(**fields)


def write_resident(folder: Path, table: Table, keys: Sequence[Any]) -> None:
    """The table's files in a bundle."""
    (folder / "tables").mkdir(exist_ok=True)
    packed = vectors(keys, table.dim).astype("<f4" if table.dtype == "f32" else "<f2")
    np.save(folder / "tables" / f"{table.name}.npy", packed)
    if table.key == "int":
        np.save(folder / "tables" / f"{table.name}.keys.npy", np.array(keys, np.int64))
    else:
        (folder / "tables" / f"{table.name}.keys.json").write_bytes(orjson.dumps(list(keys)))


def write_staged(folder: Path, table: Table, keys: Sequence[Any]) -> Path:
    """The table's files as they wait for DynamoDB; the folder that holds them."""
    staged = folder / table.physical
    staged.mkdir()
    np.save(staged / "vectors.npy", vectors(keys, table.dim).astype("<f4" if table.dtype == "f32" else "<f2"))
    if table.key == "int":
        np.save(staged / "keys.npy", np.array(keys, np.int64))
    else:
        (staged / "keys.json").write_bytes(orjson.dumps(list(keys)))
    (staged / "table.json").write_bytes(orjson.dumps(dataclasses.asdict(table)))
    return staged


def environment(endpoint: str, **changes: str) -> Mapping[str, str]:
    """What Lambda sets, with the endpoint of a local server."""
    return {
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        **changes,
    }


def assert_rows(rows: Rows, keys: Sequence[Any], present: Any, *, dim: int = DIM, unavailable: bool = False) -> None:
    """Every row is its key's own, absent keys are MISSING and zero; where allowed, a row may be UNAVAILABLE."""
    assert rows.values.dtype == np.float32 and rows.values.shape == (len(keys), dim)
    assert rows.status.dtype == np.uint8 and rows.status.shape == (len(keys),)
    for key, value, status in zip(keys, rows.values, rows.status.tolist(), strict=True):
        if status == UNAVAILABLE and unavailable:
            assert not value.any()
        elif key in present:
            assert status == FOUND, key
            np.testing.assert_array_equal(value, vector(key, dim))
        else:
            assert status == MISSING, key
            assert not value.any()


class DictStore:
    """A store over a dict that tests may change; keys in `down` are UNAVAILABLE. `asked` is what it was asked."""

    def __init__(self, table: Table, rows: dict[Any, NDArray[np.float32]]) -> None:
        self.table = table
        self.data = rows
        self.down: set[Any] = set()
        self.asked: list[list[Any]] = []
        self.closed = False

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        names = keys.tolist() if isinstance(keys, np.ndarray) else list(keys)
        self.asked.append(names)
        values = np.zeros((len(names), self.table.dim), np.float32)
        status = np.full(len(names), MISSING, np.uint8)
        for i, name in enumerate(names):
            if name in self.down:
                status[i] = UNAVAILABLE
            elif name in self.data:
                values[i], status[i] = self.data[name], FOUND
        return Rows(values, status)

    def close(self) -> None:
        self.closed = True
