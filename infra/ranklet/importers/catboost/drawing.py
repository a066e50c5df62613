"""Raw values worth trying: numbers at borders, next to them and missing; categories that are known, and strangers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FAR = 1e30
"""Beyond lies the border that parts missing values from all others."""

STRANGERS: tuple[str, ...] = ("", "unknown to all", "Ünbekannt \U0001f642", "x" * 70)
STRANGE_INTEGERS = (-7, 0, 123_456_789_012)


def numbers(borders: NDArray[np.float32], missing: bool, random: np.random.Generator, count: int) -> list[Any]:
    """Floats of 32 bits; None for a missing one, where there are."""
    found = random.normal(size=count).astype(np.float32)
    borders = borders[np.abs(borders) < FAR]
    if len(borders):
        turns = random.choice(borders, count)
        near = np.nextafter(turns, random.choice(np.array([-np.inf, 0, np.inf], np.float32), count))
        chance = random.random(count)
        spread = np.float32(np.ptp(borders) or 1)
        wide = borders.mean() + spread * random.normal(size=count).astype(np.float32)
        found = np.where(chance < 0.3, turns, np.where(chance < 0.5, near, wide)).astype(np.float32)
    odd = random.random(count) < 0.1
    return [None if missing and gone else float(value) for value, gone in zip(found, odd, strict=True)]


def texts(known: Sequence[str], random: np.random.Generator, count: int) -> list[Any]:
    """Strings."""
    return _of(known, STRANGERS, random, count)


def integers(known: Sequence[str], random: np.random.Generator, count: int) -> list[Any]:
    """Whole numbers."""
    return _of([int(text) for text in known], STRANGE_INTEGERS, random, count)


def _of(known: Sequence[Any], strange: Sequence[Any], random: np.random.Generator, count: int) -> list[Any]:
    choices = list(strange) if not known else None
    found = []
    for _ in range(count):
        among = choices or (strange if random.random() < 0.1 else known)
        found.append(among[int(random.integers(len(among)))])
    return found
