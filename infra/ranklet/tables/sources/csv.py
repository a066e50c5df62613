"""CSV with a header line, UTF-8: a column a number, or one column whose cells hold all numbers of a row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from ranklet.tables.sources import columns
from ranklet.tables.sources.base import Asked, Batch, Chunk, Places, expand

BATCH_CELLS = 1 << 18
MAX_CELL = 1 << 24
"""Characters of a cell: a vector of 4 096 numbers takes about 100 000."""


def read(asked: Asked) -> Iterator[Chunk]:
    """As `sources.read` says."""
    return columns.read(asked, batches)


def batches(asked: Asked, path: Path, wanted: Sequence[str]) -> Iterator[Batch]:
    """Columns of text. A quoted cell may span lines; a message then names the last of them."""
    csv.field_size_limit(MAX_CELL)
    try:
        # -sig: spreadsheets put a byte order mark before the first column's name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _batches(asked, path, wanted, file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise asked.error(f"cannot read {path.name}: {error}; write it as CSV in UTF-8") from error


def _batches(asked: Asked, path: Path, wanted: Sequence[str], file: Iterator[str]) -> Iterator[Batch]:
    reader = csv.reader(file, strict=True)
    header = next(reader, [])
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise asked.error(f"{path.name} has the column {twice!r} more than once")
    names = expand(asked, wanted, header, path.name)
    places = [header.index(name) for name in names]
    for rows, lines in _rows(asked, path, reader, len(header)):
        cells = {name: [row[place] for row in rows] for name, place in zip(names, places, strict=True)}
        yield Batch(cells, Places(path.name, np.array(lines, np.int64), "line"))


def _rows(
    asked: Asked, path: Path, reader: Iterator[list[str]], width: int
) -> Iterator[tuple[list[list[str]], list[int]]]:
    numbered = ((row, reader.line_num) for row in reader if row)  # type: ignore[attr-defined]
    while part := list(islice(numbered, max(1, BATCH_CELLS // max(1, width)))):
        rows, lines = [row for row, _ in part], [line for _, line in part]
        for row, line in part:
            if len(row) != width:
                raise asked.error(f"line {line} of {path.name} has {len(row)} cells, its header {width}")
        yield rows, lines
