r"""The files that DynamoDB's ImportTable reads: one item a line, cut into parts, compressed by gzip.

    dynamodb-json   {"Item":{"k":{"S":"42"},"v":{"B":"base64"}}}
    ion             {Item:{k:"42",v:{{base64}}}}           (Amazon Ion text; no tested server reads it but AWS)

Formats: "DynamoDB import format quotas and validation", AWS developer guide. ImportTable lets the last of equal keys
win in silence, so keys that are not ascending are refused here. Equal tables give equal files, whenever and wherever
they are written.
"""

from __future__ import annotations

import gzip
import hashlib
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson

from ranklet.errors import TableError
from ranklet.items import Items
from ranklet.tables.loader import Progress

PART_BYTES = 64 << 20
"""Of a part before compression: ImportTable reads parts side by side and takes up to 50 000 of them."""

CHUNK_BYTES = 1 << 20
LEVEL = 1
"""Vectors hardly compress; base64 costs a third, and gzip at its fastest takes it back."""

MAX_PARTS = 50_000


@dataclass(frozen=True)
class Part:
    """One written file. bytes: compressed."""

    path: Path
    items: int
    bytes: int
    sha256: str


def _json(key: str, value: bytes) -> bytes:
    return b'{"Item":{"k":{"S":%b},"v":{"B":"%b"}}}\n' % (orjson.dumps(key), b2a_base64(value, newline=False))


def _ion(key: str, value: bytes) -> bytes:
    # JSON's escapes of a string are Ion's too.
    return b"{Item:{k:%b,v:{{%b}}}}\n" % (orjson.dumps(key), b2a_base64(value, newline=False))


FORMS: dict[str, tuple[str, str, Callable[[str, bytes], bytes]]] = {
    "dynamodb-json": ("json", "DYNAMODB_JSON", _json),
    "ion": ("ion", "ION", _ion),
}
"""Name → the file's ending, ImportTable's InputFormat, and what makes a line."""


def write(items: Items, folder: Path, *, form: str, progress: Progress, part_bytes: int = PART_BYTES) -> list[Part]:
    """Write `part-00000.json.gz` … into `folder`, which loses parts of an earlier run.

    Raises TableError for keys that are not ascending and unique, and where the files cannot be written.
    """
    refuse_duplicates(items)
    ending, _, line = FORMS[form]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stale in folder.glob("part-*.gz"):
            stale.unlink()
        parts: list[Part] = []
        for first, stop in _cuts(items, part_bytes):
            parts.append(_part(items, first, stop, folder / f"part-{len(parts):05d}.{ending}.gz", line))
            progress(stop, len(items))
    except OSError as error:
        raise TableError(f"cannot write the import files of {items.table.physical}: {error}") from error
    return parts


def refuse_duplicates(items: Items) -> None:
    """Raise TableError for the first key that is not above the one before it."""
    keys = items.keys
    if isinstance(keys, np.ndarray):
        wrong = np.flatnonzero(keys[1:] <= keys[:-1])
        place = int(wrong[0]) if len(wrong) else None
    else:
        pairs = pairwise(keys)
        place = next((number for number, (before, after) in enumerate(pairs) if after <= before), None)
    if place is not None:
        before, after = keys[place], keys[place + 1]
        said = "stands on more than one row" if before == after else "comes after a greater key"
        raise TableError(f"{items.table.physical}: key {str(after)!r} {said}; run `ranklet build` again")


def _cuts(items: Items, part_bytes: int) -> Iterator[tuple[int, int]]:
    """Ranges of items, a part each. The first items' size stands for all: rows are of one size, pages nearly so."""
    if not len(items):
        return
    lines = [_json(key, value) for key, value in items.pairs(0, min(len(items), 16))]
    each = max(1, part_bytes * len(lines) // sum(map(len, lines)))
    if -(-len(items) // each) > MAX_PARTS:
        each = -(-len(items) // MAX_PARTS)
    for first in range(0, len(items), each):
        yield first, min(first + each, len(items))


def _part(items: Items, first: int, stop: int, path: Path, line: Callable[[str, bytes], bytes]) -> Part:
    """Write one part under another name first: a file that is there is whole."""
    scratch = path.with_suffix(".writing")
    with scratch.open("wb") as raw, gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as packed:
        chunk = bytearray()
        for key, value in _in_chunks(items, first, stop):
            chunk += line(key, value)
            if len(chunk) > CHUNK_BYTES:
                packed.write(chunk)
                chunk.clear()
        packed.write(chunk)
    scratch.replace(path)
    with path.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return Part(path, stop - first, path.stat().st_size, digest)


def _in_chunks(items: Items, first: int, stop: int, size: int = 4096) -> Iterator[tuple[str, bytes]]:
    for start in range(first, stop, size):
        yield from items.pairs(start, min(start + size, stop))
