"""The three ways in which a known value finds its id: it is one, a dict of strings knows it, an array of integers does.

Each takes the values of a column at once and gives `stranger` for every value that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.values import greatest, packed

Ids = NDArray[np.int64]
Encode = Callable[[Any], Ids]
UNSIGNED = np.dtype(np.uint64)
STRANGER = -2
"""Marks an unknown value until its policy has decided. (-1 is an id already: "no weight".)"""


def identity(size: int, stranger: int) -> Encode:
    limit = np.array([size], np.uint64)

    def encode(values: Ids) -> Ids:
        unsigned = values.view(UNSIGNED)  # in which negative numbers are huge
        if not len(unsigned) or greatest(unsigned) < size:
            return values
        return np.where(unsigned < limit, values, stranger)

    return encode


def words_of(words: list[str], stranger: int) -> Encode:
    ids = {word: i for i, word in enumerate(words)}

    def encode(values: list[str]) -> Ids:
        if len(values) > 1:
            try:  # all known, as most requests are: one lookup in C, twice as fast as `get` with a default
                return packed(itemgetter(*values)(ids))
            except KeyError:
                pass
        return packed(list(map(ids.get, values, repeat(stranger))))

    return encode


def integers_of(known: Ids, stranger: int) -> Encode:
    """A direct table where the integers lie close together, a binary search where they do not."""
    span = int(np.max(known)) - int(np.min(known)) + 1
    return _table(known, span, stranger) if span <= 8 * len(known) + 1024 else _search(known, stranger)


def _table(known: Ids, span: int, stranger: int) -> Encode:
    low: Ids = np.min(known, keepdims=True)
    table: Ids = np.full(span + 1, stranger, np.int64)
    table[known - low] = np.arange(len(known))
    last = np.array([span], np.uint64)

    def encode(values: Ids) -> Ids:
        offset = np.subtract(values, low).view(np.uint64)  # wraps: what is below `low` becomes huge
        return table[np.minimum(offset, last).view(np.int64)]

    return encode


def _search(known: Ids, stranger: int) -> Encode:
    order = np.argsort(known)
    ascending = known[order]

    def encode(values: Ids) -> Ids:
        at = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
        ids: Ids = np.where(ascending[at] == values, order[at], stranger)
        return ids

    return encode
