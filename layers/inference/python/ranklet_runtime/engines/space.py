"""Memory that an engine works in, kept from one run to the next.

Fresh memory comes page by page, each cleared when it is first touched, and goes back when it is let go: for arrays of
megabytes that takes longer than what is done in them. An engine never runs concurrently, so that it may keep them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from ranklet_runtime.engines.base import Array


class Space:
    """Arrays by name; the name is free again when its array is asked for again."""

    def __init__(self) -> None:
        self._kept: dict[str, Array] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Contiguous, of whatever values it had."""
        kind = np.dtype(dtype)
        size = math.prod(shape) * kind.itemsize
        kept = self._kept.get(name)
        if kept is None or len(kept) < size:
            kept = self._kept[name] = np.empty(size, np.uint8)
        found: Array = kept[:size].view(kind).reshape(shape)
        return found
