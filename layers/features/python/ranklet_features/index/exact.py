"""Every row is looked at: for catalogues up to some ten thousand items, and where an inverted file finds too little."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet_features.index.chosen import Chosen, Positions
from ranklet_features.index.scanning import Floats, Scan
from ranklet_features.index.spec import IndexSpec

FEW = 4
"""A filter that leaves less than the rows' share 1 / FEW is answered from those alone."""


class Looked(NamedTuple):
    """positions: of rows that may be among the best. rows, lists: how many were looked at."""

    positions: NDArray[np.intp] | Positions
    rows: int
    lists: int


class Exact:
    """All rows in one product."""

    def __init__(self, spec: IndexSpec, scan: Scan) -> None:
        self._spec, self._scan = spec, scan

    def few(self, count: int) -> int:
        """How many rows are answered one by one rather than by a scan, for `count` results."""
        return self._spec.rows // FEW

    def look(self, query: Floats, count: int, chosen: Chosen, *, apart: float) -> Looked:
        """Rows among which the `count` best are. apart: what a product may be off."""
        scores = np.empty(self._spec.rows, np.float32)
        self._scan.products(0, len(scores), query, scores)
        if chosen.mask is not None:
            scores[~chosen.mask] = -np.inf
        scores[chosen.without] = -np.inf
        return Looked(self._scan.worth(scores, count, apart), len(scores), 1)
