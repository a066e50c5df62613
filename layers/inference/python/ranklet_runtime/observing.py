"""Looks at one of so many scored requests: a line in the log with what was asked, and the health of its inputs.

What a line tells of values is a list that the author wrote (`log_inputs` of model.toml): every other input is left
out, tensors are, and of a long value there is its beginning. Where a line would still be too long, it has no values.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet_runtime.manifest import Manifest
from ranklet_runtime.messages import RankRequest, RankResult
from ranklet_runtime.scorer import Scorer
from ranklet_runtime.taken import Lines

if TYPE_CHECKING:
    from ranklet_runtime.health import Health

MOST_VALUES = 8
"""Of a column or a list, from its beginning."""
MOST_CHARACTERS = 64


class Observer:
    """seen: the request that was scored last, if it is one of those that are looked at.

    count: of scored requests; the function counts those itself of which nobody tells, as nearly all. due: the number of
    the next request that is more than counted.
    """

    def __init__(self, manifest: Manifest, scorer: Scorer, lines: Lines) -> None:
        watch = manifest.watch
        self._phases, self._lines, self._allowed = scorer.phases, lines, frozenset(watch.inputs)
        self._sample, self._check = watch.sample_every, watch.health_every
        self.count = 0
        self.seen: tuple[RankRequest, RankResult, bool, bool] | None = None
        self.health: Health | None = None
        self.due = self._following()
        if watch.health_every:
            # Imported here: lines do not need it.
            from ranklet_runtime.health import Health

            self.health = Health.of(manifest, scorer.compiled)

    def scored(self, asked: RankRequest, result: RankResult) -> None:
        """Keep the request if it is to be looked at; nearly all cost a count."""
        self.count += 1
        if self.count < self.due:
            return
        line, check = (bool(every) and self.count % every == 0 for every in (self._sample, self._check))
        # Who comes with a token sends no values of the user, which is not the same as missing ones.
        check = check and (asked.more is None or asked.more.token is None)
        self.seen = (asked, result, line, check) if line or check else None
        self.due = self._following()

    def _following(self) -> int:
        """The next request that is not only counted; before one that leaves a line, the stopwatch is asked for."""
        now, found = self.count, []
        if self._sample:
            line = (now // self._sample + 1) * self._sample
            self._phases.wanted = line == now + 1
            found.append(max(line - 1, now + 1))
        if self._check:
            found.append((now // self._check + 1) * self._check)
        return min(found)

    def look(self, path: str, request_id: str, seconds: float) -> None:
        """Look at the request that was kept."""
        assert self.seen is not None, "only where it is due"
        asked, result, line, check = self.seen
        self.seen = None
        if line:
            self._lines.add("request", "INFO", self._line(asked, result, path, request_id, seconds))
        if check and self.health is not None:
            self.health.look(asked, result)

    def _line(
        self, asked: RankRequest, result: RankResult, path: str, request_id: str, seconds: float
    ) -> dict[str, Any]:
        fields = {
            "request_id": request_id,
            "route": path,
            "candidates": len(result.scores) + len(result.refused),
            "top_k": asked.top_k,
            "milliseconds": round(seconds * 1000, 3),
            "phases": {name: round(value, 1) for name, value in self._phases.last.items()},
            "degraded": dict(result.degraded),
        }
        if result.ordered is not None and (explored := result.ordered.explored) is not None:
            # By position: with the request's id, and what the caller keeps of its answer, all that is learned from.
            fields["explored"] = {
                "method": explored.method,
                "seed": explored.seed,
                "places": result.ordered.places.tolist(),
                "propensities": [round(one, 9) for one in explored.propensities.tolist()],
            }
        if asked.tensors:
            return fields
        sides = {"user": asked.user, "context": asked.context, "item": asked.items}
        return {**fields, "inputs": {side: self._allow(given) for side, given in sides.items()}}

    def _allow(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: short(value) for name, value in given.items() if name in self._allowed}


def short(value: Any, depth: int = 0) -> Any:
    """The beginning of a value, as JSON has it."""
    if isinstance(value, np.ndarray | list | tuple):
        if depth > 1:
            return "…"
        begun = value[:MOST_VALUES] if getattr(value, "ndim", 1) else value
        values = begun.tolist() if isinstance(begun, np.ndarray) else list(begun)
        if not isinstance(values, list):
            return short(values, depth + 1)
        return [short(one, depth + 1) for one in values]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return value[:MOST_CHARACTERS]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else "beyond 64 bits"
    if isinstance(value, float):
        return value if isfinite(value) else None
    return type(value).__name__
