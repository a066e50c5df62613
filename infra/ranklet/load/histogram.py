"""Latencies in log-linear buckets: bounded memory, any quantile within 0.1 %, mergeable.

As HdrHistogram has them (http://hdrhistogram.org): a value keeps its eleven leading bits, so that a bucket is never
wider than 1/1024 of its values. Its port to Python is a C extension for what is forty lines here, where no more than a
thousand values a second come.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

BITS = 11
HALF = 1 << (BITS - 1)
TICKS = 5


def bucket(value: int) -> int:
    """The number of the bucket of a value of 0 or more."""
    shift = max(0, value.bit_length() - BITS)
    return shift * HALF + (value >> shift)


def highest(number: int) -> int:
    """The greatest value of a bucket."""
    shift = max(0, number // HALF - 1)
    return ((number - shift * HALF + 1) << shift) - 1


class Histogram:
    """Microseconds. least, most and mean are exact."""

    def __init__(self, values: Iterable[int] = ()) -> None:
        self.counts: Counter[int] = Counter()
        self.count = self.total = self.most = 0
        self.least = 0
        for value in values:
            self.record(value)

    def record(self, value: int) -> None:
        """Add a value; one below 0 is 0."""
        value = max(value, 0)
        self.counts[bucket(value)] += 1
        self.least = min(self.least, value) if self.count else value
        self.most = max(self.most, value)
        self.count += 1
        self.total += value

    def add(self, other: Histogram) -> None:
        """Add all values of another one."""
        if other.count:
            self.least = min(self.least, other.least) if self.count else other.least
        self.counts.update(other.counts)
        self.most = max(self.most, other.most)
        self.count += other.count
        self.total += other.total

    @property
    def mean(self) -> float:
        """0.0 where there is no value."""
        return self.total / self.count if self.count else 0.0

    def quantile(self, share: float) -> int:
        """The least value that this share of all values does not exceed, to its bucket; 0 where there is none."""
        wanted = max(1, math.ceil(share * self.count - 1e-9))
        for value, seen in self.cumulated():
            if seen >= wanted:
                return value
        return 0

    def above(self, value: int) -> int:
        """How many values are in buckets above that of a value."""
        limit = bucket(value)
        return sum(count for number, count in self.counts.items() if number > limit)

    def cumulated(self) -> Iterator[tuple[int, int]]:
        """The greatest value of each bucket, and how many values are not above it; both ascending."""
        seen = 0
        for number in sorted(self.counts):
            seen += self.counts[number]
            yield min(highest(number), self.most), seen

    def distribution(self) -> list[tuple[float, int]]:
        """(share, quantile): TICKS shares in each half of what is left, until less than one value is left."""
        shares = [
            1 - (1 - tick / (2 * TICKS)) / 2**half for half in range(self.count.bit_length()) for tick in range(TICKS)
        ]
        return [*((share, self.quantile(share)) for share in shares if (1 - share) * self.count >= 1), (1.0, self.most)]
