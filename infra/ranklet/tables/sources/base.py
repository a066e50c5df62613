"""What sources are asked and what they yield."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.model import TableSource
from ranklet_features.spec import Feature, Input

CHUNK_NUMBERS = 1 << 20
"""Numbers of a chunk: 4 MB as float32, some ten times that while text is parsed."""

Keys = NDArray[np.int64] | Sequence[str]


@dataclass(frozen=True)
class Asked:
    """One table of a model.toml.

    resolve: the path of a file that model.toml names, below the model's folder. inputs and features: the model's own,
    which a tower may read.
    """

    name: str
    table: TableSource
    folder: Path
    resolve: Callable[[str], Path]
    inputs: Mapping[str, Input] = field(default_factory=dict)
    features: Mapping[str, Feature] = field(default_factory=dict)

    def error(self, message: str) -> TableError:
        """A TableError that names the table."""
        return TableError(f"table {self.name}: {message}")


@dataclass(frozen=True)
class Places:
    """Where rows stand, for messages. numbers: of a line (from 1) or a row (from 0), one each."""

    file: str
    numbers: Sequence[int] | NDArray[np.int64]
    noun: str = "row"

    def __getitem__(self, row: int) -> str:
        return f"{self.noun} {int(self.numbers[row])} of {self.file}"


@dataclass(frozen=True)
class Chunk:
    """Some rows. values: floats [n, dim]. places: where each row stands; key_places: its key, where that differs."""

    keys: Keys
    values: NDArray[Any]
    places: Places
    key_places: Places | None = None

    def key_place(self, row: int) -> str:
        """Where the key of a row stands."""
        return (self.key_places or self.places)[row]


@dataclass(frozen=True)
class Batch:
    """Some rows of a file of columns: name → values, as the file has them (lists, or arrays of numbers)."""

    columns: Mapping[str, Any]
    places: Places


Batches = Callable[[Asked, Path, Sequence[str]], Iterator[Batch]]
"""Reads the columns that are named; names may have `*`. Raises TableError for one that is not there."""


def int_key(asked: Asked, text: str, place: str) -> int:
    """A key of text as a 64-bit integer. Raises TableError for anything else, `1.0` and `1_000` among it."""
    digits = text[1:] if text[:1] == "-" else text
    if digits.isascii() and digits.isdigit() and -(1 << 63) <= (number := int(text)) < 1 << 63:
        return number
    raise asked.error(f'the key on {place} is {text[:40]!r}; key = "int" needs integers of 64 bits')


def expand(asked: Asked, wanted: Sequence[str], there: Sequence[str], file: str) -> list[str]:
    """The columns that are wanted, `v*` replaced by those of the file in its order.

    Raises TableError for a name that is not there, and for numbered columns that do not stand in the order of their
    numbers: rows would get their numbers in another order than the model learned.
    """
    found: list[str] = []
    for name in wanted:
        if name in there:
            found.append(name)
            continue
        matches = _matching(name, there) if name.count("*") == 1 else []
        if not matches:
            raise asked.error(f"{file} has no column {name!r}; its columns: {', '.join(there)}")
        numbers = [int(text) for text in (_star(name, match) for match in matches) if text.isdigit()]
        if len(numbers) == len(matches) and any(b <= a for a, b in pairwise(numbers)):
            raise asked.error(
                f"the columns {name} of {file} do not stand in the order of their numbers "
                f"({', '.join(matches[:3])}, …); name them one by one in vector_columns"
            )
        found += matches
    return found


def _matching(pattern: str, there: Sequence[str]) -> list[str]:
    before, after = pattern.split("*")
    return [
        name
        for name in there
        if len(name) > len(before) + len(after) and name.startswith(before) and name.endswith(after)
    ]


def _star(pattern: str, name: str) -> str:
    before, after = pattern.split("*")
    return name[len(before) : len(name) - len(after)]
