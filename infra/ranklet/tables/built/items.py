"""The items of a build, numbered from 0 in the order of its files, as `ranklet.items.Items` numbers those of an array.

A part is copied here, unpacked into a file without a name, held against its digest and read by line: a few parts take
disk, none takes memory. Whoever reads in the order of the numbers unpacks every part once.
"""

from __future__ import annotations

import gzip
import mmap
import tempfile
import threading
import zlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.tables.built.opened import Build
from ranklet.tables.built.record import ITEMS, Part
from ranklet.tables.spark.content import of as content_of
from ranklet.tables.spark.content import pair, rows_of
from ranklet_features.packing import row_dtype
from ranklet_features.spec import Table

OPEN = 3
"""Parts that are unpacked at once: writers are in one, or at the end of one and in the next."""

SAMPLED = 8
"""Parts that a sample is drawn from."""


@dataclass(frozen=True)
class Unpacked:
    """A part's lines. starts: int64 [items + 1], where each begins in the mapped file."""

    lines: mmap.mmap
    starts: NDArray[np.int64]

    def each(self) -> Iterator[bytes]:
        """Every line."""
        for first, stop in pairwise(self.starts.tolist()):
            yield self.lines[first:stop]

    def pairs(self, first: int, stop: int) -> Iterator[tuple[str, bytes]]:
        """Key and value of some lines."""
        for number in range(first, stop):
            yield pair(self.lines[self.starts[number] : self.starts[number + 1]])


class BuiltItems:
    """The items of a build. table: as the bundle pins it. Raises TableError where the build is another version."""

    def __init__(self, table: Table, build: Build) -> None:
        if build.table.physical != table.physical:
            raise TableError(
                f"{build.place.name} holds {build.table.physical}, the bundle pins {table.physical}; build it again"
            )
        self.table, self.build = table, build
        self._ends = list(accumulate(part.items for part in build.record.parts))
        self._open: OrderedDict[int, Unpacked] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.build.items

    def key(self, number: int) -> str:
        """The key of an item."""
        return next(self.pairs(number, number + 1))[0]

    def value(self, number: int) -> bytes:
        """The value of an item."""
        return next(self.pairs(number, number + 1))[1]

    def find(self, key: str) -> int | None:
        """Always TableError: the files are in no order, and nothing here holds all keys."""
        raise TableError(
            f"{self.table.physical}: {key!r} cannot be looked up in {self.build.place.name}, whose files are in no "
            "order of keys: with a version that was built elsewhere, counts and a sample are compared"
        )

    def sample(self, size: int) -> Sequence[int]:
        """As `Numbered` says, out of a few parts: each that is looked at is fetched whole."""
        full = [place for place, part in enumerate(self.build.record.parts) if part.items]
        random = np.random.default_rng(0)
        if len(self) > size and len(full) > SAMPLED:
            full = sorted({full[0], full[-1], *random.choice(full[1:-1], SAMPLED - 2, replace=False).tolist()})
        each = -(-size // len(full)) if len(self) > size else len(self)
        return [number for place in full for number in self._drawn(place, each, random)]

    def _drawn(self, place: int, size: int, random: np.random.Generator) -> list[int]:
        """Numbers of items of one part."""
        count, end = self.build.record.parts[place].items, self._ends[place]
        drawn = random.choice(count, min(count, size), replace=False)
        numbers: list[int] = (end - count + np.unique([0, count - 1, *drawn])).tolist()
        return numbers

    def pairs(self, start: int, stop: int) -> Iterator[tuple[str, bytes]]:
        """Key and value of the items `start … stop - 1`. Raises TableError for a part that is not as it was built."""
        while start < stop:
            place = bisect_right(self._ends, start)
            end, before = self._ends[place], self._ends[place] - self.build.record.parts[place].items
            yield from self._part(place).pairs(start - before, min(stop, end) - before)
            start = end

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """Key as text and packed row of every row, whatever the pages. Raises TableError as `pairs` does."""
        size = row_dtype(self.table.dtype, self.table.dim).itemsize
        for place in range(len(self._ends)):
            for keys, blob, _ in rows_of(self._part(place).each(), self.table):
                yield from zip(keys, (blob[at : at + size] for at in range(0, len(blob), size)), strict=True)

    def check(self) -> None:
        """Read every part. Raises TableError for one that is not as it was built."""
        for place in range(len(self._ends)):
            self._part(place)

    def _part(self, place: int) -> Unpacked:
        with self._lock:
            if place not in self._open:
                self._open[place] = unpacked(self.build, self.build.record.parts[place])
                while len(self._open) > OPEN:
                    self._open.popitem(last=False)
            self._open.move_to_end(place)
            return self._open[place]


def unpacked(build: Build, part: Part) -> Unpacked:
    """A part's lines in a file that vanishes with them. Raises TableError where they are not what was built."""
    file, name = f"{ITEMS}/{part.name}", f"{build.place.name}/{ITEMS}/{part.name}"
    with tempfile.TemporaryFile() as packed, tempfile.TemporaryFile() as plain:
        build.place.copy(file, packed)
        packed.seek(0)
        starts = np.zeros(part.items + 1, np.int64)
        try:
            with gzip.open(packed, "rb") as lines:
                content = content_of(_copied(lines, plain, starts), build.table)
            if (content.rows, content.items) != (part.rows, part.items) or (content.sums != part.digest).any():
                raise TableError(f"{content.rows} rows of another digest than the {part.rows} that were written")
        except (OSError, EOFError, zlib.error, TableError) as error:
            raise TableError(f"{name} is not the file that was built ({error}); build the table again") from error
        plain.flush()
        # An empty file cannot be mapped, and has no line that anybody could ask for.
        mapped = mmap.mmap(plain.fileno(), 0, access=mmap.ACCESS_READ) if part.items else mmap.mmap(-1, 1)
    return Unpacked(mapped, starts)


def _copied(lines: Any, plain: Any, starts: NDArray[np.int64]) -> Iterator[bytes]:
    """The lines, written on their way."""
    done = 0
    for number, line in enumerate(lines, start=1):
        if number >= len(starts):
            raise TableError(f"more than {len(starts) - 1} items")
        plain.write(line)
        done += len(line)
        starts[number] = done
        yield line
