"""Rows of a file of embeddings, as the file has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ranklet.errors import ImportRefused

MAX_LINE = 1 << 22


class Row(NamedTuple):
    """One embedding. numbers: texts, or numbers."""

    place: str
    key: Any
    numbers: Sequence[Any]


@dataclass(frozen=True)
class Opened:
    """A file's rows. table: the fields of [tables.<name>] that say how to read them. untyped: all keys are texts."""

    table: Mapping[str, Any]
    rows: Iterator[Row]
    untyped: bool = True


Open = Callable[[Path, Mapping[str, str]], Opened]


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """(place, text) of each line. Raises ImportRefused for one that is no UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), start=1):
            place = f"line {number} of {path.name}"
            try:
                yield place, line.decode("utf-8").strip()
            except UnicodeDecodeError as error:
                raise ImportRefused(f"{place} is no UTF-8 text: {error.reason}; write it anew") from error


def is_vector(value: Any) -> bool:
    """Whether a value is a list of numbers."""
    return isinstance(value, list) and len(value) > 1 and all(isinstance(one, int | float) for one in value)
