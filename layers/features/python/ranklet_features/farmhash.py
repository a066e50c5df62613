"""FarmHash's Fingerprint64 of many texts at once, as TensorFlow's StringToHashBucketFast and crosses use it.

Source: google/farmhash, src/farmhash.cc, namespace farmhashna (Hash64), and FingerprintCat64 of TensorFlow's
tsl/platform/fingerprint.h. Texts of one class of lengths are hashed together; numbers wrap at 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ranklet_features.mixing import Words, mixed, turned

_K0, _K1, _K2 = (np.array([k], np.uint64) for k in (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F))
_CAT = np.array([0xC6A4A7935BD1E995], np.uint64)
_SEED = np.array([81], np.uint64)
_SHORTEST = 8
"""Bytes that a fetch reads: so many zeros stand behind the last text."""


def fingerprints(texts: Sequence[bytes]) -> Words:
    """uint64, one a text."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    starts = np.cumsum(lengths) - lengths
    content = b"".join([*texts, bytes(_SHORTEST)])
    words = np.ndarray((len(content) - _SHORTEST + 1,), "<u8", content, strides=(1,))
    found = np.full(len(texts), _K2[0], np.uint64)
    for low, high, hashed in _CLASSES:
        at = np.flatnonzero((lengths >= low) & (lengths <= high))
        if len(at):
            found[at] = hashed(words, starts[at], lengths[at])
    for row in np.flatnonzero(lengths > 64).tolist():
        found[row] = _long(words, starts[row : row + 1], int(lengths[row]))[0]
    return found


def joined(first: Words, second: Words) -> Words:
    """FingerprintCat64: of what came before and of the next."""
    found = (first ^ _CAT) ^ (mixed(second * _CAT) * _CAT)
    return mixed(mixed(found * _CAT) * _CAT)


def _pair(u: Words, v: Words, by: Words) -> Words:
    return mixed((v ^ mixed((u ^ v) * by)) * by) * by


def _to3(words: Words, at: NDArray[np.int64], length: NDArray[np.int64]) -> Words:
    byte = np.uint64(255)
    first, middle, last = words[at] & byte, words[at + (length >> 1)] & byte, words[at + length - 1] & byte
    y = first + (middle << np.uint64(8))
    z = length.astype(np.uint64) + (last << np.uint64(2))
    return mixed(y * _K2 ^ z * _K0) * _K2


def _to7(words: Words, at: NDArray[np.int64], length: NDArray[np.int64]) -> Words:
    size, half = length.astype(np.uint64), np.uint64(0xFFFFFFFF)
    by = _K2 + size * np.uint64(2)
    return _pair(size + ((words[at] & half) << np.uint64(3)), words[at + length - 4] & half, by)


def _to16(words: Words, at: NDArray[np.int64], length: NDArray[np.int64]) -> Words:
    by = _K2 + length.astype(np.uint64) * np.uint64(2)
    a, b = words[at] + _K2, words[at + length - 8]
    return _pair(turned(b, 37) * by + a, (turned(a, 25) + b) * by, by)


def _to32(words: Words, at: NDArray[np.int64], length: NDArray[np.int64]) -> Words:
    by = _K2 + length.astype(np.uint64) * np.uint64(2)
    a, b = words[at] * _K1, words[at + 8]
    c, d = words[at + length - 8] * by, words[at + length - 16] * _K2
    return _pair(turned(a + b, 43) + turned(c, 30) + d, a + turned(b + _K2, 18) + c, by)


def _to64(words: Words, at: NDArray[np.int64], length: NDArray[np.int64]) -> Words:
    by = _K2 + length.astype(np.uint64) * np.uint64(2)
    a, b = words[at] * _K2, words[at + 8]
    c, d = words[at + length - 8] * by, words[at + length - 16] * _K2
    y = turned(a + b, 43) + turned(c, 30) + d
    z = _pair(y, a + turned(b + _K2, 18) + c, by)
    e, f = words[at + 16] * by, words[at + 24]
    g, h = (y + words[at + length - 32]) * by, (z + words[at + length - 24]) * by
    return _pair(turned(e + f, 43) + turned(g, 30) + h, e + turned(f + a, 18) + g, by)


_CLASSES = ((1, 3, _to3), (4, 7, _to7), (8, 16, _to16), (17, 32, _to32), (33, 64, _to64))


def _weak(words: Words, at: NDArray[np.int64], a: Words, b: Words) -> tuple[Words, Words]:
    w, x, y, z = (words[at + 8 * place] for place in range(4))
    a = a + w
    b = turned(b + a + z, 21)
    total = a + x + y
    return total + z, b + turned(total, 44) + a


State = tuple[Words, Words, Words, tuple[Words, Words], tuple[Words, Words]]


def _long(words: Words, at: NDArray[np.int64], length: int) -> Words:
    """Beyond 64 bytes: blocks of 64, the last one overlapping the one before."""
    none = (np.zeros(1, np.uint64), np.zeros(1, np.uint64))
    y = _SEED * _K1 + np.uint64(113)
    state: State = (_SEED * _K2 + words[at], y, mixed(y * _K2 + np.uint64(113)) * _K2, none, none)
    blocks = (length - 1) // 64
    for block in range(blocks):
        state = _block(words, at + 64 * block, state, _K1, last=False)
    x, y, z, v, w = state
    by = _K1 + ((z & np.uint64(0xFF)) << np.uint64(1))
    rest = (length - 1) & 63
    w = (w[0] + np.uint64(rest), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _block(words, at + 64 * blocks + rest - 63, (x, y, z, v, w), by, last=True)
    return _pair(_pair(v[0], w[0], by) + mixed(y) * _K0 + z, _pair(v[1], w[1], by) + x, by)


def _block(words: Words, at: NDArray[np.int64], state: State, by: Words, *, last: bool) -> State:
    x, y, z, v, w = state
    nine = np.uint64(9 if last else 1)
    x = turned(x + y + v[0] + words[at + 8], 37) * by ^ w[1] * nine
    y = turned(y + v[1] + words[at + 48], 42) * by + v[0] * nine + words[at + 40]
    z = turned(z + w[0], 33) * by
    v = _weak(words, at, v[1] * by, x + w[0])
    w = _weak(words, at + 32, z + w[1], y + words[at + 16])
    return z, y, x, v, w
