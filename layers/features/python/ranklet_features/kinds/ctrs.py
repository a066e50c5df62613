"""Tables of CatBoost's in a file of the bundle: for each, what is hashed, the hashes that it knows, and their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ranklet_features.kinds.base import Scope
from ranklet_features.lean import dataclass

FOLD = np.array([0x4906BA494954CB65], np.uint64)
VALUE, ABOVE, ABOVE_OR_NAN, EQUAL = range(4)
"""What is made of an input: its hash; whether it lies above a border, NaN not, or NaN as well; whether its hash is."""


Words = NDArray[np.uint64]


def fold(before: Words, code: Words) -> Words:
    """CalcHash: of what came before, 0 at first, and of the next part."""
    return FOLD * (before + FOLD * code)


def signed(hash: int) -> int:
    """A category's hash, 32 bits, as CatBoost folds it: with its sign."""
    return (hash + (1 << 31)) % (1 << 32) - (1 << 31)


class Part(NamedTuple):
    """of: which input. test: see VALUE. value: the border, or the hash."""

    of: int
    test: int = VALUE
    value: float = 0.0


@dataclass(frozen=True)
class Table:
    """keys: uint64 [k], ascending. rows: float32 [k + 1, columns], the last of what is not among them."""

    parts: tuple[Part, ...]
    keys: Words
    rows: NDArray[np.float32]

    def find(self, hashes: Words) -> NDArray[np.float32]:
        """[n] → [n, columns]."""
        last = len(self.keys)
        if not last:
            return np.broadcast_to(self.rows, (len(hashes), self.rows.shape[1]))
        at = self.keys.searchsorted(hashes)
        at[self.keys.take(at, mode="clip") != hashes] = last
        return self.rows.take(at, axis=0)


ARRAYS: Mapping[str, str] = {
    "part_ends": "int64",
    "part_of": "int64",
    "part_test": "int64",
    "part_value": "float64",
    "key_ends": "int64",
    "keys": "uint64",
    "widths": "int64",
    "rows": "float32",
}
"""Of the file, all [n]. part_ends, key_ends, widths: of each table; the others are the tables' one after the other."""


def arrays(tables: tuple[Table, ...]) -> dict[str, NDArray[Any]]:
    """The file's content. `read` gives the tables back."""
    parts = [part for table in tables for part in table.parts]
    found: dict[str, Any] = {
        "part_ends": np.cumsum([len(table.parts) for table in tables]),
        "part_of": [part.of for part in parts],
        "part_test": [part.test for part in parts],
        "part_value": [part.value for part in parts],
        "key_ends": np.cumsum([len(table.keys) for table in tables]),
        "keys": np.concatenate([np.empty(0, np.uint64), *(table.keys for table in tables)]),
        "widths": [table.rows.shape[1] for table in tables],
        "rows": np.concatenate([np.empty(0, np.float32), *(table.rows.reshape(-1) for table in tables)]),
    }
    return {name: np.asarray(found[name], dtype) for name, dtype in ARRAYS.items()}


def read(name: str, numbers: int, scope: Scope) -> tuple[Table, ...]:
    """Raises SpecError naming the file and what is wrong in it."""
    try:
        with np.load(scope.folder / name, allow_pickle=False) as file:
            found = {key: file[key] for key in ARRAYS}
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise scope.error(f"cannot read the tables in {name!r}: {error}") from error
    for key, dtype in ARRAYS.items():
        if found[key].dtype != dtype or found[key].ndim != 1:
            raise scope.error(f"{key} in {name!r} is {found[key].dtype} {list(found[key].shape)}, not {dtype} [n]")
    if problem := _problem(found, numbers, len(scope.of)):
        raise scope.error(f"the tables in {name!r} do not fit: {problem}")
    return tuple(_cut(found))


def _problem(found: Mapping[str, NDArray[Any]], numbers: int, inputs: int) -> str | None:
    tables = len(found["widths"])
    parts, keys = found["part_ends"], found["key_ends"]
    if len(parts) != tables or len(keys) != tables or (found["widths"] < 1).any():
        return "part_ends, key_ends and widths are not of the same tables"
    sizes = np.diff(keys, prepend=0)
    if (np.diff(parts, prepend=0) < 1).any() or (sizes < 0).any():
        return "part_ends and key_ends must rise"
    count = int(parts[-1]) if tables else 0
    if any(len(found[f"part_{field}"]) != count for field in ("of", "test", "value")):
        return f"part_of, part_test and part_value must have {count} entries"
    of, test = found["part_of"], found["part_test"]
    number = (test == ABOVE) | (test == ABOVE_OR_NAN)
    if ((of < 0) | (of >= inputs) | (test < VALUE) | (test > EQUAL) | (number != (of < numbers))).any():
        return "a part names an input that is not there, or not of its type"
    if len(found["keys"]) != (int(keys[-1]) if tables else 0):
        return "keys and key_ends differ"
    if len(found["rows"]) != int(((sizes + 1) * found["widths"]).sum()):
        return "rows do not have the size that keys and widths say"
    return None


def _cut(found: Mapping[str, NDArray[Any]]) -> Iterator[Table]:
    part = key = row = 0
    for part_end, key_end, width in zip(
        *(found[name].tolist() for name in ("part_ends", "key_ends", "widths")), strict=True
    ):
        parts = tuple(
            Part(*fields)
            for fields in zip(
                *(found[f"part_{name}"][part:part_end].tolist() for name in ("of", "test", "value")), strict=True
            )
        )
        size = (key_end - key + 1) * width
        yield Table(parts, found["keys"][key:key_end], found["rows"][row : row + size].reshape(-1, width))
        part, key, row = part_end, key_end, row + size
