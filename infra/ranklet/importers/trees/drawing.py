"""Raw values worth trying: where trees turn, right beside that, around it, missing ones, categories and strangers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ranklet.importers.trees import trial
from ranklet.importers.trees.records import Ensemble, Floats

STRANGERS = ("unknown to all", "Ünbekannt \U0001f642", "")
GONE = 0.1
"""The share of values that are missing."""


class Source(Protocol):
    """Of one raw value."""

    def draw(self, random: np.random.Generator, count: int) -> list[Any]:
        """`count` values in JSON's types, none missing."""
        ...


@dataclass(frozen=True)
class Drawn:
    """Values of one source, or vectors of several."""

    sources: tuple[Source, ...]

    def values(self, random: np.random.Generator, count: int) -> list[Any]:
        """Of the only source, some of them missing."""
        return _some_gone(self.sources[0].draw(random, count), random)

    def vectors(self, random: np.random.Generator, count: int) -> list[Any]:
        """A list of all sources' values each."""
        columns = [_some_gone(source.draw(random, count), random) for source in self.sources]
        return [list(row) for row in zip(*columns, strict=True)]


@dataclass(frozen=True)
class Numbers:
    """turns: where some split turns, and beside that; finite, none for a feature that no split reads."""

    turns: Floats

    def draw(self, random: np.random.Generator, count: int) -> list[Any]:
        """Half of them turns, the others around these or anywhere near."""
        low, high = np.quantile(self.turns, (0.05, 0.95)) if len(self.turns) else (-1, 1)
        around = random.uniform(low, high, count).astype(self.turns.dtype)
        if len(self.turns):
            around = np.where(random.random(count) < 0.5, random.choice(self.turns, count), around)
        return [float(value) for value in around]


@dataclass(frozen=True)
class Words:
    """known: a feature's categories. strangers: whether others may come."""

    known: Sequence[str] | Sequence[int]
    strangers: bool

    def draw(self, random: np.random.Generator, count: int) -> list[Any]:
        """Known ones, one in ten unknown."""
        found: list[Any] = [self.known[at] for at in random.integers(0, len(self.known), count).tolist()]
        if not self.strangers:
            return found
        texts = isinstance(self.known[0], str)
        others = [word for word in STRANGERS if word not in self.known] if texts else [max(map(int, self.known)) + 7]
        odd = random.random(count) < GONE
        return [
            others[at % len(others)] if yes else word for at, (word, yes) in enumerate(zip(found, odd, strict=True))
        ]


def numbers(ensemble: Ensemble) -> list[Numbers]:
    """For each feature."""
    turns, none = trial.turns(ensemble), np.zeros(0, ensemble.dtype)
    return [Numbers(_usual(turns.get(at, none))) for at in range(ensemble.width)]


def _usual(turns: Floats) -> Floats:
    """Without what lies far from the others: what trees extrapolate there would dwarf all other scores."""
    finite = turns[np.abs(turns) < 1e15]
    if not len(finite):
        return finite
    low, high = np.quantile(finite, (0.05, 0.95))
    usual: Floats = finite[(finite >= 2 * low - high) & (finite <= 2 * high - low)]
    return usual


def _some_gone(values: list[Any], random: np.random.Generator) -> list[Any]:
    gone = random.random(len(values)) < GONE
    return [None if none else value for value, none in zip(values, gone, strict=True)]
