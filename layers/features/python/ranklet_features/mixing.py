"""What CityHash and FarmHash do to words of 64 bits, many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]


def mixed(value: Words) -> Words:
    """`ShiftMix`."""
    return value ^ (value >> np.uint64(47))


def turned(value: Words, by: int) -> Words:
    """`Rotate`, to the right; by: from 1 to 63."""
    return (value >> np.uint64(by)) | (value << np.uint64(64 - by))
