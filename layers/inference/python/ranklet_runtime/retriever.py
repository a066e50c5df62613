"""From raw features to the best items of a catalogue: what a scorer does for the user, then a search.

A user's vector is what the model's steps make of the request, or is made of recent items: their mean, or the one that
attention gives, whose weights are the softmax of each item's product with the last one over the root of the width. Of
somebody whose items are all unknown, or who has none, the catalogue's mean vector stands in, counted as degraded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ranklet_features.columns import Reader
from ranklet_features.index.searching import Index
from ranklet_features.inputs import make_reader
from ranklet_runtime.errors import InternalFault, NonFiniteScores, NotFound
from ranklet_runtime.lookup import Lookup
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.messages import RankRequest
from ranklet_runtime.phases import ASSEMBLE, RUN
from ranklet_runtime.retrieval import Represent, Retrieve, RetrieveRequest, RetrieveResult
from ranklet_runtime.scorer import Scorer

if TYPE_CHECKING:
    from ranklet_runtime.arrivals import Arrivals

FOLDER = "steps"
"""Of a bundle: where an index lies, beside the steps' artefacts, with which it is fetched where a package is full."""

NO_HISTORY, UNKNOWN_ITEMS = "no_history", "unknown_items"

Floats = NDArray[np.float32]
Degraded = Mapping[str, int]


class Retriever(Scorer):
    """One model that finds items, ready to search. Not for concurrent use, as a scorer is not."""

    _what: Retrieve
    _index: Index
    _history: Reader | None
    _arrivals: Arrivals | None = None

    @classmethod
    def open(cls, manifest: Manifest, folder: Path, environ: Mapping[str, str]) -> Self:
        """As `Scorer.open`, and the index. Raises StoreError for one that is not what the manifest says."""
        found = super().open(manifest, folder, environ)
        assert isinstance(found, cls), "a scorer opens its own kind"
        if manifest.retrieve is None:
            raise InternalFault("a manifest without [retrieve] has no index; build the model again")
        found._what = manifest.retrieve
        found._index = Index.open(manifest.retrieve.index, found.home / FOLDER)
        name = manifest.retrieve.history
        found._history = None if name is None else make_reader(name, manifest.spec.inputs[name])
        if manifest.retrieve.fresh_s:
            # Imported here: few catalogues change between builds.
            from ranklet_runtime.arrivals import Arrivals

            what = manifest.retrieve
            found._arrivals = Arrivals(what.index, what.fresh, what.fresh_s, environ)
        return found

    def score(self, request: RankRequest, *, deadline: float | None = None) -> RetrieveResult:
        """The best items for a user, or those like some; their scores float32 [n], n ≤ k.

        Raises InputError, ShapeError and StoreUnavailable of the features, NotFound for an item that is not there and
        for users where the model knows none, NonFiniteScores where the model makes a vector that is no number.
        """
        assert isinstance(request, RetrieveRequest), "the dialect of retrieval asks"
        if self._arrivals is not None and (items := self._arrivals.look(deadline)) is not None:
            self._index.refresh(items)
        query, degraded = self.vector(request, deadline)
        without = [ids for ids in (request.filter.deny, request.seen, request.similar) if ids is not None and len(ids)]
        try:
            found = self._index.search(
                query,
                request.k,
                allow=request.filter.allow,
                deny=() if not without else without[0] if len(without) == 1 else np.concatenate(without),
                where=request.filter.where,
            )
        except OverflowError as error:
            raise NonFiniteScores(f"{error}; check the sizes of the request's values") from error
        if self.phases.on:
            self.phases.lap(RUN)
        counts = {"SearchedItems": found.rows, **self._counts()}
        if self._arrivals is not None and self._arrivals.failures:
            counts["FreshItemsFailures"], self._arrivals.failures = self._arrivals.failures, 0
        return RetrieveResult(found.scores, degraded, counts, items=found.items)

    def vector(self, request: RetrieveRequest, deadline: float | None = None) -> tuple[Floats, Degraded]:
        """What is searched for, float32 [dim], and what was defaulted for it. Raises as `score`."""
        if request.similar is not None:
            return self._of_items(request)
        if self._what.query is None and self._history is None:
            raise NotFound("this model knows no users; ask it for items like others, by :similar")
        assembled = self._assemble(request, deadline)
        if self.phases.on:
            self.phases.lap(ASSEMBLE)
        degraded = dict(assembled.degraded)
        if self._history is not None:
            query, more = self._of_history(self._history, request.user)
            return query, {**degraded, **more}
        tensors: dict[str, NDArray[Any]] = dict(assembled.tensors)
        for engine in self._engines:
            if isinstance(engine, Lookup):
                rows, defaulted = engine.read(tensors, deadline)
                tensors.update(rows)
                degraded.update(defaulted)
            else:
                tensors.update(engine.run(tensors))
        return _finite(tensors[self._what.query or ""].reshape(-1), self._index.spec.dim), degraded

    def _of_items(self, request: RetrieveRequest) -> tuple[Floats, Degraded]:
        vectors, there = self._index.vectors(request.similar)
        absent = int(np.count_nonzero(~there))
        if not len(vectors):
            raise NotFound("not in the catalogue", path="$.item" if request.single else "$.items")
        return represented(vectors, self._what.represent), {UNKNOWN_ITEMS: absent} if absent else {}

    def _of_history(self, reader: Reader, user: Mapping[str, Any]) -> tuple[Floats, Degraded]:
        raw = user.get(reader.name)
        column = reader.absent(1, single=True) if raw is None else reader.one(raw)
        vectors, there = self._index.vectors(column.values)
        absent = int(np.count_nonzero(~there))
        degraded = {UNKNOWN_ITEMS: absent} if absent else {}
        if not len(vectors):
            return self._index.centre, {**degraded, NO_HISTORY: 1}
        return represented(vectors, self._what.represent), degraded


def represented(vectors: Floats, how: Represent) -> Floats:
    """One vector for several, float32 [m, dim], the most recent last: computed in float64, rounded once."""
    wide = vectors.astype(np.float64)
    if how == "mean":
        mean: Floats = wide.mean(axis=0).astype(np.float32)
        return mean
    logits = np.multiply(wide, wide[-1]).sum(axis=1) / np.sqrt(wide.shape[1])
    weights = np.exp(logits - logits.max())
    found: Floats = np.multiply(wide, (weights / weights.sum())[:, None]).sum(axis=0).astype(np.float32)
    return found


def _finite(query: NDArray[Any], dim: int) -> Floats:
    if len(query) != dim:
        raise InternalFault(f"the model made a vector of {len(query)} numbers, the index has {dim}")
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(query, np.float32)
    if not np.isfinite(found).all():
        raise NonFiniteScores("the model makes a vector that is no number of this request; check its values")
    return found
