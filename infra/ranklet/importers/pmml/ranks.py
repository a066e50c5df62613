"""Entities in the order of how near they are: of clusters and neighbours, for outputs that name a rank."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.values import Choice, Domain, Number


class Ranks:
    """found: double [n, entities]. codes: of each entity in the domain of ids."""

    def __init__(
        self, found: str, domain: Domain, codes: NDArray[np.int64], context: Context, *, largest: bool
    ) -> None:
        self.found, self.domain, self.codes, self.context = found, domain, codes, context
        self.count = len(codes)
        tape = context.tape
        self._values = tape.op("TopK", found, [self.count], axis=1, largest=int(largest), sorted=1, outputs=2)
        self._gone = tape.op("IsNaN", tape.total(found))

    def entity(self, rank: int) -> Choice:
        """The id of the entity at a rank, from 1."""
        tape, place = self.context.tape, self._at(rank, f"{self._values}_1")
        codes = tape.op("Gather", self.codes, place, axis=0)
        return self.context.choice(tape.op("Where", self._gone, [0], codes), self.domain)

    def affinity(self, rank: int) -> Number:
        """How near it is."""
        return Number(self.context.where(self._gone, float("nan"), self._at(rank, self._values)))

    def _at(self, rank: int, given: str) -> Any:
        return self.context.tape.op("Gather", given, np.array([rank - 1], np.int64), axis=1)
