"""How far an answer is from the trainer's: scores, and what is told beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ranklet.golden import Golden


def difference(scores: list[float], golden: Golden) -> float:
    """The largest absolute difference from the trainer's scores.

    Infinity where counts differ, one is infinite, or one of both is null.
    """
    if len(scores) != len(golden.scores):
        return math.inf
    return max(map(_gap, scores, golden.scores), default=0.0)


def apart(outputs: Mapping[str, list[Any]], golden: Golden) -> tuple[str, int, float]:
    """Of the golden outputs, the one that is furthest from what was told: (name, row, difference), as `difference`.

    Numbers above 1 differ by their share; words, and an infinite number and another one, differ by infinity.
    """
    found = [
        (name, row, _distance(told, wanted))
        for name, column in golden.outputs.items()
        for row, (told, wanted) in enumerate(zip(_padded(outputs.get(name, []), column), column, strict=True))
    ]
    return max(found, key=lambda one: one[2], default=("", 0, 0.0))


def _padded(told: list[Any], wanted: Sequence[Any]) -> list[Any]:
    """What is not told at all equals nothing."""
    return told if len(told) == len(wanted) else [_NOTHING] * len(wanted)


_NOTHING = object()


def _distance(told: Any, wanted: Any) -> float:
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in (told, wanted)):
        if math.isinf(wanted):
            return 0.0 if told == wanted else math.inf
        return _gap(float(told), float(wanted)) / max(1.0, abs(float(wanted)))
    if wanted is None and isinstance(told, float) and math.isnan(told):
        return 0.0
    return 0.0 if type(told) is type(wanted) and told == wanted else math.inf


def _gap(ours: float, theirs: float) -> float:
    if math.isnan(ours) and math.isnan(theirs):
        return 0.0
    gap = abs(ours - theirs)
    return gap if math.isfinite(gap) else math.inf
