"""Real lines of raw values, scored by the trainer, or by its formula one line at a time.

Nothing here is shared with feature assembly or the engines: names are put together and looked up as text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet.importers.lines.inputs import Raw
from ranklet.importers.lines.template import Token
from ranklet.importers.proposal import Columns


class Feature(NamedTuple):
    """One feature of a line: x is a 32-bit float, as feature assembly has it."""

    token: Token
    name: str
    x: float


Line = list[Feature]
Scorer = Callable[[Sequence[Line]], Sequence[float]]


@dataclass(frozen=True)
class OfLines:
    """An oracle that scores lines. name: as the protocol says. inputs: what the template names."""

    name: str
    tokens: Sequence[Token]
    inputs: dict[str, Raw]
    scorer: Scorer

    def scores(self, columns: Columns) -> NDArray[Any]:
        """As the protocol says."""
        count = len(next(iter(columns.values())))
        return np.array(self.scorer([self.line(columns, row) for row in range(count)]), np.float64)

    def line(self, columns: Columns, row: int) -> Line:
        """The features of one row, in the order of the line; what is missing is left out."""
        found: Line = []
        for token in self.tokens:
            for name, x in self._pairs(token, columns, row):
                found.append(Feature(token, name, x * token.scale))
        return found

    def _pairs(self, token: Token, columns: Columns, row: int) -> list[tuple[str, float]]:
        if (place := token.place) is None:
            return [(token.before, self._number(token, columns, row))]
        absent = self.inputs[place.name].absent
        value = columns[place.name][row]
        if place.many:
            values = value or []
            numbers = [token.value] * len(values)
            if isinstance(token.value, str):
                numbers = columns[token.value][row] or []
            return [(token.named(one), _float32(x)) for one, x in zip(values, numbers, strict=True) if one != ""]
        if value is None or value == absent:
            return []
        return [(token.named(value), self._number(token, columns, row))]

    def _number(self, token: Token, columns: Columns, row: int) -> float:
        if not isinstance(token.value, str):
            return _float32(token.value)
        value = columns[token.value][row]
        return 0.0 if value is None else _float32(value)


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit))."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def _float32(value: Any) -> float:
    return float(np.float32(value))
