"""MurmurHash3 (x86, 32 bits), as Austin Appleby's MurmurHash3.cpp has it, of many texts at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WORD = (1 << 32) - 1
_C1, _C2, _N = 0xCC9E2D51, 0x1B873593, 0xE6546B64
_M1, _M2 = 0x85EBCA6B, 0xC2B2AE35
FEW, LONG = 6, 256
"""Below so many texts, and for a text of more bytes, Python's own integers are faster, or take less memory."""

Words = NDArray[np.uint32]


def murmur3_32(texts: Sequence[bytes], seed: int) -> Words:
    """The hash of each text, uint32 [n]. seed: 32 bits."""
    longest = max(map(len, texts), default=0)
    if len(texts) < FEW or longest > LONG:
        return np.fromiter((one(text, seed) for text in texts), np.uint32, len(texts))
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    width = longest // 4 + 1
    padded = b"".join(text.ljust(4 * width, b"\0") for text in texts)
    blocks = np.frombuffer(padded, "<u4").reshape(len(texts), width)
    state = np.full(len(texts), seed, np.uint32)
    for at in range(width):
        mixed = _scrambled(blocks[:, at])
        whole = _rotated(state ^ mixed, 13) * np.uint32(5) + np.uint32(_N)
        # The last bytes come in a block of their own; zeros, where there are none, change nothing.
        state = np.where(lengths >= 4 * (at + 1), whole, np.where(lengths >= 4 * at, state ^ mixed, state))
    return _finished(state ^ lengths.astype(np.uint32))


def one(text: bytes, seed: int) -> int:
    """The hash of one text."""
    state, whole = seed, len(text) & ~3
    for at in range(0, whole, 4):
        state ^= _one_scrambled(int.from_bytes(text[at : at + 4], "little"))
        state = ((state << 13 | state >> 19) & WORD) * 5 + _N & WORD
    state ^= _one_scrambled(int.from_bytes(text[whole:], "little")) ^ len(text)
    state = (state ^ state >> 16) * _M1 & WORD
    state = (state ^ state >> 13) * _M2 & WORD
    return state ^ state >> 16


def _one_scrambled(block: int) -> int:
    block = block * _C1 & WORD
    return ((block << 15 | block >> 17) & WORD) * _C2 & WORD


def _scrambled(block: Words) -> Words:
    return _rotated(block * np.uint32(_C1), 15) * np.uint32(_C2)


def _rotated(word: Words, by: int) -> Words:
    found: Words = word << np.uint32(by) | word >> np.uint32(32 - by)
    return found


def _finished(state: Words) -> Words:
    state = (state ^ state >> np.uint32(16)) * np.uint32(_M1)
    state = (state ^ state >> np.uint32(13)) * np.uint32(_M2)
    return state ^ state >> np.uint32(16)
