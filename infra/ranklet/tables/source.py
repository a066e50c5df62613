"""Read a table's vectors and keys as the author exported them, and refuse what could score a wrong row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet_features.spec import KeyType

RESERVED = "__ranklet__"
"""The key under which a table keeps its own description; no row may have it."""

MAX_KEY_BYTES = 2048
"""DynamoDB's limit on a partition key, in UTF-8."""


@dataclass(frozen=True)
class Vectors:
    """keys: int64 [rows] or text, ascending and unique. values: [rows, dim] float32 or float16, C order, finite."""

    keys: NDArray[np.int64] | tuple[str, ...]
    values: NDArray[Any]


def read(name: str, *, vectors: Path, keys: Path, key: KeyType) -> Vectors:
    """Read [rows, dim] vectors (.npy, float16 / 32 / 64) and their keys (.npy of ints, or .txt with one key a line).

    Rows are sorted by key, so that equal tables have equal bytes whatever order they were exported in.
    Raises TableError for a count that differs, a duplicate, reserved, empty or over-long key, or a NaN or infinity.
    """
    values = _load(name, vectors)
    if values.ndim != 2 or values.dtype.kind != "f" or values.shape[1] == 0:
        raise TableError(
            f"table {name}: {vectors.name} holds {values.dtype} {list(values.shape)}; floats [rows, dim] are needed"
        )
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise TableError(f"table {name}: row {int(np.argmin(finite))} of {vectors.name} holds a NaN or an infinity")
    names = _int_keys(name, keys) if key == "int" else _string_keys(name, keys)
    if len(names) != len(values):
        raise TableError(f"table {name}: {len(names)} keys in {keys.name}, {len(values)} rows in {vectors.name}")
    return _sorted(name, names, values)


def _load(name: str, path: Path) -> NDArray[Any]:
    try:
        loaded: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise TableError(f"table {name}: cannot read {path.name}: {error}; write it with numpy.save") from error
    return loaded


def _int_keys(name: str, path: Path) -> NDArray[np.int64]:
    keys = _load(name, path)
    if keys.ndim != 1 or keys.dtype.kind not in "iu":
        raise TableError(
            f'table {name}: {path.name} holds {keys.dtype} {list(keys.shape)}; key = "int" needs integers [rows]'
        )
    return keys.astype(np.int64)


def _string_keys(name: str, path: Path) -> tuple[str, ...]:
    try:
        keys = tuple(path.read_text(encoding="utf-8").split("\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"table {name}: cannot read {path.name}: {error}; write one key a line, UTF-8") from error
    keys = keys[:-1] if keys and keys[-1] == "" else keys
    for line, key in enumerate(keys, start=1):
        if not key or key == RESERVED or len(key.encode()) > MAX_KEY_BYTES:
            raise TableError(
                f"table {name}: the key on line {line} of {path.name} is empty, reserved ({RESERVED}) "
                f"or longer than {MAX_KEY_BYTES} bytes"
            )
    return keys


def _sorted(name: str, keys: NDArray[np.int64] | tuple[str, ...], values: NDArray[Any]) -> Vectors:
    names: NDArray[Any] = keys if isinstance(keys, np.ndarray) else np.array(keys, dtype=object)
    order = np.argsort(names, kind="stable")
    names = names[order]
    if len(twice := np.flatnonzero(names[1:] == names[:-1])):
        raise TableError(f"table {name}: key {str(names[twice[0]])!r} stands on more than one row; a key names one row")
    ordered = keys[order] if isinstance(keys, np.ndarray) else tuple(names.tolist())
    return Vectors(ordered, np.ascontiguousarray(values[order]))
