"""Values → ids 0 … n - 1, for every kind that makes ids of raw values: by vocabulary, by hash, or as they are.

What a vocabulary or a size does not hold is a stranger; the policy `oov` says what becomes of it.
"""

from __future__ import annotations

from itertools import compress
from typing import Literal

import numpy as np

from ranklet_features.columns import Column
from ranklet_features.hashing import MAX_BUCKETS, to_buckets
from ranklet_features.kinds.base import Scope
from ranklet_features.kinds.encodings import STRANGER, Encode, Ids, identity, integers_of, words_of
from ranklet_features.kinds.hashes import Hash, hasher
from ranklet_features.kinds.vocabulary import Words, read_vocabulary
from ranklet_features.lean import dataclass
from ranklet_features.spec import Input
from ranklet_features.values import describe


@dataclass(frozen=True)
class IdOptions:
    """Exactly one of vocabulary, buckets and size.

    vocabulary: the values in the order of their ids, or a file in the bundle: .json (a list) or .npy (int64).
    buckets: hash into so many ids, with `seed`. size: the value is the id, 0 … size - 1.
    oov: what a value outside gets: `index` (the id `oov_index`, by default the one after the last; -1 for no
    weight at all), `hash` (one of `oov_buckets` further ids) or `error`.
    absent: the value that means "none is there": id -1, whatever oov says.
    hash: what buckets and oov_buckets are found by; farmhash64 and siphash (with `hash_key`, two integers) are
    TensorFlow's and Keras's, modulo the buckets, of integers as decimal text; they take no seed. murmur3 is
    scikit-learn's: with an even count of buckets, its FeatureHasher's column twice, and 1 where it subtracts. Spark's
    is that with the seed 42.
    """

    vocabulary: tuple[str | int, ...] | str | None = None
    buckets: int | None = None
    size: int | None = None
    seed: int = 0
    oov: Literal["index", "hash", "error"] = "index"
    oov_index: int | None = None
    oov_buckets: int | None = None
    hash: Hash = "splitmix64"
    hash_key: tuple[int, int] | None = None
    absent: str | int | None = None


class Encoder:
    """Encodes the flattened values of a column. ids: how many ids there are. pads: -1 if strangers get no id.

    itself: whether a known value is its own id.
    """

    def __init__(self, options: IdOptions, declared: Input, scope: Scope) -> None:
        _check(options, declared, scope)
        self.oov = options.oov
        self.hashed = hasher(options.hash, options.hash_key, options.seed)
        self.absent, self.itself = options.absent, options.size is not None
        self.pads = (-1,) if options.oov_index == -1 or options.absent is not None else ()
        self.known, self.encode = _known(options, declared, scope)
        self.stranger = _stranger(options, self.known)
        self.buckets = options.buckets or options.oov_buckets or 1
        self.ids = self.known + (self.buckets if self.encode is None or self.oov == "hash" else 0)
        if self.oov == "index" and self.known and options.oov_index in (None, self.known):
            self.ids += 1

    def __call__(self, column: Column) -> Ids:
        """int64 ids of `column.values`, in order. Raises InputError where `oov` is `error`."""
        if self.encode is None:
            return self._present(to_buckets(self.hashed(column, None), self.buckets), column)
        ids = self._present(self.encode(column.values), column)
        if self.oov == "index":
            return ids
        strangers = np.flatnonzero(ids == STRANGER)
        if len(strangers) and self.oov == "error":
            value = column.values[strangers[0]]
            value = value if isinstance(value, str) else int(value)
            raise column.fault(int(strangers[0]), f"{describe(value)} has no id among the {self.known} that are known")
        if len(strangers):
            hashes = self.hashed(column, strangers)
            ids = ids.copy()
            ids[strangers] = self.known + to_buckets(hashes, self.buckets)
        return ids

    @property
    def alone(self) -> Encode | None:
        """What makes ids of values without a look at the column that they stand in; None where that is needed."""
        return self.encode if self.oov == "index" and self.absent is None else None

    def unknown(self, values: Words) -> int:
        """How many values have no id of their own; with an id that a known value shares, both are counted."""
        if self.encode is None:
            return 0
        if self.absent is not None:
            there = [value != self.absent for value in values] if isinstance(values, list) else values != self.absent
            values = list(compress(values, there)) if isinstance(values, list) else values[there]
        return int(np.count_nonzero(self.encode(values) == self.stranger)) if len(values) else 0

    def _present(self, ids: Ids, column: Column) -> Ids:
        """-1 where the value means that none is there."""
        if self.absent is None:
            return ids
        values = column.values
        if isinstance(values, list):
            return np.where([value == self.absent for value in values], -1, ids) if values else ids
        return np.where(values == self.absent, -1, ids)


def _known(options: IdOptions, declared: Input, scope: Scope) -> tuple[int, Encode | None]:
    """How many values have an id of their own, and how it is found; (0, None) where all are hashed."""
    if options.buckets is not None:
        return 0, None
    words: Words = [] if options.vocabulary is None else read_vocabulary(options.vocabulary, declared.type, scope)
    known = options.size or len(words)
    if options.oov_index is not None and not -1 <= options.oov_index <= known:
        raise scope.error(f"oov_index is {options.oov_index}; it must be from -1 to {known}")
    stranger = _stranger(options, known)
    if options.size is not None:
        return known, identity(known, stranger)
    return known, words_of(words, stranger) if isinstance(words, list) else integers_of(words, stranger)


def _stranger(options: IdOptions, known: int) -> int:
    """The id of what is unknown, until its policy has decided."""
    if options.oov != "index":
        return STRANGER
    return known if options.oov_index is None else options.oov_index


def _check(options: IdOptions, declared: Input, scope: Scope) -> None:
    chosen = [name for name in ("vocabulary", "buckets", "size") if getattr(options, name) is not None]
    if len(chosen) != 1:
        raise scope.error(f"give exactly one of vocabulary, buckets and size, not {' and '.join(chosen) or 'none'}")
    for name in ("buckets", "size", "oov_buckets"):
        count = getattr(options, name)
        if count is not None and not 1 <= count <= MAX_BUCKETS:
            raise scope.error(f"{name} is {count}; it must be from 1 to {MAX_BUCKETS}")
    if options.absent is not None and (declared.type == "int") != isinstance(options.absent, int):
        raise scope.error(f"absent is {options.absent!r}; the values of {scope.of[0]!r} are {declared.type}s")
    if options.size is not None and declared.type != "int":
        raise scope.error("size takes the value itself as the id and needs an int input; use a vocabulary or buckets")
    _check_oov(options, scope)


def _check_oov(options: IdOptions, scope: Scope) -> None:
    if options.buckets is not None and (options.oov != "index" or options.oov_index is not None):
        raise scope.error("oov does not apply to buckets: every value has one")
    if options.hash not in ("splitmix64", "murmur3") and options.seed:
        raise scope.error(f"hash {options.hash} takes no seed")
    if (options.hash == "siphash") != (options.hash_key is not None):
        raise scope.error('hash = "siphash" and hash_key, two integers, go together')
    if (options.oov == "hash") != (options.oov_buckets is not None):
        raise scope.error('oov = "hash" and oov_buckets go together')
    if options.oov != "index" and options.oov_index is not None:
        raise scope.error('oov_index goes with oov = "index"')
