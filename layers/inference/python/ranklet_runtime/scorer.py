"""From raw columns to scores: features, then the model's steps in order.

Everything is opened once; a request only reads. The tensors of one request live in one dict: features put theirs
in, each step reads some and adds its own, and the one that the manifest names as `score` comes out. A split graph has
two ways to it from the same tensors: one for many candidates of a user, one for few (`Manifest.uncut_below`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import InputError, StoreUnavailable
from ranklet_features.kinds.base import Compiled, Plain, Tensor
from ranklet_features.plan import UNUSUAL, Assembled, FeaturePlan
from ranklet_features.stores import open_store
from ranklet_features.stores.base import EmbeddingStore, RemoteStore
from ranklet_features.stores.counts import Counting, Counts
from ranklet_features.values import all_of
from ranklet_runtime.engines import open_engine
from ranklet_runtime.engines.base import Straight
from ranklet_runtime.errors import BadRequest, InternalFault, NonFiniteScores, PayloadTooLarge
from ranklet_runtime.given import Given
from ranklet_runtime.keeping import Kept
from ranklet_runtime.lookup import ENGINE as LOOKUP
from ranklet_runtime.lookup import Lookup
from ranklet_runtime.manifest import Artefacts, Manifest, Step
from ranklet_runtime.messages import RankRequest, RankResult
from ranklet_runtime.paths import Part, Paths
from ranklet_runtime.phases import ASSEMBLE, RUN, Phases, timed
from ranklet_runtime.stored import StoredFirst
from ranklet_runtime.telling import tell

if TYPE_CHECKING:
    from ranklet_runtime.after.steps import After
    from ranklet_runtime.tokens import Tokens

VERIFY_S = 2.0
"""How long INIT waits for tables that do not answer, of the 10 s that Lambda gives it."""


COLUMN = (list, np.ndarray)
FLOAT32 = np.dtype(np.float32)

NOTHING: Mapping[str, int] = MappingProxyType({})
NONE_TOLD: Mapping[str, Any] = MappingProxyType({})


class Computed(NamedTuple):
    """The first fields of a RankResult."""

    scores: NDArray[np.float32]
    degraded: Mapping[str, int]
    counts: Mapping[str, int]
    outputs: Mapping[str, NDArray[Any] | list[Any]]


class Scorer:
    """One model, ready to score. Not for concurrent use: engines reuse their memory.

    phases: the stopwatch that the tables' stores were timed with; a new one where they are not.
    home: where the artefacts lie. straight: the model's one step, where scores need nothing else. waits: whether plain
    requests of features need more than it and what makes its inputs.
    """

    home: Path

    def __init__(
        self,
        manifest: Manifest,
        plan: FeaturePlan,
        engines: tuple[Part, ...],
        stores: Mapping[str, EmbeddingStore],
        *,
        phases: Phases | None = None,
    ) -> None:
        self._plan, self._stores, self._given = plan, stores, Given(manifest, plan)
        self.phases = phases or Phases()
        self._paths = Paths(manifest, engines)
        self._engines = self._paths.first
        stored = tuple(engine for engine in engines if isinstance(engine, StoredFirst))
        inner = (*engines, *(one.engine for one in stored))
        kept = tuple(engine for engine in inner if isinstance(engine, Kept))
        self._counting: tuple[Kept | StoredFirst, ...] = (*stored, *kept)
        self._score, self._surplus, self._limit = manifest.score, manifest.surplus, manifest.limits.items
        self._nulls, self._told, self._ranks = manifest.nulls, manifest.told, manifest.ranks
        tensors = [name for name, value in self._given.tensors.items() if value.side == "item"]
        inputs = [name for name, value in manifest.spec.inputs.items() if value.side == "item"]
        self._candidates = frozenset((*inputs, *tensors))
        self.after: After | None = None
        self.tokens: Tokens | None = None
        self.straight = None if self._counting or self._told else _straight(manifest, plan, self._paths)
        self._compute = _no_step if self.straight is None else self.straight.compute
        self._makers = _makers(plan, self.straight)
        self.waits = not self._makers

    @classmethod
    def open(cls, manifest: Manifest, folder: Path, environ: Mapping[str, str]) -> Scorer:
        """Open stores, features and engines of the bundle in `folder`.

        Raises ManifestError, SpecError or StoreError, each naming the part that cannot be served.
        """
        stores = {name: open_store(table, folder, environ) for name, table in manifest.spec.tables.items()}
        phases = Phases()
        reading = timed(stores, phases)
        plan = FeaturePlan.compile(manifest.spec, folder, reading, stored=manifest.stored)
        home = folder if manifest.artefacts is None else _fetched(manifest.artefacts, environ)
        engines = tuple(_open(step, home, reading, threads=manifest.threads) for step in manifest.steps)
        scorer = cls(manifest, plan, engines, stores, phases=phases)
        scorer.home = home
        # Both imported here: few models have either.
        if manifest.after:
            from ranklet_runtime.after import open_after

            scorer.after = open_after(manifest, folder)
        if manifest.token is not None:
            from ranklet_runtime.tokens import Tokens

            scorer.tokens = Tokens.open(
                scorer, manifest, folder, environ, stores=reading, engines=engines, counts=scorer._counts
            )
        return scorer

    def score(self, request: RankRequest, *, deadline: float | None = None) -> RankResult:
        """Score the candidates; float32 [n], none for no candidates.

        deadline: on the clock of `time.monotonic()`, bounds the reading of tables.
        Raises InputError, ShapeError and StoreUnavailable of the features, PayloadTooLarge above the limit of
        candidates, NonFiniteScores when a score is NaN or infinite, and BadRequest for the best where there are no
        scores.
        """
        if request.top_k is not None and not self._ranks:
            raise BadRequest("this model tells words and no scores, so none is best; leave it out", path="$.top_k")
        self._refuse_too_many(request.items)
        if request.more is not None and self.tokens is not None:
            scored = self.tokens.score(request, deadline)
            if scored is not None:
                return scored
        try:
            return self._score_all(request, deadline)
        except (InputError, NonFiniteScores):
            if not request.each:
                raise
        # Imported here: few requests ask for it, and fewer have something wrong.
        from ranklet_runtime.records import score_each

        return score_each(
            request,
            check=lambda some: self._assemble(some, deadline),
            score=lambda some: self._score_all(some, deadline),
        )

    def _score_all(self, request: RankRequest, deadline: float | None) -> RankResult:
        assembled = self._assemble(request, deadline)
        if self.phases.on:
            self.phases.lap(ASSEMBLE)
        return self._run(assembled, deadline, request)

    def score_plain(
        self, once: Mapping[str, Any], items: Mapping[str, Any], n: int, *, deadline: float | None = None
    ) -> Computed | None:
        """`score` of a plain request, as `FeaturePlan.assemble_plain` has it; n is 1 or more, and within the limit.

        None where something in it is unusual or wrong: `score` reads it, or says what. Raises StoreUnavailable and
        NonFiniteScores as that does.
        """
        try:
            assembled = self._plan.assemble_plain(once, items, n, deadline=deadline)
        except UNUSUAL:
            return None
        if self.phases.on:
            self.phases.lap(ASSEMBLE)
        computed = self._computed(assembled, deadline, per_row=False)[0]
        if self.phases.on:
            self.phases.lap(RUN)
        return computed

    def score_alone(self, once: Mapping[str, Any], items: Mapping[str, Any], n: int) -> NDArray[np.float32] | None:
        """`score_plain` where nothing `waits`, and scores are all that there is to tell."""
        try:
            feeds = {port: make(once, items) for port, make in self._makers}
        except UNUSUAL:
            return None
        return self._go(feeds, n)

    def score_given(self, tensors: Mapping[str, NDArray[Any]], n: int) -> NDArray[np.float32] | None:
        """`score` of the tensors that a client sent, all of them, as the features would have made them (`Given.plain`).

        None where one is not, or the model takes more than one step; raises NonFiniteScores.
        """
        if self.straight is None or not self._given.plain(tensors, n):
            return None
        return self._go({port: tensors[name] for port, name in self.straight.ports.items()}, n)

    def _go(self, feeds: Mapping[str, NDArray[Any]], n: int) -> NDArray[np.float32]:
        """The one step, and its scores."""
        phases = self.phases
        if phases.on:
            phases.lap(ASSEMBLE)
        scores = _scores(self._compute(feeds), n, nulls=self._nulls)
        if phases.on:
            phases.lap(RUN)
        return scores

    def _run(self, assembled: Assembled, deadline: float | None, request: RankRequest) -> RankResult:
        if assembled.n == 0:
            return RankResult(np.empty(0, np.float32), assembled.degraded, NOTHING, {name: [] for name in self._told})
        computed, tensors = self._computed(assembled, deadline, per_row=request.per_row)
        if self.phases.on:
            self.phases.lap(RUN)
        ordered = None if self.after is None else self.after.ordered(computed.scores, tensors, request)
        return RankResult(*computed, {}, ordered)

    def _computed(
        self, assembled: Assembled, deadline: float | None, *, per_row: bool
    ) -> tuple[Computed, dict[str, NDArray[Any]]]:
        """What the steps make of the features' tensors, which become those of all."""
        tensors, n, degraded = assembled
        for engine in self._engines:
            if isinstance(engine, Lookup):
                rows, defaulted = engine.read(tensors, deadline)
                tensors.update(rows)
                degraded.update(defaulted)
            else:
                tensors.update(engine.run(tensors))
        for last in self._paths.last(n, tensors, per_row=per_row):
            tensors.update(last.run(tensors))
        if self._ranks:
            made = tensors[self._score] if self.after is None else self.after.score(tensors)
            scores = _scores(made, n, nulls=self._nulls)
        else:
            scores = _no_scores(n)
        outputs = tell(self._told, tensors, n) if self._told else NONE_TOLD
        return Computed(scores, degraded, self._counts() if self._counting else NOTHING, outputs), tensors

    def features(self, request: RankRequest) -> Assembled:
        """What the features make of a request: the tensors that a caller may send instead of it, and others."""
        return self._assemble(request, None)

    def _assemble(self, request: RankRequest, deadline: float | None) -> Assembled:
        if request.tensors:
            return self._given.read(request.user, request.context, request.items, per_row=request.per_row)
        return self._plan.assemble(
            request.user,
            request.context,
            request.items,
            per_row=request.per_row,
            surplus=self._surplus,
            deadline=deadline,
        )

    def verify(self) -> None:
        """Read a row of each table in DynamoDB, so that one of another version ends INIT and not the first request.

        Raises TableMismatch naming both versions. A table that does not answer is no fault here: its description is
        read with the first rows that it gives, before anything is scored.
        """
        until = time.monotonic() + VERIFY_S
        for store in self._stores.values():
            if store.table.placement == "dynamodb":
                with suppress(StoreUnavailable):
                    store.rows([0] if store.table.key == "int" else ["0"], deadline=until)

    def renew(self) -> None:
        """Let go of what a process that starts from this one's memory cannot use: connections, credentials, caches."""
        for store in self._stores.values():
            if isinstance(store, RemoteStore):
                store.renew()
        if self.tokens is not None:
            self.tokens.renew()

    @property
    def given(self) -> Mapping[str, Tensor]:
        """The tensors that a request may bring instead of raw features."""
        return self._given.tensors

    @property
    def compiled(self) -> Sequence[Compiled]:
        """The features that make tensors of a request."""
        return self._plan.features

    @property
    def tables(self) -> dict[str, Counts]:
        """What reading each table counts, by its name."""
        return {name: store.counts for name, store in self._stores.items() if isinstance(store, Counting)}

    def close(self) -> None:
        """Give back what the stores hold."""
        for store in self._stores.values():
            store.close()

    def _counts(self) -> Mapping[str, int]:
        """What engines counted since the last request."""
        found: Counter[str] = Counter()
        for engine in self._counting:
            found.update(engine.counts)
            engine.counts.clear()
        return found

    def _refuse_too_many(self, items: Mapping[str, Any]) -> None:
        """Before anything is computed for them."""
        for name, column in items.items():
            if isinstance(column, COLUMN) and len(column) > self._limit and name in self._candidates:
                raise PayloadTooLarge(f"{len(column)} candidates; this model takes {self._limit} in one request")


def _fetched(artefacts: Artefacts, environ: Mapping[str, str]) -> Path:
    # Imported here: most models fit into their package.
    from ranklet_features.stores.snapshots.fetch import fetch

    return fetch("artefacts", artefacts.physical, artefacts.files, environ=environ)


def _open(step: Step, folder: Path, stores: Mapping[str, EmbeddingStore], *, threads: int) -> Part:
    if step.engine == LOOKUP:
        return Lookup(step, stores)
    engine = open_engine(step, folder, threads=threads)
    kept = Kept(step, engine) if step.keep_entries else engine
    # Outermost: what is kept by the inputs of a step must not be a row that was stored under a user's key.
    return StoredFirst(step, kept) if step.stored else kept


def _straight(manifest: Manifest, plan: FeaturePlan, paths: Paths) -> Straight | None:
    """The one step of nearly every model, where nothing is read, kept or counted for it, and its scores are all."""
    if not manifest.ranks or manifest.uncut_below or len(paths.first) != 1:
        return None
    if manifest.score not in manifest.steps[0].outputs.values():
        return None  # it is a feature
    (engine,) = paths.first
    if isinstance(engine, Lookup | Kept | StoredFirst):
        return None
    if (shortened := getattr(engine, "straight", None)) is not None:
        found: Straight | None = shortened(plan.signature, manifest.score)
        return found
    read, score = dict.fromkeys(manifest.steps[0].inputs.values()), manifest.score
    return Straight({name: name for name in read}, lambda tensors: engine.run(tensors)[score])


def _no_step(_: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    raise InternalFault("a model of several steps was asked for one")


def _makers(plan: FeaturePlan, straight: Straight | None) -> list[tuple[str, Plain]]:
    """What makes each input of the step of a plain request; nothing where that is not all there is to do."""
    # A feature that no step reads is made all the same: it may be what refuses a request.
    if straight is None or plan.alone is None or set(straight.ports.values()) != plan.alone.keys():
        return []
    return [(port, plan.alone[name]) for port, name in straight.ports.items()]


def _no_scores(count: int) -> NDArray[np.float32]:
    """Of a model that tells words alone."""
    return np.full(count, np.nan, np.float32)


def _scores(tensor: NDArray[Any], count: int, *, nulls: bool) -> NDArray[np.float32]:
    """The tensor as scores [count]. nulls: NaN may be among them. Raises NonFiniteScores."""
    if tensor.size != count:
        raise InternalFault(f"the model gave scores of shape {tensor.shape} for {count} candidates")
    if tensor.dtype is FLOAT32 and tensor.flags.c_contiguous:
        scores: NDArray[np.float32] = tensor.reshape(count)
        # Nearly always the sum of squares is finite, and then each is. Where overflow is a fault, as it is not in a
        # function (`ranklet_runtime.handler`), it tells nothing.
        try:
            within = isfinite(scores.dot(scores))
        except (RuntimeWarning, FloatingPointError):
            within = False
        if within:
            return scores
    else:
        with np.errstate(over="ignore"):  # what does not fit 32 bits becomes infinite, and is refused below
            scores = np.ascontiguousarray(tensor, np.float32).reshape(count)
    finite = ~np.isinf(scores) if nulls else np.isfinite(scores)
    if not all_of(finite):
        rows = np.flatnonzero(~finite).tolist()
        raise NonFiniteScores(
            f"the model scores candidate {rows[0]} with {scores[rows[0]]}; check the sizes of its values", rows=rows
        )
    return scores
