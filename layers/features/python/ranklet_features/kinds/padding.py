"""Lists of any length → a rectangle: cut to `length`, padded at the end."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Keep = Literal["first", "last"]
Lengths = NDArray[np.int64]
Positions = NDArray[np.int64] | slice


class Rectangle:
    """The layout of one request's lists: [n, width], each row's values first and nothing after them.

    width: `length`, or the longest row's, at least 1 (an axis of length 0 would break engines that reduce over it; a
    padded one reads zero). lengths: per row, after the cut. selected: which of the flattened values survive the
    cut, None when all do. A single row, which is what a user's history is, needs no index arithmetic.
    """

    def __init__(self, lengths: Lengths, length: int | None, keep: Keep) -> None:
        self.rows = len(lengths)
        longest = lengths.item() if self.rows == 1 else int(np.max(lengths, initial=0))
        self.width = length if length is not None else max(1, longest)
        self.selected: Positions | None = None
        self.lengths = lengths
        if longest > self.width:
            self.lengths = np.minimum(lengths, self.width)
            self.selected = _survivors(lengths, self.width, keep)

    def cut(self, flat: Any) -> Any:
        """The flattened values (an array or a list) that survive."""
        if self.selected is None:
            return flat
        if isinstance(flat, list) and not isinstance(self.selected, slice):
            return [flat[i] for i in self.selected.tolist()]
        return flat[self.selected]

    def spread(self, flat: NDArray[Any], pad: float) -> NDArray[Any]:
        """Surviving values → [n, width, …] with `pad` in empty places; without any, the same memory."""
        shape = (self.rows, self.width, *flat.shape[1:])
        if len(flat) == self.rows * self.width:
            return flat.reshape(shape)
        out = np.empty(shape, flat.dtype)
        if self.rows == 1:
            out[0, : len(flat)] = flat
            out[0, len(flat) :] = pad
        else:
            out[...] = pad
            out[self._full] = flat
        return out

    def mask(self) -> NDArray[np.float32]:
        """float32 [n, width]: 1 where a value stands, else 0."""
        return self._full.astype(np.float32)

    @cached_property
    def _full(self) -> NDArray[np.bool_]:
        return np.arange(self.width) < self.lengths[:, None]


def _survivors(lengths: Lengths, width: int, keep: Keep) -> Positions:
    if len(lengths) == 1:
        return slice(width) if keep == "first" else slice(lengths.item() - width, None)
    starts = np.cumsum(lengths) - lengths
    place = np.arange(int(lengths.sum())) - np.repeat(starts, lengths)
    return np.flatnonzero(place < width if keep == "first" else place >= np.repeat(lengths - width, lengths))
