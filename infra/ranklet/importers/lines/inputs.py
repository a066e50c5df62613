"""The raw inputs that a line names, as lines of model.toml with values worth trying."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from ranklet.importers.lines.template import Kind, Token
from ranklet.importers.proposal import ProposedInput

ABSENT = -1
"""The integer that stands for a missing one, where no name has it."""

UNKNOWN: Mapping[Kind, Sequence[Any]] = {"int": (7_000_000_001, 0, 12), "string": ("never seen", "Żółw", "0")}
STRANGE_NUMBERS = (0.0, 1.0, -2.5, 1000.0, 1e-7)


@dataclass(frozen=True)
class Raw:
    """One raw input. kind: of names; `float` for numbers. paired: a list whose lengths another list's must match.

    known: values that the model has, as far as the file tells.
    """

    name: str
    kind: str
    many: bool = False
    paired: bool = False
    known: Sequence[Any] = field(default=())
    unknown: Sequence[Any] = field(default=())

    @cached_property
    def absent(self) -> Any:
        """What stands for a missing value: a name that the model does not have."""
        if self.many:
            return []
        if self.kind == "float":
            return 0.0
        return "" if self.kind == "string" else ABSENT if ABSENT not in self.known else -(1 << 63)

    @property
    def proposed(self) -> ProposedInput:
        """Its line, and values to try."""
        fields = {"type": self.kind, **({"list": True} if self.many else {}), "default": self.absent}
        return ProposedInput(fields, partial(_drawn, self))


def raws(
    tokens: Iterable[Token],
    kinds: Mapping[str, Kind],
    known: Mapping[str, Sequence[Any]],
    unknown: Mapping[Kind, Sequence[Any]] = UNKNOWN,
) -> dict[str, Raw]:
    """Input → what it is, in the line's order. kinds: of each input that makes names. known: values of each."""
    found: dict[str, Raw] = {}
    for token in tokens:
        paired = isinstance(token.value, str) and token.place is not None and token.place.many
        if (place := token.place) is not None:
            paired = paired or (place.name in found and found[place.name].paired)
            kind = kinds[place.name]
            values = known.get(place.name, ())
            found[place.name] = Raw(place.name, kind, place.many, paired, values, unknown[kind])
        if isinstance(token.value, str):
            found.setdefault(token.value, Raw(token.value, "float", paired, paired))
    return found


def kinds_of(tokens: Iterable[Token]) -> dict[str, Kind | None]:
    """Input → the type that the line gives it, None where it leaves it open."""
    found: dict[str, Kind | None] = {}
    for token in tokens:
        if token.place is not None:
            found[token.place.name] = token.place.kind or found.get(token.place.name)
    return found


def _drawn(raw: Raw, random: np.random.Generator, count: int) -> list[Any]:
    if raw.many:
        return [[_one(raw, random) for _ in range(_length(raw, row, random))] for row in range(count)]
    return [None if random.random() < 0.1 else _one(raw, random) for _ in range(count)]


def _length(raw: Raw, row: int, random: np.random.Generator) -> int:
    """Of lists that go together, one length a row, as they are drawn apart."""
    return 1 + row % 4 if raw.paired else int(random.integers(0, 5))


def _one(raw: Raw, random: np.random.Generator) -> Any:
    if raw.kind == "float":
        numbers = STRANGE_NUMBERS if random.random() < 0.3 else (round(float(random.normal()), 3),)
        return numbers[random.integers(len(numbers))]
    choices = raw.unknown if not raw.known or (raw.unknown and random.random() < 0.1) else raw.known
    return choices[int(random.integers(len(choices)))]
