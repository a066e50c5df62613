"""Stable hashes: the same 64 bits in training and in Lambda, on every machine and version.

An integer is one step of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
generators", OOPSLA 2014): `hash(value, seed)` is number seed + 1 of the stream that starts at `value`.
A string is the integer CRC-32 (ISO 3309, as zlib) of its UTF-8 bytes, hashed like that: its own 32 bits
choose the bucket, so strings that collide under one seed may collide under all. 42 and "42" differ.
A cross folds the codes of its parts in order: state ← mix((state xor code) + GOLDEN).

Python's own `hash` is salted per process, and a cryptographic hash costs five times as much here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint64]

GOLDEN = 0x9E3779B97F4A7C15
MAX_BUCKETS = 1 << 31
_WORD = (1 << 64) - 1
# Arrays of one element: for a user's single row numpy takes them in half the time of a scalar.
_GOLDEN = np.array([GOLDEN], np.uint64)
_S30, _S27, _S31 = (np.array([shift], np.uint64) for shift in (30, 27, 31))
_M1, _M2 = (np.array([factor], np.uint64) for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def mix(state: Codes) -> Codes:
    """SplitMix64's finaliser, element by element (a bijection of 64 bits); the argument is not changed."""
    if state.size == 1:  # a user's one row: Python's integers take a third of the time of seven numpy calls
        return np.array(_mix_one(state.item()), np.uint64).reshape(state.shape)
    z = state ^ (state >> _S30)
    z *= _M1
    z ^= z >> _S27
    z *= _M2
    z ^= z >> _S31
    return z


def _mix_one(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _WORD
    return z ^ (z >> 31)


def start(seed: int) -> Codes:
    """What a seed adds: (seed + 1) · GOLDEN modulo 2^64, as uint64 [1]."""
    return np.array([(seed + 1) * GOLDEN & _WORD], np.uint64)


def hash_codes(codes: Codes, begin: Codes) -> Codes:
    """uint64 codes (integers in two's complement, or CRCs) → uint64 hashes; `begin` is `start(seed)`."""
    return mix(codes + begin)


def string_codes(values: Sequence[str]) -> Codes:
    """CRC-32 of each string's UTF-8 bytes, as uint64 [n]. Raises UnicodeEncodeError for lone surrogates."""
    return np.fromiter(map(crc32, map(str.encode, values)), np.uint64, len(values))


def cross_codes(parts: Iterable[NDArray[Any]], begin: Codes) -> Codes:
    """Fold 64-bit codes, in order, from `begin` = `start(seed)`; shapes broadcast."""
    state = begin
    for part in parts:
        state = mix((state ^ part.view(np.uint64)) + _GOLDEN)
    return state


def to_buckets(hashes: Codes, buckets: int) -> NDArray[np.int64]:
    """Hashes → ids 0 … buckets - 1, by remainder."""
    return np.remainder(hashes, np.uint64(buckets)).view(np.int64)
