"""The rows of a file of embeddings, seen once: their width, the type of their keys, and some to try."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.embeddings import forms
from ranklet.importers.embeddings.rows import Opened, Row

KEPT = 500
"""Rows that are parsed and tried; the build reads all of them."""

WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")
MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Vectors:
    """vectors: some keys and theirs. kind: of all keys. table: [tables.<name>]. files: what is not the file itself."""

    name: str
    vectors: Mapping[Any, list[float]] = field(repr=False)
    kind: str
    rows: int
    dim: int
    table: Mapping[str, Any]
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def unknown(self) -> Any:
        """A key that the file does not have, as far as was read."""
        return 7_000_000_001 if self.kind == "int" else "never seen"

    def one(self, random: np.random.Generator, count: int) -> list[Any]:
        """Keys as a caller could send them."""
        known = list(self.vectors)
        return [
            self.unknown if random.random() < 0.05 else known[int(random.integers(len(known)))] for _ in range(count)
        ]

    def many(self, random: np.random.Generator, count: int) -> list[Any]:
        """Lists of them."""
        return [self.one(random, int(random.integers(0, 6))) for _ in range(count)]


def read(path: Path, options: Mapping[str, str], *, keys: str | None = None, called: str = "{}") -> Vectors:
    """keys: of an .npy file. called: the name below export/ of a file that is not the model's own.

    Raises ImportRefused naming the row that does not fit.
    """
    if not path.is_file():
        raise ImportRefused(f"no file {path.name}; name one with embeddings")
    name, files = called.format(path.name), {}
    if called != "{}":
        if path.stat().st_size > MOST_BYTES:
            raise ImportRefused(
                f"{path.name} has more than {MOST_BYTES} bytes; put it below export/ and name it in model.toml"
            )
        files[f"export/{name}"] = path.read_bytes()
    opened, files_of_keys = _opened(path, options, keys, called)
    key_files = {f"export/{file}": content for file, content in files_of_keys.items()}
    table = dict(opened.table)
    table |= {"vectors": f"export/{name}", "keys": next(iter(key_files))} if key_files else {"source": f"export/{name}"}
    kept, kind, rows, dim = _seen(opened, path.name)
    return Vectors(path.name, kept, kind, rows, dim, {**table, "key": kind}, {**files, **key_files})


def _opened(path: Path, options: Mapping[str, str], keys: str | None, called: str) -> tuple[Opened, dict[str, bytes]]:
    with path.open("rb") as file:
        form = forms.form_of(path, file.read(64))
    if form is None:
        raise ImportRefused(
            f"{path.name} has no embeddings: read are word2vec's text with or without its first line, lines of "
            "`id:f1 f2`, CSV, JSON lines, Parquet and .npy"
        )
    if form != "npy":
        return forms.opened(path, form, options), {}
    option = "keys" if called == "{}" else "user_keys"
    if keys is None or not (file_of_keys := Path(keys)).is_file():
        raise ImportRefused(
            f"{path.name} has vectors and no keys: give -o {option}=FILE, an .npy of integers or a text of one key a "
            "line"
        )
    return forms.npy(path, file_of_keys), {called.format(file_of_keys.name): file_of_keys.read_bytes()}


def _seen(opened: Opened, name: str) -> tuple[dict[Any, list[float]], str, int, int]:
    """Some keys with their vectors, the type of all keys, how many rows there are and of how many numbers."""
    kept: dict[Any, list[float]] = {}
    whole, count, dim = True, 0, 0
    for row in opened.rows:
        dim = dim or len(row.numbers)
        if len(row.numbers) != dim or not dim or row.key == "" or type(row.key) not in (str, int):
            raise ImportRefused(
                f"{row.place} has the key {str(row.key)[:40]!r} and {len(row.numbers)} numbers, where {dim} stand"
            )
        whole = whole and (isinstance(row.key, int) or (opened.untyped and WHOLE.fullmatch(row.key) is not None))
        if count < KEPT:
            kept[row.key] = _parsed(row)
        count += 1
    if not count:
        raise ImportRefused(f"{name} has no rows")
    return {int(key) if whole else str(key): vector for key, vector in kept.items()}, _kind(whole), count, dim


def _kind(whole: bool) -> str:
    return "int" if whole else "string"


def _parsed(row: Row) -> list[float]:
    try:
        found = [float(number) for number in row.numbers]
    except (TypeError, ValueError, OverflowError) as error:
        raise ImportRefused(f"{row.place} holds what is no number") from error
    if not all(map(math.isfinite, found)):
        raise ImportRefused(f"{row.place} holds a NaN or an infinity; train again")
    return _narrow(found)


def _narrow(numbers: Sequence[float]) -> list[float]:
    """As a table holds them: 32-bit floats."""
    with np.errstate(over="ignore"):
        found: list[float] = np.array(numbers, np.float32).astype(np.float64).tolist()
    return found
