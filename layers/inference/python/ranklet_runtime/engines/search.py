"""How many of its thresholds a value is beyond, by binary search for all rows of all features at once.

What is compared then is that number, a byte: comparing takes as long as its operands are wide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.engines.base import Array
from ranklet_runtime.engines.forest import Bools, Ints

Compare = Callable[..., Bools]
"""Of values with thresholds: true where a row goes right, false for NaN."""

LEVELS = 8
"""Of a search, whose answer is a byte."""

DENSE = 4
"""The first of them, made by comparing with all their thresholds instead of looking each up."""

_HALVES = [1 << level for level in reversed(range(LEVELS))]


@dataclass(frozen=True)
class Run:
    """Thresholds low to high of one key, at most 255: those of a key with more come in runs."""

    low: int
    high: int


def runs(keys: Ints) -> Iterator[Run]:
    """keys [thresholds], those of one side by side."""
    ends = [*np.flatnonzero(np.diff(keys, prepend=-1)).tolist(), len(keys)]
    for low, high in pairwise(ends):
        for start in range(low, high, (1 << LEVELS) - 1):
            yield Run(start, min(start + (1 << LEVELS) - 1, high))


def counted(found: Sequence[Run]) -> tuple[Ints, NDArray[np.uint8]]:
    """Of each threshold its run, and how many of the run a value is beyond that is beyond it."""
    sizes = [run.high - run.low for run in found]
    run = np.repeat(np.arange(len(found)), sizes)
    lows = np.array([one.low for one in found], np.int64)
    return run, (np.arange(len(run)) - lows[run] + 1).astype(np.uint8)


class Search:
    """Of each run the thresholds, of one of the features [thresholds] and ascending, as a tree: node 1 is the root."""

    def __init__(self, found: Sequence[Run], features: Ints, numbers: Array, compare: Compare) -> None:
        self._features = features[[run.low for run in found]]
        self._compare = compare
        cuts = np.full((len(found), 1 << LEVELS), np.inf, numbers.dtype)  # which no number is beyond
        for place, run in enumerate(found):
            cuts[place, 1 : 1 + run.high - run.low] = numbers[run.low : run.high]
        step = 1 << (LEVELS - DENSE)
        self._first = np.ascontiguousarray(cuts[:, step::step].T)[:, :, None]
        self._tree = np.concatenate([cuts[:, :1], *(cuts[:, half :: 2 * half] for half in _HALVES)], axis=1).ravel()

    def codes(self, columns: Array, same: Bools) -> NDArray[np.uint8]:
        """How many thresholds of a run each row is beyond, [runs, n]; undefined for features that are `same`."""
        found = np.empty((len(self._features), columns.shape[1]), np.uint8)
        own = np.flatnonzero(~same[self._features])
        if not len(own):
            return found
        values = columns[self._features[own]]
        beyond = np.empty(values.shape, np.bool_)
        code = np.zeros(values.shape, np.uint8)
        for cuts in self._first:
            code += self._compare(values, cuts[own], out=beyond)
        at, threshold = np.empty(values.shape, np.int32), np.empty_like(values)
        for level in range(DENSE, LEVELS):
            start = ((own << LEVELS) + (1 << level)).astype(np.int32)[:, None]
            self._tree.take(np.add(code, start, out=at), out=threshold, mode="clip")
            code += code
            code += self._compare(values, threshold, out=beyond)
        found[own] = code
        return found
