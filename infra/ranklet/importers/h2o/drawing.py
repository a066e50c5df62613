"""Raw values worth trying: around what the model compares with, unknown and missing ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

STRANGERS = ("never seen", "Żółw \U0001f642")
GONE = 0.1


@dataclass(frozen=True)
class Numbers:
    """turns: what the model compares with."""

    turns: tuple[float, ...] = ()

    def values(self, random: np.random.Generator, count: int) -> list[Any]:
        """As the protocol `Draw` says."""
        around = random.normal(size=count) * (1 + np.ptp(self.turns) if self.turns else 2)
        if self.turns:
            near = random.choice(np.array(self.turns), count) + random.choice([0.0, 1e-3, -1e-3, 0.5, -0.5], count)
            around = np.where(random.random(count) < 0.7, near, around)
        return _some_gone([float(value) for value in around], random)


@dataclass(frozen=True)
class Words:
    """known: the levels."""

    known: tuple[str, ...]

    def values(self, random: np.random.Generator, count: int) -> list[Any]:
        """As the protocol `Draw` says."""
        words = [self.known[at] for at in random.integers(0, len(self.known), count)]
        odd = random.random(count) < GONE
        strange = [STRANGERS[at] for at in random.integers(0, len(STRANGERS), count)]
        return _some_gone(
            [other if yes else word for word, other, yes in zip(words, strange, odd, strict=True)], random
        )


def _some_gone(values: list[Any], random: np.random.Generator) -> list[Any]:
    gone = random.random(len(values)) < GONE
    return [None if none else value for value, none in zip(values, gone, strict=True)]
