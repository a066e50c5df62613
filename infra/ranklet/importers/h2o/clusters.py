"""K-means: the place of the nearest centre (hex.genmodel's KMeans_closest).

A category that differs is 1 apart; missing values take no part, and the rest is scaled up for them. Where columns are
standardised, a missing one is its mean or mode instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.h2o.columns import Cell, Columns, Level, Number
from ranklet.importers.h2o.mojo import Mojo
from ranklet.importers.h2o.results import Scored

Floats = NDArray[np.float64]

MAX_CENTRES = 10_000


def score(mojo: Mojo, cells: Sequence[Cell], columns: Columns, offset: str | None) -> Scored:
    """Raises ImportRefused for centres of another size."""
    tape, count = columns.tape, mojo.whole("center_num")
    if not 1 <= count <= MAX_CENTRES:
        raise ImportRefused(f"center_num = {count}; served are 1 to {MAX_CENTRES}")
    centres = np.stack([mojo.doubles(f"center_{at}", size=len(cells)) for at in range(count)])
    parts = [_apart(mojo, cells, centres, columns)] if any(isinstance(cell, Number) for cell in cells) else []
    for at, cell in enumerate(cells):
        if isinstance(cell, Level):
            tables = _level(mojo, cell, centres[:, at], at)
            near, seen = (columns.lookup(cell, table[:-1], table[-1]) for table in tables)
            parts.append((near, seen))
    near, seen = (tape.added(one) for one in zip(*parts, strict=True))
    scale = tape.op("Where", tape.op("Greater", seen, 0.0), tape.op("Div", float(len(cells)), seen), 1.0)
    return Scored((), named={"cluster": _closest(columns, tape.op("Mul", near, scale))})


def _apart(mojo: Mojo, cells: Sequence[Cell], centres: Floats, columns: Columns) -> tuple[str, str]:
    """(squared distance of numbers to each centre [n, centres], how many are there [n, 1])."""
    tape, places = columns.tape, [at for at, cell in enumerate(cells) if isinstance(cell, Number)]
    given = _numbers(mojo, [cells[at] for at in places], columns, places)
    known = tape.op("Not", tape.op("IsNaN", given))
    wide = tape.op("Unsqueeze", tape.op("Where", known, given, 0.0), [1])
    apart = tape.op("Sub", wide, centres[None][:, :, places])
    masked = tape.op("Where", tape.op("Unsqueeze", known, [1]), tape.op("Mul", apart, apart), 0.0)
    return tape.op("ReduceSum", masked, [2], keepdims=0), tape.total(tape.doubles(known))


def _numbers(mojo: Mojo, cells: Sequence[Cell], columns: Columns, places: Sequence[int]) -> str:
    """As `Kmeans_preprocessData` has them."""
    tape, given = columns.tape, columns.matrix(cells)
    if not mojo.flag("standardize"):
        return given
    means, times = (mojo.doubles(f"standardize_{name}", nans=True) for name in ("means", "mults"))
    if min(len(means), len(times)) <= max(places):
        raise ImportRefused("standardize_means and standardize_mults have other sizes than its columns")
    mean, scale = means[None, places], times[None, places]
    filled = tape.op("Where", tape.op("IsNaN", given), mean, given)
    return tape.op("Mul", tape.op("Sub", filled, mean), scale)


def _level(mojo: Mojo, level: Level, centres: Floats, at: int) -> tuple[Floats, Floats]:
    """(distance of each level to each centre, 1 where it counts); the last rows are of a missing one."""
    rows = (np.arange(len(level.domain))[:, None] != centres[None]).astype(np.float64)
    counts = np.ones((len(rows), 1))
    if mojo.flag("standardize"):
        modes = mojo.wholes("standardize_modes")
        if at >= len(modes) or not 0 <= modes[at] < max(len(rows), 1):
            raise ImportRefused(f"standardize_modes has no level for column {at}")
        return np.vstack([rows, rows[modes[at] : modes[at] + 1]]), np.ones((len(rows) + 1, 1))
    return np.vstack([rows, np.zeros((1, rows.shape[1]))]), np.vstack([counts, [[0.0]]])


def _closest(columns: Columns, distances: str) -> str:
    """The first of the nearest, -1 where no distance is a number, as a double."""
    tape = columns.tape
    lost = tape.op("IsNaN", distances)
    beyond = tape.op("Where", lost, np.inf, distances)
    best = tape.op("ArgMin", beyond, axis=1, keepdims=1, select_last_index=0)
    none = tape.op("GreaterOrEqual", tape.op("ReduceMin", beyond, [1], keepdims=1), np.finfo(np.float64).max)
    return tape.doubles(tape.op("Where", none, [-1], best))
