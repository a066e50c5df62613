"""An inverted file: rows lie in lists around centroids, and only the lists nearest to a query are looked at.

A list is one block of positions, so that looking at it is one product over contiguous memory. How many lists were
enough was measured by the build (`probes`), for some number of results and without a filter. A request that asks for
more, or whose filter keeps rows out, looks at as many more as bring it to the same depth, times what the build found to
be needed then (`deeper`), and at all of them before it answers less than it was asked for.

The idea: J. Sivic, A. Zisserman. Video Google. ICCV 2003; H. Jégou, M. Douze, C. Schmid. Product Quantization for
Nearest Neighbor Search. TPAMI 33(1), 2011, section IV.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet_features.index.chosen import Chosen, Positions
from ranklet_features.index.exact import Looked
from ranklet_features.index.files import Files
from ranklet_features.index.scanning import Floats, Scan
from ranklet_features.index.spec import IndexSpec

FEW = 8
"""Lists up to which looking for one maximum after the other takes less than a partition of all."""

ONE_BY_ONE = 2
"""A filter that leaves less than so many times the rows of a usual search is answered from those alone."""


class _Part(NamedTuple):
    """Some lists that were looked at. scores: of their rows one after the other, -infinity of what may not be answered.

    starts, sizes: where each list begins among all positions, and its rows. allowed: rows that may be answered.
    """

    scores: Floats
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    allowed: int


class Ivf:
    """Lists around centroids."""

    def __init__(self, spec: IndexSpec, scan: Scan, centroids: Floats, starts: NDArray[np.int64]) -> None:
        self._spec, self._scan, self._centroids, self._starts = spec, scan, centroids, starts
        self._bounds: list[int] = starts.tolist()
        self._sizes = np.diff(starts)
        self._total = len(self._sizes)

    @classmethod
    def open(cls, spec: IndexSpec, scan: Scan, files: Files) -> Ivf:
        """Raises StoreError for files of another form."""
        centroids = files.checked("centroids", "float32", (spec.lists, spec.dim))
        return cls(spec, scan, centroids, files.checked("starts", "int64", (spec.lists + 1,)))

    def few(self, count: int) -> int:
        """As `Exact.few`."""
        return int(ONE_BY_ONE * self._usual(count)) if self._spec.deeper else self._spec.rows // ONE_BY_ONE

    def look(self, query: Floats, count: int, chosen: Chosen, *, apart: float) -> Looked:
        """As `Exact.look`, but for the rows of lists that are far from the query."""
        affinity = self._centroids @ query
        wanted, looked, parts = self._probes(count), 0, list[_Part]()
        lists = _nearest(affinity, wanted)
        while True:
            part = self._part(lists, query, chosen)
            parts.append(part)
            looked += len(lists)
            # The usual search: nothing is kept out, and there is enough.
            usual = chosen.mask is None and part.allowed == len(part.scores) and count <= self._spec.k
            if looked >= self._total or (usual and part.allowed >= count):
                break
            wanted = max(wanted, self._more(parts, count, looked, chosen))
            if looked >= wanted:
                break
            affinity[lists] = -np.inf
            lists = _nearest(affinity, wanted - looked)
        scores = parts[0].scores if len(parts) == 1 else np.concatenate([part.scores for part in parts])
        found = self._scan.worth(scores, count, apart)
        return Looked(_positions(found, parts), len(scores), looked)

    def _probes(self, count: int) -> int:
        """Lists for so many results, of which the build measured `spec.k`."""
        spec = self._spec
        if count <= spec.k:
            return spec.probes
        return min(spec.lists, ceil(spec.probes * count / spec.k))

    def _usual(self, count: int) -> float:
        """Rows that may be answered, in a search with a filter that looks far enough."""
        return self._deep(count) * self._spec.rows / self._spec.lists

    def _deep(self, count: int) -> int:
        """Lists for so many results where rows are kept out."""
        spec = self._spec
        return min(spec.lists, self._probes(count) * spec.deeper) if spec.deeper else spec.lists

    def _more(self, parts: list[_Part], count: int, looked: int, chosen: Chosen) -> int:
        """How many lists are to be looked at in all, by what was found until now."""
        allowed, total = sum(part.allowed for part in parts), self._spec.lists
        if allowed < count:
            return min(total, 2 * looked)
        if chosen.mask is not None:
            return looked if allowed >= self._usual(count) else min(total, 2 * looked if self._spec.deeper else total)
        hidden = sum(len(part.scores) for part in parts) - allowed
        return self._deep(count + hidden) if hidden or count > self._spec.k else looked

    def _part(self, lists: NDArray[np.intp], query: Floats, chosen: Chosen) -> _Part:
        sizes = self._sizes.take(lists)
        ends = sizes.cumsum()
        scores = np.empty(int(ends[-1]), np.float32)
        mask, bounds, products = chosen.mask, self._bounds, self._scan.products
        at = 0
        for one in lists.tolist():
            start, stop = bounds[one], bounds[one + 1]
            end = at + stop - start
            part = scores[at:end]
            products(start, stop, query, part)
            if mask is not None:
                part[~mask[start:stop]] = -np.inf
            at = end
        hidden = self._hide(scores, lists, ends - sizes, chosen.without) if len(chosen.without) else 0
        allowed = len(scores) - hidden if mask is None else int(np.count_nonzero(scores > -np.inf))
        return _Part(scores, self._starts.take(lists), sizes, allowed)

    def _hide(self, scores: Floats, lists: NDArray[np.intp], firsts: NDArray[np.int64], without: Positions) -> int:
        """Take positions out of the scores of some lists; how many were there."""
        owner = np.searchsorted(self._starts, without, side="right") - 1
        slots = np.full(self._spec.lists, -1)
        slots[lists] = np.arange(len(lists))
        slot = slots[owner]
        there = slot >= 0
        scores[firsts[slot[there]] + without[there] - self._starts[owner[there]]] = -np.inf
        return int(np.count_nonzero(there))


def _nearest(affinity: Floats, count: int) -> NDArray[np.intp]:
    """The lists with the highest `count` products, and all that equal the last; not those that were taken already."""
    if count <= FEW:
        return _first(affinity, count)
    if count >= len(affinity):
        return (affinity > -np.inf).nonzero()[0]
    # A third of the time that argpartition takes.
    ordered = affinity.copy()
    ordered.partition(len(affinity) - count)
    edge = ordered[len(affinity) - count]
    return ((affinity >= edge) if edge > -np.inf else (affinity > -np.inf)).nonzero()[0]


def _first(affinity: Floats, count: int) -> NDArray[np.intp]:
    """As `_nearest`, one after the other."""
    left, found = affinity.copy(), np.empty(min(count, len(affinity)), np.intp)
    for at in range(len(found)):
        found[at] = best = left.argmax()
        left[best] = -np.inf
    return found if affinity[found[-1]] > -np.inf else found[affinity.take(found) > -np.inf]


def _positions(found: NDArray[np.intp], parts: list[_Part]) -> NDArray[np.int64]:
    """Where rows stand in the index, of places in the scores of all parts."""
    starts, sizes = parts[0].starts, parts[0].sizes
    if len(parts) > 1:
        starts = np.concatenate([part.starts for part in parts])
        sizes = np.concatenate([part.sizes for part in parts])
    ends = sizes.cumsum()
    positions: NDArray[np.int64] = (starts + sizes - ends).take(ends.searchsorted(found, side="right"))
    positions += found
    return positions
