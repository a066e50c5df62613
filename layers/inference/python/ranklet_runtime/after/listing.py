"""One list, place by place: who may stand there, what each is worth there, who gets it.

Greedy, as the papers of diversity are: a place is given for good. Each place costs a few NumPy calls over the pool.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.after.base import Allowing, Choosing, Numbers, Pool, Valuing


def make(
    pool: Pool,
    count: int,
    *,
    allow: Allowing | None,
    value: Valuing | None,
    choose: Choosing | None,
    fill: bool,
) -> tuple[NDArray[np.intp], Numbers]:
    """Candidates of the pool in the order of the list, at most `count`, and each place's propensity, 1 without choice.

    fill: whether a place that nobody may have goes to the best of all others; otherwise the list ends before it.
    Where two are worth the same, the better score has the place, then the earlier candidate.
    """
    free = np.ones(len(pool.places), np.bool_)
    found = np.empty(count, np.intp)
    propensities = np.ones(count)
    for place in range(count):
        there = _may(free, None if allow is None else allow.allowed())
        if not there.size:
            if not fill:
                return found[:place], propensities[:place]
            there = np.flatnonzero(free)
        values = pool.scores[there] if value is None else value.values()[there]
        at = int(np.argmax(values)) if choose is None else 0
        if choose is not None:
            at, propensities[place] = choose.choose(values)
        found[place] = chosen = int(there[at])
        free[chosen] = False
        for part in (allow, value):
            if part is not None:
                part.take(chosen)
    return found, propensities


def _may(free: NDArray[np.bool_], allowed: NDArray[np.bool_] | None) -> NDArray[np.intp]:
    return np.flatnonzero(free if allowed is None else free & allowed)
