"""Raw values worth trying: known words and strangers, numbers at which the model turns, beside them and far away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

STRANGERS = ("", "unknown to all", "Ünbekannt \U0001f642", " ")

TERMS = tuple(f"term{number}" for number in range(40))

REACHES = ((-3.0, 3.0), (-0.25, 0.25), (0.0, 3.0), (0.0, 0.25))
"""How far around known numbers others are drawn, in their spans; from 0 on: no negative numbers at all."""


@dataclass(frozen=True)
class Drawn:
    """columns: (kind, known values, whether missing ones are taken, whether unknown ones are), one an element."""

    columns: tuple[tuple[Any, ...], ...]
    reach: tuple[float, float] = REACHES[0]

    def values(self, random: np.random.Generator, count: int) -> list[Any]:
        """Of the only column."""
        return _draw(self.columns[0], random, count, self.reach)

    def vectors(self, random: np.random.Generator, count: int) -> list[Any]:
        """A list of all columns' values each."""
        return [list(row) for row in zip(*(_draw(one, random, count, self.reach) for one in self.columns), strict=True)]


def _draw(column: tuple[Any, ...], random: np.random.Generator, count: int, reach: tuple[float, float]) -> list[Any]:
    kind, known, missing, strange = column
    if kind == "float":
        found = _numbers(known, random, count, reach) if strange else _chosen(known, random, count)
    else:
        found = {"string": _texts, "int": _wholes, "terms": _lists}[kind](known, random, count, strange)
    gone = random.random(count) < 0.08
    return [None if missing and none else value for value, none in zip(found, gone, strict=True)]


def _texts(known: Any, random: np.random.Generator, count: int, strange: bool) -> list[Any]:
    words = list(known) or list(STRANGERS)
    found = [words[index] for index in random.integers(0, len(words), count).tolist()]
    if not strange:
        return found
    others = [word for word in STRANGERS if word not in known] or ["\U0001f642"]
    odd = random.random(count) < 0.1
    return [others[at % len(others)] if yes else word for at, (word, yes) in enumerate(zip(found, odd, strict=True))]


def _lists(known: Any, random: np.random.Generator, count: int, strange: bool) -> list[Any]:
    """Up to six words each, some twice."""
    lengths = random.integers(0, 7, count).tolist()
    words = iter(_texts(known or TERMS, random, sum(lengths), strange))
    return [[next(words) for _ in range(length)] for length in lengths]


def _wholes(known: Any, random: np.random.Generator, count: int, strange: bool) -> list[Any]:
    words = [int(value) for value in known if float(value).is_integer()] or list(range(10))
    found = [words[index] for index in random.integers(0, len(words), count).tolist()]
    if not strange:
        return found
    odd = random.random(count) < 0.1
    return [max(words) + 1 + at if yes else word for at, (word, yes) in enumerate(zip(found, odd, strict=True))]


def _chosen(known: Any, random: np.random.Generator, count: int) -> list[Any]:
    return [float(known[index]) for index in random.integers(0, len(known), count).tolist()]


def _numbers(known: Any, random: np.random.Generator, count: int, reach: tuple[float, float]) -> list[Any]:
    """Half of them where the model turns or next to it, the others around that, some three spans away."""
    at = np.array([value for value in known if abs(value) < 1e12], np.float64)
    at = at if len(at) else np.array([-1.0, 0.0, 1.0, 2.0])
    low, high = float(np.min(at)), float(np.max(at))
    span = (high - low) or max(abs(high), 1.0)
    turns = random.choice(at, count)
    beside = random.integers(-1, 2, count)
    turns = np.where(beside < 0, np.nextafter(turns, -np.inf), np.where(beside > 0, np.nextafter(turns, np.inf), turns))
    around = random.uniform(low - 0.25 * span, high + 0.25 * span, count)
    far = random.uniform(low + reach[0] * span, high + reach[1] * span, count)
    chance = random.random(count)
    found = np.where(chance < 0.4, turns, np.where(chance < 0.95, around, far))
    found[:1] = np.round(found[:1])
    found = np.abs(found) if reach[0] == 0 else found
    return [float(value) for value in found]
