"""What of a table is written already, in a file beside the staged table, so that an interrupted load goes on.

The first line says of which table: its ARN, id and time of creation, and the digest of what is written. A table that
was deleted and made anew is another one, and is written from the start. Each further line is a finished range of
items. Puts are idempotent: a lost journal, or a line that was cut off, costs time and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson


class Journal:
    """Finished ranges of one load; used as a context manager, which closes the file.

    folder: the staged table. The file is named by `identity` too, so that pushes to two places do not meet in it.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        header = orjson.dumps(dict(identity), option=orjson.OPT_SORT_KEYS)
        self.path = folder.with_name(f"{folder.name}-{hashlib.sha256(header).hexdigest()[:12]}.journal")
        self.done = _merged(_read(self.path, header))
        fresh = self.path.with_suffix(".fresh")
        fresh.write_bytes(_lines([header, *(orjson.dumps(span) for span in self.done)]))
        fresh.replace(self.path)
        # Appended lines are whole even where two pushes of one table write them; both are then true.
        self._file: BinaryIO = self.path.open("ab", buffering=0)

    def finish(self, start: int, stop: int) -> None:
        """Items `start … stop - 1` are written."""
        self.done = _merged([*self.done, (start, stop)])
        self._file.write(_lines([orjson.dumps((start, stop))]))

    def missing(self, count: int, block: int) -> Iterator[tuple[int, int]]:
        """Ranges of at most `block` items that are still to be written, of items `0 … count - 1`."""
        begin = 0
        for start, stop in [*self.done, (count, count)]:
            for first in range(begin, min(start, count), block):
                yield first, min(first + block, start, count)
            begin = max(begin, stop)

    def written(self) -> int:
        """How many items are written."""
        return sum(stop - start for start, stop in self.done)

    def forget(self) -> None:
        """Remove the file: the load is done."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()


def _read(path: Path, header: bytes) -> list[tuple[int, int]]:
    try:
        first, *lines = path.read_bytes().split(b"\n")[:-1] or [b""]  # what follows the last newline was cut off
    except FileNotFoundError:
        return []
    if first != header:
        return []
    spans = []
    for line in lines:
        match _parsed(line):
            case [int(start), int(stop)] if 0 <= start < stop:
                spans.append((start, stop))
            case _:
                return spans
    return spans


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _lines(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged
