"""The seams of the steps after the scores: what each may see, and the three parts that a place of a list has.

A step that makes scores has `run`. A step that has a part in the list has `begin`, once for each list, and what it
gives is told which candidate each place got. Candidates are counted within the pool: 0 is the best by score.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ranklet_features.lean import dataclass
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.messages import RankRequest

Array = NDArray[Any]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Scope:
    """What a step is opened with. options: its own, as the manifest has them. folder: the bundle."""

    options: Any
    manifest: Manifest
    folder: Path


@dataclass(frozen=True, slots=True)
class Pool:
    """The candidates of one list, best first. places: which of the request's they are. scores: float64, finite."""

    places: NDArray[np.intp]
    scores: Numbers
    tensors: Mapping[str, Array]
    request: RankRequest
    count: int


class Scoring(Protocol):
    """Makes numbers of numbers, each float64 [n]."""

    def run(self, heads: Mapping[str, Numbers]) -> Mapping[str, Numbers]:
        """The heads that it makes or changes."""
        ...


class Allowing(Protocol):
    """Who may stand in the next place of one list."""

    def allowed(self) -> NDArray[np.bool_] | None:
        """By candidate; None for all."""
        ...

    def take(self, candidate: int) -> None:
        """This one got the place."""
        ...


class Valuing(Protocol):
    """What each candidate is worth in the next place of one list."""

    def values(self) -> Numbers:
        """By candidate, finite; not to be changed."""
        ...

    def take(self, candidate: int) -> None:
        """This one got the place."""
        ...


class Choosing(Protocol):
    """Who gets the next place of one list."""

    def choose(self, values: Numbers) -> tuple[int, float]:
        """Of those who may have it, by what they are worth there: which, and how probable that was."""
        ...
