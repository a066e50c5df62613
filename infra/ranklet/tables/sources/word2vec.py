"""Text of one row a line, in three forms.

word2vec   `rows dim` first, then `key v1 … vdim` a line, parted by blanks: the original tool's output with `-binary 0`,
           gensim's and fastText's .vec
glove      the same lines without the first
colon      `key:v1 v2 …` or `key:v1,v2,…`, as jobs on clusters write them, with or without the first line
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ranklet.tables.sources.base import CHUNK_NUMBERS, Asked, Chunk, Keys, Places, int_key

MOST_NUMBERS = 65_536
"""Of a row; one of 4 bytes each would not fit a DynamoDB item by far."""

Numbered = Iterator[tuple[int, bytes]]


class Form(NamedTuple):
    """split: a line's key and numbers. header: whether `rows dim` must, may or must not stand first."""

    split: Callable[[bytes], list[bytes]]
    header: bool | None


def _by_colon(line: bytes) -> list[bytes]:
    key, _, numbers = line.strip().rpartition(b":")
    return [key.strip(), *numbers.replace(b",", b" ").split()]


FORMS = {
    "word2vec": Form(bytes.split, header=True),
    "glove": Form(bytes.split, header=False),
    "colon": Form(_by_colon, header=None),
}


def read(asked: Asked) -> Iterator[Chunk]:
    """As `sources.read` says."""
    assert asked.table.source is not None
    path, form = asked.resolve(asked.table.source), FORMS[asked.table.format or "word2vec"]
    try:
        with path.open("rb") as file:
            numbered: Numbered = enumerate(file, start=1)
            yield from _chunks(asked, path, form, numbered)
    except OSError as error:
        raise asked.error(f"cannot read {path.name}: {error}") from error


def _chunks(asked: Asked, path: Path, form: Form, numbered: Numbered) -> Iterator[Chunk]:
    number, first = next(numbered, (1, b""))
    rows, dim = _header(asked, path, form, first)
    if rows is None:
        numbered = chain([(number, first)], numbered)
    if not 1 <= dim <= MOST_NUMBERS:
        raise asked.error(f"line 1 of {path.name} says {dim} numbers a row; from 1 to {MOST_NUMBERS} are read")
    found = 0
    while part := list(islice(numbered, max(1, CHUNK_NUMBERS // dim))):
        yield _chunk(asked, path, form, part, dim)
        found += len(part)
    if rows is not None and found != rows:
        raise asked.error(f"{path.name} says {rows} rows on line 1 and has {found}; it was cut off, or written wrongly")


def _header(asked: Asked, path: Path, form: Form, line: bytes) -> tuple[int | None, int]:
    """Rows and numbers of each, as line 1 says; None for rows that it does not say."""
    parts = line.split()
    if form.header is not False and len(parts) == 2 and all(part.isdigit() and len(part) < 20 for part in parts):
        return int(parts[0]), int(parts[1])
    if form.header:
        raise asked.error(
            f'line 1 of {path.name} must be `rows dim`; for lines without it, as GloVe\'s, say format = "glove", for '
            'lines of `key:v1 v2` format = "colon"'
        )
    return None, len(form.split(line)) - 1


def _chunk(asked: Asked, path: Path, form: Form, part: list[tuple[int, bytes]], dim: int) -> Chunk:
    places = Places(path.name, range(part[0][0], part[-1][0] + 1), "line")
    names: list[str] = []
    values = np.empty((len(part), dim))
    for row, (_, line) in enumerate(part):
        parts = form.split(line)
        if len(parts) != dim + 1 or not parts[0]:
            raise asked.error(
                f"{places[row]} has {max(0, len(parts) - 1)} numbers after its key, line 1 says {dim}; "
                "a key holds no blanks"
            )
        try:
            names.append(parts[0].decode("utf-8"))
            if b"_" in line and (wrong := [part for part in parts[1:] if b"_" in part]):
                raise ValueError(f"{wrong[0].decode(errors='replace')!r} is no number")
            values[row] = list(map(float, parts[1:]))
        except ValueError as error:
            raise asked.error(f"{places[row]}: {error}") from error
    return Chunk(_keys(asked, names, places), values, places)


def _keys(asked: Asked, names: list[str], places: Places) -> Keys:
    if asked.table.key == "string":
        return names
    return np.fromiter((int_key(asked, name, places[row]) for row, name in enumerate(names)), np.int64, len(names))
