"""Where a table's rows come from: one module a format, imported when used.

A further format is one module with a `read(asked)` that yields `Chunk`s, and one line in SOURCES. Formats of columns
also have `batches(path, wanted)`, through which an ONNX tower reads its catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import PurePath

from ranklet.errors import TableError
from ranklet.tables.sources.base import Asked, Chunk

SOURCES = {
    "npy": "ranklet.tables.sources.npy",
    "parquet": "ranklet.tables.sources.parquet",
    "csv": "ranklet.tables.sources.csv",
    "jsonl": "ranklet.tables.sources.jsonl",
    "word2vec": "ranklet.tables.sources.word2vec",
    "glove": "ranklet.tables.sources.word2vec",
    "colon": "ranklet.tables.sources.word2vec",
    "onnx": "ranklet.tables.sources.onnx",
}
"""Format → module."""

ENDINGS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".txt": "word2vec",
    ".vec": "word2vec",
    ".w2v": "word2vec",
}
"""Ending of a file → its format, where model.toml names none."""


def read(asked: Asked) -> Iterator[Chunk]:
    """The rows of a table as its model.toml describes them, in the order of the file, a few megabytes at a time.

    Raises TableError naming table, file and line or row for whatever cannot be read exactly, and for an unknown format.
    """
    chunks: Iterator[Chunk] = import_module(SOURCES[_format(asked)]).read(asked)
    return chunks


def format_of(name: str, file: str, given: str | None) -> str:
    """The format of a file of columns or rows. Raises TableError for an ending that tells none."""
    if given is not None:
        return given
    ending = PurePath(file).suffix.lower()
    if ending not in ENDINGS:
        raise TableError(f"table {name}: {file} ends in {ending!r}; say its format: one of {', '.join(SOURCES)}")
    return ENDINGS[ending]


def _format(asked: Asked) -> str:
    table = asked.table
    if table.tower is not None:
        return "onnx"
    if table.source is None:
        return "npy"
    found = format_of(asked.name, table.source, table.format)
    if found not in SOURCES or found in ("npy", "onnx"):
        one = ", ".join(sorted(set(SOURCES) - {"npy", "onnx"}))
        raise TableError(
            f"table {asked.name}: format {found!r} with source; formats of one file are {one} "
            "(npy: give vectors and keys; onnx: tower and catalogue)"
        )
    return found
