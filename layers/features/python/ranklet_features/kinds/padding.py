"""Lists of any length → a rectangle: cut to `length`, padded at the end."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Keep = Literal["first", "last"]
Lengths = NDArray[np.int64]


def kept(lengths: Lengths, length: int | None, keep: Keep) -> NDArray[np.int64] | None:
    """Positions of the flattened values that survive a cut to `length` per row; None when all do."""
    if length is None or not (lengths > length).any():
        return None
    starts = np.cumsum(lengths) - lengths
    place = np.arange(int(lengths.sum())) - np.repeat(starts, lengths)
    survives = place < length if keep == "first" else place >= np.repeat(lengths - length, lengths)
    return np.flatnonzero(survives)


def cut(lengths: Lengths, length: int | None) -> Lengths:
    """Lengths after a cut to `length`."""
    return lengths if length is None else np.minimum(lengths, length)


def mask_of(lengths: Lengths, length: int | None) -> NDArray[np.bool_]:
    """bool [n, L], true where a value stands. L is `length`, or the longest row's, at least 1.

    An axis of length 0 would break engines that reduce over it, a padded one reads zero.
    """
    width = length if length is not None else max(1, int(np.max(lengths, initial=0)))
    return np.arange(width) < lengths[:, None]


def padded(flat: NDArray[Any], mask: NDArray[np.bool_], pad: float) -> NDArray[Any]:
    """Values in row order → [n, L, …] with `pad` where the mask is false."""
    if mask.all():
        return flat.reshape(mask.shape + flat.shape[1:])
    out = np.full(mask.shape + flat.shape[1:], pad, flat.dtype)
    out[mask] = flat
    return out
