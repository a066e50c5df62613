"""Raw values worth trying: around what the model compares with, unknown and missing ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ranklet.importers.h2o.oracle import MISSING

STRANGERS = ("never seen", "Żółw \U0001f642")
GONE = 0.1
ODD = frozenset('\\"\r\n')
"""Characters that PredictCsv does not read back from a CSV file as others write them."""


@dataclass(frozen=True)
class Numbers:
    """turns: what the model compares with. gone: some are missing."""

    turns: tuple[float, ...] = ()
    gone: bool = True

    def values(self, random: np.random.Generator, count: int) -> list[Any]:
        """As the protocol `Draw` says."""
        around = random.normal(size=count) * (1 + np.ptp(self.turns) if self.turns else 2)
        if self.turns:
            near = random.choice(np.array(self.turns), count) + random.choice([0.0, 1e-3, -1e-3, 0.5, -0.5], count)
            around = np.where(random.random(count) < 0.7, near, around)
        return _some_gone([float(value) for value in around], random if self.gone else None)


@dataclass(frozen=True)
class Words:
    """known: the levels. gone: some are missing, or unknown."""

    known: tuple[str, ...]
    gone: bool = True

    def values(self, random: np.random.Generator, count: int) -> list[Any]:
        """As the protocol `Draw` says."""
        known = [word for word in self.known if word not in MISSING and not ODD.intersection(word)] or ["none"]
        words = [known[at] for at in random.integers(0, len(known), count)]
        odd = random.random(count) < (GONE if self.gone else 0)
        strange = [STRANGERS[at] for at in random.integers(0, len(STRANGERS), count)]
        found = [other if yes else word for word, other, yes in zip(words, strange, odd, strict=True)]
        return _some_gone(found, random if self.gone else None)


def _some_gone(values: list[Any], random: np.random.Generator | None) -> list[Any]:
    if random is None:
        return values
    gone = random.random(len(values)) < GONE
    return [None if none else value for value, none in zip(values, gone, strict=True)]
