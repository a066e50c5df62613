"""Make an index: the layout and the packing that model.toml asks for, or what reaches its recall instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil, sqrt
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ModelError
from ranklet.retrieving import kmeans, recall, writing
from ranklet.retrieving.record import Recall
from ranklet.retrieving.writing import Column, Lists
from ranklet.settings.retrieve import Retrieve
from ranklet.tables.source import Vectors
from ranklet_features.index.files import ENDING, PREFIX
from ranklet_features.index.searching import Index
from ranklet_features.index.spec import IndexSpec
from ranklet_features.spec import KeyType

Floats = NDArray[np.float32]
FEWEST = 8
"""Rows of a list, on average, at least."""


@dataclass(frozen=True)
class Queries:
    """Held-out users as vectors, float32 [n, dim]. of: what they are, in a few words."""

    vectors: Floats
    of: str


@dataclass(frozen=True)
class Wanted:
    """What an index is made of. vectors: of the table, in the catalogue's order, with their keys' type."""

    settings: Retrieve
    vectors: Vectors
    key: KeyType
    columns: Mapping[str, Column] = field(default_factory=dict)


def make(
    wanted: Wanted, queries: Queries, folder: Path, *, progress: Callable[[str], None] = lambda what: None
) -> tuple[IndexSpec, Recall]:
    """Write the index's files into `folder`, which exists; its spec and what was measured.

    Raises ModelError for queries that do not go with the table.
    """
    dim, given = wanted.vectors.values.shape[1], queries.vectors.shape
    if len(queries.vectors) and (given[1:] != (dim,) or not np.isfinite(queries.vectors).all()):
        raise ModelError(
            f"[retrieve] queries: {queries.of} are {list(given)}, or not finite; the table has {dim} numbers a row"
        )
    with TemporaryDirectory(prefix=".index-", dir=folder.parent) as scratch:
        maker = _Maker(_prepared(wanted, Path(scratch)), queries, Path(scratch), progress)
        return maker.make(folder)


def clear(folder: Path) -> None:
    """Take an index's files out of a folder."""
    for path in folder.glob(f"{PREFIX}*{ENDING}"):
        path.unlink()


def plain(wanted: Wanted, folder: Path) -> IndexSpec:
    """Write an index that looks at every float32 row; its spec."""
    with TemporaryDirectory(prefix=".index-", dir=folder.parent) as scratch:
        prepared = _prepared(wanted, Path(scratch))
        spec = base(prepared)
        writing.write(spec, prepared.vectors, folder, lists=None, columns=prepared.columns)
    return spec


def base(wanted: Wanted) -> IndexSpec:
    """The spec of an index that looks at every float32 row."""
    rows, dim = wanted.vectors.values.shape
    return IndexSpec(
        rows,
        dim,
        wanted.key,
        metric=wanted.settings.metric,
        longest=writing.longest(wanted.vectors.values),
        k=wanted.settings.k,
        attributes={name: column.type for name, column in wanted.columns.items()},
    )


def _prepared(wanted: Wanted, scratch: Path) -> Wanted:
    if wanted.settings.metric != "cosine":
        return wanted
    return replace(wanted, vectors=writing.unit(wanted.vectors, scratch / "unit.npy"))


@dataclass
class _Maker:
    """One index on its way."""

    wanted: Wanted
    queries: Queries
    scratch: Path
    progress: Callable[[str], None]
    said: list[str] = field(default_factory=list)
    exact: Index | None = None

    def make(self, folder: Path) -> tuple[IndexSpec, Recall]:
        settings = self.wanted.settings
        exact = base(self.wanted)
        packing = settings.dtype
        rerank = settings.rerank if packing == "int8" else 0
        lists = self._lists(exact)
        tried = replace(exact, packing=packing, rerank=rerank)
        attempts = [replace(tried, layout="ivf", lists=lists)] if lists > 1 else []
        attempts += [tried] if packing == "int8" else []
        truth = self._truth(exact) if attempts else []
        for attempt in attempts:
            if (found := self._attempt(attempt, truth, folder)) is not None:
                return found
        self._write(exact, folder, None)
        return exact, self._account(exact, 1.0)

    def _lists(self, exact: IndexSpec) -> int:
        """How many; 1 for an index without."""
        settings = self.wanted.settings
        if settings.index == "exact" or (settings.index == "auto" and exact.rows < settings.ivf_rows):
            return 1
        return max(1, min(settings.lists or ceil(4 * sqrt(exact.rows)), exact.rows // FEWEST))

    def _truth(self, exact: IndexSpec) -> list[frozenset[object]]:
        if not len(self.queries.vectors):
            raise ModelError(
                f"[retrieve] has no held-out users to measure recall with ({self.queries.of}); name some in queries, "
                'or say index = "exact" and dtype = "float32"'
            )
        self.progress(f"searching {exact.rows} items exactly for {len(self.queries.vectors)} held-out queries")
        folder = self.scratch / "exact"
        folder.mkdir()
        self._write(exact, folder, None)
        self.exact = Index.open(exact, folder)
        return recall.truth(self.exact, self.queries.vectors, exact.k)

    def _attempt(
        self, spec: IndexSpec, truth: list[frozenset[object]], folder: Path
    ) -> tuple[IndexSpec, Recall] | None:
        """Train, write and measure; None where the target is not reached, with the reason said."""
        settings, lists = self.wanted.settings, None
        if spec.layout == "ivf":
            self.progress(f"training {spec.lists} lists")
            lists = self._trained(spec)
        self._write(spec, folder, lists)
        self.progress(f"measuring recall over {len(truth)} queries")
        chosen, reached = recall.choose(
            spec, folder, self.queries.vectors, truth, target=settings.recall, most=settings.most
        )
        if reached >= settings.recall:
            if chosen.layout != "ivf":
                return chosen, self._account(chosen, reached)
            assert self.exact is not None, "the truth was searched in it"
            self.progress("measuring recall with filters")
            chosen, filtered = recall.deepen(
                chosen, folder, self.exact, self.queries.vectors, target=settings.recall, most=settings.most
            )
            return chosen, replace(self._account(chosen, reached), deeper=chosen.deeper, filtered=filtered)
        what = f"{spec.layout} {spec.packing}"
        self.said.append(f"{what} reaches a recall of {reached:.3f} with {chosen.probes} of {spec.lists} lists")
        clear(folder)
        return None

    def _trained(self, spec: IndexSpec) -> Lists:
        values = self.wanted.vectors.values
        centroids = kmeans.train(values, spec.lists, longest=spec.longest, seed=self.wanted.settings.seed)
        owner = kmeans.assign(values, centroids, longest=spec.longest)
        return Lists(np.ascontiguousarray(centroids[:, :-1]), owner)

    def _write(self, spec: IndexSpec, folder: Path, lists: Lists | None) -> None:
        writing.write(spec, self.wanted.vectors, folder, lists=lists, columns=self.wanted.columns)

    def _account(self, spec: IndexSpec, reached: float) -> Recall:
        settings, measured = self.wanted.settings, bool(self.said) or spec.layout == "ivf" or spec.packing == "int8"
        return Recall(
            spec.k,
            settings.recall,
            reached,
            len(self.queries.vectors) if measured else 0,
            self.queries.of if measured else "every item is looked at",
            spec.layout,
            spec.packing,
            spec.lists,
            spec.probes,
            spec.rerank,
            "; ".join(self.said),
        )
