"""What reading a table has cost and found, as plain numbers that whoever reports them takes from time to time."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Protocol, Self, runtime_checkable

from ranklet_features.lean import dataclass, field

MOST_READS = 10_000
"""Durations that are kept where nobody takes them, as in training."""


@dataclass(slots=True)
class Counts:
    """Sums since the last `take`.

    rows: handed to the model. misses: of these, absent from the table. unavailable: not read in time. degraded: misses
    and unavailable rows for which the policy put a default in.
    cache_hits: distinct keys of a request that the cache knew; negative_hits: of these, known to be absent.
    reads: keys that a store behind the cache was asked for; units: read units of them, by DynamoDB's size rule.
    calls: answered or not; retries: of these, for keys that an earlier call of the same read left over or lost;
    throttles: answers that refused for throughput, and batches left unprocessed in part or whole.
    hedges: calls sent a second time because the first was slow; hedge_wins: of these, answered first.
    read_ms: how long each read took, with all its calls and pauses.
    """

    rows: int = 0
    misses: int = 0
    unavailable: int = 0
    degraded: int = 0
    cache_hits: int = 0
    negative_hits: int = 0
    reads: int = 0
    units: float = 0.0
    calls: int = 0
    retries: int = 0
    throttles: int = 0
    hedges: int = 0
    hedge_wins: int = 0
    read_ms: list[float] = field(default_factory=list)

    def read(self, seconds: float) -> None:
        """Note how long a read took."""
        if len(self.read_ms) < MOST_READS:
            self.read_ms.append(seconds * 1000)

    def take(self) -> Self:
        """The sums so far, which begin anew."""
        fresh = type(self)()
        taken = replace(self)
        for one in fields(self):
            setattr(self, one.name, getattr(fresh, one.name))
        return taken


@runtime_checkable
class Counting(Protocol):
    """A store that counts."""

    counts: Counts


def counts_of(store: object) -> Counts:
    """The store's own counts, or new ones of a store that does not count."""
    return store.counts if isinstance(store, Counting) else Counts()
