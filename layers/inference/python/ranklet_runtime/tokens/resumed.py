"""The rest of a model: the very scorer, over the candidates' features and steps, with a token's tensors beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ranklet_features.plan import Assembled
from ranklet_runtime.messages import RankRequest, RankResult
from ranklet_runtime.scorer import Scorer
from ranklet_runtime.tokens.packing import Array, Packed
from ranklet_runtime.tokens.parts import Parts


class Resumed(Scorer):
    """whole: the scorer whose stopwatch and steps after the scores are this one's, too."""

    def __init__(self, parts: Parts, whole: Scorer) -> None:
        super().__init__(parts.rest, parts.items, parts.later, {}, phases=whole.phases)
        self.after = whole.after
        self._sides = {name: one.side for name, one in parts.items.inputs.items()}
        self._tensors: Mapping[str, Array] = {}
        self._degraded: Mapping[str, int] = {}

    def go_on(
        self, packed: Packed, tensors: Mapping[str, Array], request: RankRequest, deadline: float | None
    ) -> RankResult:
        """The result for candidates of the user whose token this is. Raises as `Scorer.score`."""
        self._tensors, self._degraded = tensors, packed.degraded
        user, context = (
            {name: value for name, value in packed.inputs.items() if self._sides[name] == side}
            for side in ("user", "context")
        )
        asked = RankRequest(user, context, request.items, top_k=request.top_k, form=request.form, more=request.more)
        found = self._score_all(asked, deadline)
        counts = {**found.counts, "RankedByToken": 1}
        return RankResult(found.scores, found.degraded, counts, found.outputs, ordered=found.ordered)

    def _assemble(self, request: RankRequest, deadline: float | None) -> Assembled:
        found = super()._assemble(request, deadline)
        tensors: dict[str, Any] = {**found.tensors, **self._tensors}
        degraded = found.degraded
        if self._degraded:
            degraded = dict(Counter(degraded) + Counter(self._degraded))
        return Assembled(tensors, found.n, degraded)
