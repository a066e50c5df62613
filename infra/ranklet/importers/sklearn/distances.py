"""Squared distances to points, column after column as scikit-learn's trees and libsvm add them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Floats

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

MAX_COLUMNS = 256
"""A node a column; wider ones want another model."""


def squared(walk: Walk, values: str, points: Floats) -> str:
    """values [n, d], points [m, d] → [n, m]."""
    return walk.tape.added([walk.tape.op("Mul", off, off) for off in _off(walk, values, points)])


def absolute(walk: Walk, values: str, points: Floats) -> str:
    """Σ |x - p| [n, m]."""
    return walk.tape.added([walk.tape.op("Abs", off) for off in _off(walk, values, points)])


def _off(walk: Walk, values: str, points: Floats) -> list[str]:
    columns = points.shape[1]
    if columns > MAX_COLUMNS:
        raise ImportRefused(f"measures distances over {columns} columns; served are {MAX_COLUMNS}: reduce them before")
    return [
        walk.tape.op("Sub", walk.tape.columns(values, [column]), np.ascontiguousarray(points[:, column])[None])
        for column in range(columns)
    ]
