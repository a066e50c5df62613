"""SipHash-2-4 of many texts at once, as TensorFlow's StringToHashBucketStrong uses it.

Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012). Texts of equally many 8-byte words are hashed
together; numbers wrap at 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
State = tuple[Words, Words, Words, Words]
_INITIAL = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def siphashes(texts: Sequence[bytes], key: tuple[int, int]) -> Words:
    """uint64, one a text. key: two 64-bit halves."""
    counts = np.fromiter((len(text) // 8 for text in texts), np.int64, len(texts))
    found = np.empty(len(texts), np.uint64)
    for count in np.unique(counts).tolist():
        at = np.flatnonzero(counts == count)
        padded = b"".join(_padded(texts[i], count) for i in at.tolist())
        found[at] = _hashed(np.frombuffer(padded, "<u8").reshape(len(at), count + 1), key)
    return found


def _padded(text: bytes, count: int) -> bytes:
    """Whole words; the last one ends with the length."""
    return text.ljust(8 * count + 7, b"\0") + bytes([len(text) & 255])


def _hashed(words: Words, key: tuple[int, int]) -> Words:
    halves = (key[0], key[1], key[0], key[1])
    state = tuple(np.full(len(words), one ^ half, np.uint64) for one, half in zip(_INITIAL, halves, strict=True))
    a, b, c, d = state
    for place in range(words.shape[1]):
        word = words[:, place]
        a, b, c, d = _round(_round((a, b, c, d ^ word)))
        a = a ^ word
    left: State = (a, b, c ^ np.uint64(0xFF), d)
    for _ in range(4):
        left = _round(left)
    return left[0] ^ left[1] ^ left[2] ^ left[3]


def _turned(value: Words, by: int) -> Words:
    return (value << np.uint64(by)) | (value >> np.uint64(64 - by))


def _round(state: State) -> State:
    a, b, c, d = state
    a, c = a + b, c + d
    b, d = _turned(b, 13) ^ a, _turned(d, 16) ^ c
    a, c = _turned(a, 32) + d, c + b
    b, d = _turned(b, 17) ^ c, _turned(d, 21) ^ a
    return a, b, _turned(c, 32), d
