"""CityHash64 of many texts at once, version 1.0, which CatBoost hashes categories by.

Source: google/cityhash 1.0, src/city.cc; later versions hash otherwise. Texts of one class of lengths are hashed
together; numbers wrap at 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ranklet_features.mixing import Words, mixed, turned

Places = NDArray[np.int64]
Pair = tuple[Words, Words]
_K0, _K1, _K2, _K3 = (
    np.array([k], np.uint64) for k in (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F, 0xC949D7C7509E6557)
)
_MUL = np.array([0x9DDFEA08EB382D69], np.uint64)
_SHORTEST = 8
"""Bytes that a fetch reads: so many zeros stand behind the last text."""


def cityhash64(texts: Sequence[bytes]) -> Words:
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
    blocks = (lengths - 1) // 64
    for count in np.unique(blocks[lengths > 64]).tolist():
        at = np.flatnonzero(blocks == count)
        found[at] = _long(words, starts[at], lengths[at], count)
    return found


def _two(low: Words, high: Words) -> Words:
    """Hash128to64."""
    found = (high ^ mixed((low ^ high) * _MUL)) * _MUL
    return mixed(found) * _MUL


def _to3(words: Words, at: Places, length: Places) -> Words:
    byte = np.uint64(255)
    first, middle, last = words[at] & byte, words[at + (length >> 1)] & byte, words[at + length - 1] & byte
    y = first + (middle << np.uint64(8))
    z = length.astype(np.uint64) + (last << np.uint64(2))
    return mixed(y * _K2 ^ z * _K3) * _K2


def _to8(words: Words, at: Places, length: Places) -> Words:
    half = np.uint64(0xFFFFFFFF)
    size = length.astype(np.uint64)
    return _two(size + ((words[at] & half) << np.uint64(3)), words[at + length - 4] & half)


def _to16(words: Words, at: Places, length: Places) -> Words:
    size = length.astype(np.uint64)
    last = words[at + length - 8]
    ahead = last + size
    found: Words = _two(words[at], (ahead >> size) | (ahead << (np.uint64(64) - size))) ^ last
    return found


def _to32(words: Words, at: Places, length: Places) -> Words:
    a, b = words[at] * _K1, words[at + 8]
    c, d = words[at + length - 8] * _K2, words[at + length - 16] * _K0
    low = turned(a - b, 43) + turned(c, 30) + d
    return _two(low, a + turned(b ^ _K3, 20) - c + length.astype(np.uint64))


def _to64(words: Words, at: Places, length: Places) -> Words:
    z = words[at + 24]
    end = at + length
    a = words[at] + (length.astype(np.uint64) + words[end - 16]) * _K0
    first, second = _half(a, z, words[at + 8], words[at + 16])
    a, z = words[at + 16] + words[end - 32], words[end - 8]
    third, fourth = _half(a, z, words[end - 24], words[end - 16])
    blend = mixed((first + fourth) * _K2 + (third + second) * _K0)
    return mixed(blend * _K0 + second) * _K2


def _half(a: Words, z: Words, one: Words, other: Words) -> Pair:
    b, c = turned(a + z, 52), turned(a, 37)
    a = a + one
    c = c + turned(a, 7)
    a = a + other
    return a + z, b + turned(a, 31) + c


_CLASSES = ((1, 3, _to3), (4, 8, _to8), (9, 16, _to16), (17, 32, _to32), (33, 64, _to64))


def _weak(words: Words, at: Places, a: Words, b: Words) -> Pair:
    w, x, y, z = (words[at + 8 * place] for place in range(4))
    a = a + w
    b = turned(b + a + z, 21)
    total = a + x + y
    return total + z, b + turned(total, 44) + a


def _long(words: Words, at: Places, length: Places, blocks: int) -> Words:
    """Beyond 64 bytes: the end first, then blocks of 64 from the beginning."""
    size, end = length.astype(np.uint64), at + length
    x, y, z = words[at], words[end - 16] ^ _K1, words[end - 56] ^ _K0
    v, w = _weak(words, end - 64, size, y), _weak(words, end - 32, size * _K1, _K0)
    z = z + mixed(v[1]) * _K1
    x, y = turned(z + x, 39) * _K1, turned(y, 33) * _K1
    for block in range(blocks):
        here = at + 64 * block
        x = turned(x + y + v[0] + words[here + 16], 37) * _K1 ^ w[1]
        y = turned(y + v[1] + words[here + 48], 42) * _K1 ^ v[0]
        z = turned(z ^ w[0], 33)
        v = _weak(words, here, v[1] * _K1, x + w[0])
        w = _weak(words, here + 32, z + w[1], y)
        z, x = x, z
    return _two(_two(v[0], w[0]) + mixed(y) * _K1 + z, _two(v[1], w[1]) + x)
