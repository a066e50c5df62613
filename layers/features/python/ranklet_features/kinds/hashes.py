"""Which hash a kind is found by: our own, or one of the libraries that models come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ranklet_features.columns import Column
from ranklet_features.hashing import Codes, hash_codes, start, string_codes

Hash = Literal["splitmix64", "farmhash64", "siphash", "murmur3"]
Positions = NDArray[np.int64] | None
Hasher = Callable[[Column, Positions], Codes]
"""(column, positions or None for all) → 64-bit hashes of the values there."""

_WORD = (1 << 64) - 1


def hasher(hash: Hash, key: tuple[int, int] | None, seed: int) -> Hasher:
    """key: of siphash. seed: of our own, and of murmur3."""
    if hash == "splitmix64":
        begin = start(seed)
        return lambda column, positions: hash_codes(codes(column, positions), begin)
    # models of other libraries need these, others do not load them
    if hash == "farmhash64":
        from ranklet_features.farmhash import fingerprints

        return lambda column, positions: fingerprints(texts(column, positions))
    if hash == "murmur3":
        from ranklet_features.murmur3 import murmur3_32

        return lambda column, positions: _signed(murmur3_32(texts(column, positions), seed))
    from ranklet_features.siphash import siphashes

    assert key is not None
    halves = (key[0] & _WORD, key[1] & _WORD)
    return lambda column, positions: siphashes(texts(column, positions), halves)


def _signed(hashes: NDArray[np.uint32]) -> Codes:
    """Twice the size of each hash as a signed number, and one more where it is negative: the sign survives the
    remainder by an even count."""
    signed = hashes.view(np.int32).astype(np.int64)
    found: Codes = (2 * np.abs(signed) + (signed < 0)).view(np.uint64)
    return found


def codes(column: Column, positions: Positions = None) -> Codes:
    """64-bit codes of a column's values, or of some of them: integers as they are, strings by CRC.

    Raises InputError for a string without a UTF-8 form.
    """
    values = column.values
    if not isinstance(values, list):
        return (values if positions is None else values[positions]).view(np.uint64)  # type: ignore[no-any-return]
    try:
        return string_codes(values if positions is None else [values[i] for i in positions.tolist()])
    except UnicodeEncodeError:
        raise column.fault(_lone(values), LONE) from None


def texts(column: Column, positions: Positions = None) -> list[bytes]:
    """Values as UTF-8, integers in decimal. Raises InputError for a string without a UTF-8 form."""
    values = column.values if isinstance(column.values, list) else list(map(str, column.values.tolist()))
    try:
        return list(map(str.encode, values if positions is None else [values[i] for i in positions.tolist()]))
    except UnicodeEncodeError:
        raise column.fault(_lone(values), LONE) from None


LONE = "the string holds a lone surrogate and has no UTF-8 form"


def _lone(values: list[str]) -> int:
    return next(i for i, value in enumerate(values) if not _encodable(value))


def _encodable(value: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in value)
