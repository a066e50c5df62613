"""Which rows may be answered: what a filter leaves of the positions of an index."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranklet_features.lean import dataclass

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Chosen:
    """mask: bool [rows], None where all may. some: the only ones that may, None where that are not few; among these
    `mask` and `without` are respected already. without: distinct positions that may not.
    """

    mask: NDArray[np.bool_] | None
    without: Positions
    some: Positions | None = None

    def narrowed(self, few: int) -> Chosen:
        """With `some`, where a mask leaves no more than `few`."""
        if self.mask is None or self.some is not None or np.count_nonzero(self.mask) > few:
            return self
        return choose(self.mask, self.without, np.flatnonzero(self.mask))


EVERYTHING = Chosen(None, np.zeros(0, np.int64))


def choose(mask: NDArray[np.bool_] | None, without: Positions, only: Positions | None = None) -> Chosen:
    """The positions `only`, or all, that the mask has and that are not in `without`."""
    without = np.unique(without)
    if only is None:
        return Chosen(mask, without)
    left = np.unique(only)
    if mask is not None:
        left = left[mask[left]]
    if len(without):
        left = left[~np.isin(left, without, assume_unique=True)]
    return Chosen(mask, without, left)
