"""The best items of a catalogue for a vector, and the vectors of items.

    filter → which rows may be answered (`chosen`) → a layout names those that may be among the best → exact scores
    → the best, with what is fresh among them

Scores are those of `scoring.exact_scores`, whichever way a row was found, so that the same item has the same score in
every answer; where every row is looked at, the answer is the one of brute force, ties included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet_features.index import fresh, scoring
from ranklet_features.index.attributes import Attributes
from ranklet_features.index.chosen import EVERYTHING, Chosen, Positions, choose
from ranklet_features.index.exact import Exact
from ranklet_features.index.files import Files, Rows
from ranklet_features.index.fresh import Fresh
from ranklet_features.index.ids import NOWHERE, open_ids
from ranklet_features.index.ivf import Ivf
from ranklet_features.index.scanning import Floats, open_scan
from ranklet_features.index.spec import IndexSpec

HUGE = 1e37
"""Above it a product may be beyond float32."""

NOTHING: Mapping[str, Sequence[Any]] = {}


class Found(NamedTuple):
    """items: ids, best first; scores: float32, theirs. rows, lists: how many were looked at."""

    items: Any
    scores: Floats
    rows: int
    lists: int


class Index:
    """An opened index; not for concurrent use, as scans reuse their memory."""

    def __init__(self, spec: IndexSpec, files: Files) -> None:
        self.spec, self.files = spec, files
        self._ids, self._attributes = open_ids(spec, files), Attributes(spec, files)
        scan = open_scan(spec, files)
        self._layout = Ivf.open(spec, scan, files) if spec.layout == "ivf" else Exact(spec, scan)
        # Beside int8 codes, the exact vectors of a few rows are wanted, here and there.
        shape = (spec.rows, spec.dim)
        codes = spec.packing == "int8"
        self._exact: Rows | None = files.rows("vectors", shape) if codes else None
        self._vectors = None if codes else files.checked("vectors", "float32", shape)
        self._order = self._place = None
        if spec.layout == "ivf":
            self._order = files.checked("order", "int32", (spec.rows,))
            self._place = files.checked("place", "int32", (spec.rows,))
        self._centre = files.checked("centre", "float32", (spec.dim,))
        self.refresh(fresh.nothing(spec))

    @classmethod
    def open(cls, spec: IndexSpec, folder: Path) -> Index:
        """Map the files in `folder`. Raises StoreError where they are not those of the spec."""
        return cls(spec, Files(folder))

    @property
    def centre(self) -> Floats:
        """The mean of all vectors: what stands for somebody of whom nothing is known."""
        return self._centre

    @property
    def order(self) -> NDArray[np.int32] | None:
        """Position → place in the catalogue; None where they are the same."""
        return self._order

    def refresh(self, items: Fresh) -> None:
        """Take other fresh items from now on."""
        self._fresh = items
        stale = [*items.ids, *items.gone]
        self._stale = self.positions(stale) if stale else np.zeros(0, np.int64)

    def search(
        self,
        query: Floats,
        count: int,
        *,
        allow: Any = None,
        deny: Any = (),
        where: Mapping[str, Sequence[Any]] = NOTHING,
    ) -> Found:
        """The `count` best for a query, float32 [dim]; fewer only where the filter leaves fewer.

        allow, deny: ids; where: attribute → values of which an item must have one. Raises OverflowError for a query
        whose scores would be beyond float32.
        """
        chosen = self._chosen(allow, deny, where)
        new = self._fresh.allowed(allow, deny, where) if len(self._fresh.ids) else ()
        return self.among(query, count, chosen, new=new)

    def among(self, query: Floats, count: int, chosen: Chosen, *, new: Any = ()) -> Found:
        """As `search`, among the positions that are chosen and the fresh items `new`."""
        query = self._unit(query)
        wide = query.astype(np.float64)
        length = sqrt(wide.dot(wide))
        if not length * max(self.spec.longest, 1.0) < HUGE:
            raise OverflowError("the query's numbers are too large")
        positions, rows, lists = self._look(query, count, chosen, length)
        scores, places = self._scored(wide, positions), self._catalogue(positions)
        if len(new):
            scores = np.concatenate([scores, scoring.exact_scores(self._fresh.vectors[new], query)])
            places = np.concatenate([places, self.spec.rows + np.asarray(new)])
        places, scores = scoring.best(scores, places, count)
        return Found(self._names(places), scores, rows + len(new), lists)

    def vectors(self, ids: Any) -> tuple[Floats, NDArray[np.bool_]]:
        """The vectors of those ids that are there, float32 [m, dim], in their order; and which of the ids these are."""
        newer = self._fresh.where(ids)
        positions = self.positions(ids, absent=True)
        positions[np.isin(positions, self._stale)] = NOWHERE
        there = (newer != NOWHERE) | (positions != NOWHERE)
        found = np.empty((len(there), self.spec.dim), np.float32)
        found[positions != NOWHERE] = self._rows(positions[positions != NOWHERE])
        found[newer != NOWHERE] = self._fresh.vectors[newer[newer != NOWHERE]]
        return found[there], there

    def _unit(self, query: Floats) -> Floats:
        """The query as float32; of length 1 where the metric is the cosine, unless it is nothing."""
        if self.spec.metric != "cosine":
            return np.ascontiguousarray(query, np.float32)
        wide = np.asarray(query, np.float64)
        length = float(np.linalg.norm(wide))
        return (wide / length if 0 < length < np.inf else wide).astype(np.float32)

    def _chosen(self, allow: Any, deny: Any, where: Mapping[str, Sequence[Any]]) -> Chosen:
        if allow is None and not where and not len(deny) and not len(self._stale):
            return EVERYTHING
        mask = self._attributes.mask(where) if where else None
        without = np.concatenate([self.positions(deny), self._stale]) if len(deny) else self._stale
        return choose(mask, without, None if allow is None else self.positions(allow))

    def _look(
        self, query: Floats, count: int, chosen: Chosen, length: float
    ) -> tuple[NDArray[np.intp] | Positions, int, int]:
        if chosen.mask is not None:
            chosen = chosen.narrowed(self._layout.few(count))
        if chosen.some is not None:
            return chosen.some, len(chosen.some), 0
        apart = scoring.slack(self.spec.dim, self.spec.longest, length)
        return self._layout.look(query, count, chosen, apart=apart)

    def _scored(self, query: NDArray[np.float64], positions: NDArray[Any]) -> Floats:
        step = scoring.AT_ONCE
        if len(positions) <= step:
            return scoring.exact_scores(self._rows(positions), query)
        parts = [
            scoring.exact_scores(self._rows(positions[at : at + step]), query) for at in range(0, len(positions), step)
        ]
        return np.concatenate(parts)

    def _rows(self, positions: NDArray[Any]) -> Floats:
        if self._vectors is None:
            assert self._exact is not None, "one or the other"
            return self._exact.take(positions)
        found: Floats = self._vectors.take(positions, axis=0)
        return found

    def positions(self, ids: Any, *, absent: bool = False) -> NDArray[np.int64]:
        """Where ids stand in the index; those that do not are left out, or NOWHERE."""
        places = self._ids.places(ids)
        if not absent:
            places = places[places != NOWHERE]
        if self._place is None or not len(places):
            return places
        found = self._place.take(places, mode="clip").astype(np.int64)
        found[places == NOWHERE] = NOWHERE
        return found

    def _catalogue(self, positions: NDArray[Any]) -> NDArray[np.int64]:
        found = positions if self._order is None else self._order.take(positions)
        return found.astype(np.int64)

    def _names(self, places: NDArray[np.int64]) -> Any:
        """Ids of places in the catalogue; fresh items come after all others."""
        if not len(self._fresh.ids) or not (new := places >= self.spec.rows).any():
            return self._ids.names(places)
        names = np.empty(len(places), dtype=object)
        names[~new] = np.array([*self._ids.names(places[~new])], dtype=object)
        names[new] = np.array([self._fresh.ids[at - self.spec.rows] for at in places[new].tolist()], dtype=object)
        return names.astype(np.int64) if self.spec.key == "int" else names.tolist()
