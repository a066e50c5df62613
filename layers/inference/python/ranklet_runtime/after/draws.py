"""Random numbers by a seed: the same ones for ever, on every machine and under every version of NumPy.

SplitMix64 (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014), many at once; normal ones of
two uniform ones each by Box and Muller, 1958. NumPy's own generators may change between versions, and take longer to
import than all else that a list needs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.after.base import Numbers

Words = NDArray[np.uint64]
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
BY = tuple(map(np.uint64, (30, 27, 31)))
UNIT = 2.0**-53


class Draws:
    """A row of numbers. seed: a whole number from 0 to 2^64 - 1."""

    def __init__(self, seed: int) -> None:
        # Mixed, so that seeds in a row have nothing to do with each other.
        self._start, self._drawn = mixed(np.array([seed], np.uint64) * GOLDEN + GOLDEN), 0

    def uniform(self, count: int) -> Numbers:
        """The next ones, from 0 to below 1."""
        places = np.arange(self._drawn + 1, self._drawn + 1 + count, dtype=np.uint64)
        self._drawn += count
        words = mixed(self._start + places * GOLDEN) >> np.uint64(11)
        return words.astype(np.float64) * UNIT

    def normal(self, count: int) -> Numbers:
        """The next ones of N(0, 1)."""
        half = (count + 1) // 2
        one, other = self.uniform(half), self.uniform(half)
        length, angle = np.sqrt(-2.0 * np.log(1.0 - one)), 2.0 * np.pi * other
        return np.concatenate([length * np.cos(angle), length * np.sin(angle)])[:count]


def mixed(words: Words) -> Words:
    """The finalizer of SplitMix64."""
    words = (words ^ (words >> BY[0])) * FIRST
    words = (words ^ (words >> BY[1])) * SECOND
    found: Words = words ^ (words >> BY[2])
    return found
