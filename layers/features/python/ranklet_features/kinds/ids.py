"""Values → ids 0 … n - 1, for every kind that makes ids of raw values: by vocabulary, by hash, or as they are.

What a vocabulary or a size does not hold is a stranger; the policy `oov` says what becomes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ranklet_features.columns import Column
from ranklet_features.hashing import MAX_BUCKETS, Codes, hash_codes, start, string_codes, to_buckets
from ranklet_features.kinds.base import Scope
from ranklet_features.kinds.vocabulary import read_vocabulary
from ranklet_features.spec import Input
from ranklet_features.values import describe, packed

Ids = NDArray[np.int64]
Encode = Callable[[Any], Ids]
STRANGER = -2
"""Marks what the vocabulary does not hold, until the policy has decided. (-1 is an id: "no weight".)"""


@dataclass(frozen=True)
class IdOptions:
    """Exactly one of vocabulary, buckets and size.

    vocabulary: the values in the order of their ids, or a file in the bundle: .json (a list) or .npy (int64).
    buckets: hash into so many ids, with `seed`. size: the value is the id, 0 … size - 1.
    oov: what a value outside gets: `index` (the id `oov_index`, by default the one after the last; -1 for no
    weight at all), `hash` (one of `oov_buckets` further ids) or `error`.
    """

    vocabulary: tuple[str | int, ...] | str | None = None
    buckets: int | None = None
    size: int | None = None
    seed: int = 0
    oov: Literal["index", "hash", "error"] = "index"
    oov_index: int | None = None
    oov_buckets: int | None = None


class Encoder:
    """Encodes the flattened values of a column. ids: how many ids there are. pad: -1 if strangers get no id."""

    def __init__(self, options: IdOptions, declared: Input, scope: Scope) -> None:
        _check(options, declared, scope)
        self.begin = start(options.seed)
        self.oov = options.oov
        self.buckets = options.buckets
        self.known = 0
        self.encode: Encode | None = None
        if options.size is not None:
            self.known, self.encode = options.size, _identity(options.size, self._stranger(options, options.size))
        elif options.vocabulary is not None:
            words = read_vocabulary(options.vocabulary, declared.type, scope)
            self.known = len(words)
            encode = _words if declared.type == "string" else _integers
            self.encode = encode(words, self._stranger(options, self.known))
        self._check_index(options, scope)
        self.oov_buckets = options.oov_buckets
        self.pad = -1 if options.oov_index == -1 else None
        self.ids = self._count(options)

    def __call__(self, column: Column) -> Ids:
        """int64 ids of `column.values`, in order. Raises InputError where `oov` is `error`."""
        if self.encode is None:
            return to_buckets(self._hashes(column), self.buckets or 1)
        ids = self.encode(column.values)
        if self.oov == "index" or not (strange := ids == STRANGER).any():
            return ids
        if self.oov == "error":
            position = int(np.argmax(strange))
            raise column.fault(position, f"{describe(_plain(column.values[position]))} is not in the vocabulary")
        ids = ids.copy()
        ids[strange] = self.known + to_buckets(self._hashes(column)[strange], self.oov_buckets or 1)
        return ids

    def _hashes(self, column: Column) -> Codes:
        return hash_codes(codes(column), self.begin)

    def _stranger(self, options: IdOptions, known: int) -> int:
        if options.oov != "index":
            return STRANGER
        return known if options.oov_index is None else options.oov_index

    def _check_index(self, options: IdOptions, scope: Scope) -> None:
        if options.oov_index is not None and not -1 <= options.oov_index <= self.known:
            raise scope.error(f"oov_index is {options.oov_index}; it must be from -1 to {self.known}")

    def _count(self, options: IdOptions) -> int:
        if options.buckets is not None:
            return options.buckets
        if options.oov == "hash":
            return self.known + (options.oov_buckets or 0)
        extra = options.oov == "index" and self._stranger(options, self.known) == self.known
        return self.known + extra


def codes(column: Column) -> Codes:
    """64-bit codes of a column's values: integers as they are, strings by CRC.

    Raises InputError for a string without a UTF-8 form.
    """
    if not isinstance(column.values, list):
        return column.values.view(np.uint64)  # type: ignore[no-any-return]
    try:
        return string_codes(column.values)
    except UnicodeEncodeError:
        position = next(i for i, value in enumerate(column.values) if not _encodable(value))
        raise column.fault(position, "the string holds a lone surrogate and has no UTF-8 form") from None


def _encodable(value: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _identity(size: int, stranger: int) -> Encode:
    limit = np.array([size], np.uint64)

    def encode(values: Ids) -> Ids:
        inside = values.view(np.uint64) < limit  # negative numbers are huge as unsigned ones
        return values if inside.all() else np.where(inside, values, stranger)

    return encode


def _words(words: list[str], stranger: int) -> Encode:
    ids = {word: i for i, word in enumerate(words)}

    def encode(values: list[str]) -> Ids:
        if len(values) > 1:
            try:  # all known, as most requests are: one lookup in C, twice as fast as `get` with a default
                return packed(itemgetter(*values)(ids))
            except KeyError:
                pass
        return packed(list(map(ids.get, values, repeat(stranger))))

    return encode


def _integers(words: list[int], stranger: int) -> Encode:
    """A direct table where the integers lie close together, a binary search where they do not."""
    known = np.asarray(words, np.int64)
    span = max(words) - min(words) + 1
    return _table(known, min(words), span, stranger) if span <= 8 * len(known) + 1024 else _search(known, stranger)


def _table(known: Ids, first: int, span: int, stranger: int) -> Encode:
    low = np.array([first], np.int64)
    table = np.full(span + 1, stranger, np.int64)
    table[known - low] = np.arange(len(known))
    last = np.array([span], np.uint64)

    def encode(values: Ids) -> Ids:
        offset = np.subtract(values, low).view(np.uint64)  # wraps: what is below `low` becomes huge
        return table.take(np.minimum(offset, last).view(np.int64))

    return encode


def _search(known: Ids, stranger: int) -> Encode:
    order = np.argsort(known)
    ascending = known[order]

    def encode(values: Ids) -> Ids:
        at = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
        return np.where(ascending[at] == values, order[at], stranger)

    return encode


def _check(options: IdOptions, declared: Input, scope: Scope) -> None:
    chosen = [name for name in ("vocabulary", "buckets", "size") if getattr(options, name) is not None]
    if len(chosen) != 1:
        raise scope.error(f"give exactly one of vocabulary, buckets and size, not {' and '.join(chosen) or 'none'}")
    for name in ("buckets", "size", "oov_buckets"):
        count = getattr(options, name)
        if count is not None and not 1 <= count <= MAX_BUCKETS:
            raise scope.error(f"{name} is {count}; it must be from 1 to {MAX_BUCKETS}")
    if options.size is not None and declared.type != "int":
        raise scope.error("size takes the value itself as the id and needs an int input; use a vocabulary or buckets")
    _check_oov(options, scope)


def _check_oov(options: IdOptions, scope: Scope) -> None:
    if options.buckets is not None and (options.oov != "index" or options.oov_index is not None):
        raise scope.error("oov does not apply to buckets: every value has one")
    if (options.oov == "hash") != (options.oov_buckets is not None):
        raise scope.error('oov = "hash" and oov_buckets go together')
    if options.oov != "index" and options.oov_index is not None:
        raise scope.error('oov_index goes with oov = "index"')
