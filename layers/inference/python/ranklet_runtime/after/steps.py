"""All steps after the scores of one model, opened: numbers first, then the list of the best."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.after.base import Array, Numbers, Pool
from ranklet_runtime.after.heads import Heads
from ranklet_runtime.after.listing import make
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.messages import Explored, More, Ordered, RankRequest
from ranklet_runtime.ranking import best

LISTING = ("cap", "diversify", "explore")
PLAIN = More()


class After:
    """score: what ranks, of the steps' tensors. ordered: the list of the best."""

    def __init__(self, steps: Mapping[str, Any], options: Mapping[str, Any], manifest: Manifest) -> None:
        self._scoring = [steps[name] for name in ("calibrate", "blend") if name in steps]
        self._heads = Heads(options.get("heads", {}), manifest.score, self._scoring)
        self._cap, self._diversify, self._explore = (steps.get(name) for name in LISTING)
        self._lists = any(name in steps for name in LISTING)
        self._named = tuple(name for name in LISTING if name in steps)
        self._pool, self._fill = options.get("pool", 0), options.get("short", "fill") == "fill"

    def score(self, tensors: Mapping[str, Array]) -> Array:
        """What ranks: [n], or as the steps of the model made it."""
        return self._heads.score(tensors)

    def ordered(self, scores: NDArray[np.float32], tensors: Mapping[str, Array], asked: RankRequest) -> Ordered | None:
        """The list of the best of a request with `top_k`; None where scores alone decide.

        scores: [n], NaN for none. Raises InputError for an item's category that cannot be read.
        """
        if not self._lists or asked.top_k is None:
            return None
        more = asked.more or PLAIN
        explore = self._explore if more.explore else None
        if explore is None and self._cap is None and self._diversify is None:
            return None
        known = np.flatnonzero(~np.isnan(scores))
        count = min(asked.top_k, len(known))
        chosen = known[best(scores[known], max(count, self._pool) if self._pool else len(known))]
        pool = Pool(chosen, scores[chosen].astype(np.float64), tensors, asked, len(scores))
        seed = _seed() if more.seed is None else more.seed
        found, propensities = make(
            pool,
            count,
            allow=None if self._cap is None else self._cap.begin(pool),
            value=None if self._diversify is None else self._diversify.begin(pool, count),
            choose=None if explore is None else explore.begin(seed),
            fill=self._fill,
        )
        return self._told(scores, chosen[found], asked.top_k, explore, seed, propensities)

    def _told(
        self,
        scores: NDArray[np.float32],
        places: NDArray[np.intp],
        top_k: int,
        explore: Any,
        seed: int,
        propensities: Numbers,
    ) -> Ordered:
        """With the candidates that have no score behind all others, as nothing else is left for their places."""
        if len(places) < top_k and self._fill and (absent := np.flatnonzero(np.isnan(scores))).size:
            absent = absent[: top_k - len(places)]
            places = np.concatenate([places, absent])
            propensities = np.concatenate([propensities, np.ones(len(absent))])
        steps = tuple(name for name in self._named if name != "explore" or explore is not None)
        return Ordered(places, steps, None if explore is None else Explored(explore.method, seed, propensities))


def _seed() -> int:
    """Drawn by the system: environments that start from one snapshot must not draw the same."""
    return int.from_bytes(os.urandom(7), "little") >> 3
