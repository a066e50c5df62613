"""When requests leave, and which: drawn before the first one does, so that nothing that happens can change it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import LoadError

MOST = 10_000_000
"""Requests of one run, whose times are kept."""
SPEC = re.compile(r"(\d+)(?:-(\d+)|((?:,\d+)+))?")


@dataclass(frozen=True)
class Candidates:
    """Numbers of candidates, all alike probable; none: as many as the requests have."""

    counts: Sequence[int] = ()

    @classmethod
    def of(cls, text: str) -> Candidates:
        """`500`, `10,100,500` or `10-500`. Raises ValueError."""
        if not (found := SPEC.fullmatch(text.replace(" ", ""))):
            raise ValueError(f"{text!r} is none of 500, 10,100,500 and 10-500")
        low, high, more = found.groups()
        counts = range(int(low), int(high) + 1) if high else [int(one) for one in (low + (more or "")).split(",")]
        if not counts or min(counts) < 1:
            raise ValueError(f"{text!r}: at least one candidate, and the smaller number first")
        return cls(counts)


@dataclass(frozen=True)
class Plan:
    """due: seconds after the start, ascending. which: request of each. warm: how many of them only warm up.

    warmup_s: when those end that do. end_s: when the last second of the plan ends.
    """

    due: Sequence[float]
    which: Sequence[int]
    warm: int
    warmup_s: float
    end_s: float


def plan(rps: float, duration_s: float, *, warmup_s: float, kinds: int, poisson: bool = False, seed: int = 0) -> Plan:
    """Requests at even distances, or at those of a Poisson process; each one of `kinds`, drawn evenly.

    In the warm-up the rate grows from 0, as otherwise every request of its first second would start an environment.
    Raises LoadError for more than MOST.
    """
    end_s, generator = warmup_s + duration_s, np.random.default_rng(seed)
    if rps * end_s > MOST:
        raise LoadError(f"{rps:g} requests a second for {end_s:g} s are more than {MOST:,}; ask for fewer at a time")
    warming = np.sqrt(2 * warmup_s * np.arange(int(rps * warmup_s / 2)) / rps)
    due = _even(rps, duration_s) if not poisson else _drawn(rps, duration_s, generator)
    due = np.concatenate([warming, warmup_s + due])
    which = generator.integers(0, kinds, len(due))
    return Plan(due.tolist(), which.tolist(), len(warming), warmup_s, end_s)


def _even(rps: float, duration_s: float) -> NDArray[np.float64]:
    return np.arange(max(1, round(rps * duration_s))) / rps


def _drawn(rps: float, duration_s: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Of a Poisson process, given its number: alike probable anywhere."""
    return np.sort(generator.uniform(0, duration_s, max(1, generator.poisson(rps * duration_s))))
