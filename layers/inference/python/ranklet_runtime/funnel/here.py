"""A stage in this process: its model opened beside the others', asked without a detour by HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet_features.errors import InputError, ShapeError, StoreUnavailable
from ranklet_runtime.errors import BadRequest, InternalFault, RequestFault, Unprocessable
from ranklet_runtime.funnel.facts import Facts, of_known
from ranklet_runtime.funnel.messages import Asked, Id, Scored, StageFailed
from ranklet_runtime.funnel.plan import Stage
from ranklet_runtime.funnel.sides import sides
from ranklet_runtime.messages import RankRequest
from ranklet_runtime.scorer import Scorer


class RankerHere:
    """A ranking stage."""

    def __init__(self, stage: Stage, scorer: Scorer, facts: Facts) -> None:
        self._stage, self._scorer, self._facts = stage, scorer, facts

    def rank(self, asked: Asked, ids: list[Id], deadline: float, *, best: int) -> Scored:
        """One score for each; NaN for what is not known."""
        return of_known(self._stage, self._facts, ids, lambda items: self._scored(asked, items, deadline, best))

    def _scored(self, asked: Asked, items: Mapping[str, Any], deadline: float, best: int) -> Scored:
        user, context = sides(asked, self._stage)
        top = best if self._stage.orders else None
        try:
            result = self._scorer.score(RankRequest(user, context, items, top_k=top), deadline=deadline)
        except InputError as error:
            raise refusal(error) from error
        except StoreUnavailable as error:
            raise StageFailed("a table does not answer") from error
        order = None if result.ordered is None else result.ordered.places
        return Scored(result.scores, result.degraded, order)


def refusal(error: InputError) -> RequestFault:
    """The fault of a caller, with its place; of an item's value, which no caller sent, ours."""
    if error.side == "item":
        return InternalFault(f"an item's {error.name}: {error.message}")
    place = f"$.{error.side}.{error.name}" + "".join(f"[{at}]" for at in error.index)
    return (Unprocessable if isinstance(error, ShapeError) else BadRequest)(error.message, path=place)
