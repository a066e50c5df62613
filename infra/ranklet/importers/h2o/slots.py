"""The columns of a booster inside a MOJO: categories are one-hot in it, each level a column of its own, numbers follow.

A category that is missing has a place of its own behind the column's levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from ranklet.errors import ImportRefused
from ranklet.importers.h2o.booster import Booster
from ranklet.importers.h2o.columns import Cell, Columns, Level
from ranklet.importers.h2o.mojo import Mojo

FLOAT = int(TensorProto.FLOAT)
ZERO, MISSING = np.array(0, np.float32), np.array(np.nan, np.float32)


@dataclass(frozen=True)
class Slots:
    """column, level: of each of the booster's features; level is -1 of a number. sizes: places of each category."""

    column: NDArray[np.int64]
    level: NDArray[np.int64]
    sizes: tuple[int, ...]
    first: int
    sparse: bool


def of(mojo: Mojo, cells: Sequence[Cell], model: Booster) -> Slots:
    cats, nums = mojo.whole("cats"), mojo.whole("nums")
    offsets = mojo.wholes("cat_offsets", size=cats + 1) if cats else [0]
    if len(cells) != cats + nums or not all(isinstance(cell, Level) == (at < cats) for at, cell in enumerate(cells)):
        raise ImportRefused(f"it has {len(cells)} features; cats = {cats} and nums = {nums}, categories first")
    if sorted(offsets) != offsets or offsets[0] != 0 or model.width > offsets[-1] + nums or offsets[-1] >= 1 << 24:
        raise ImportRefused(f"its booster reads {model.width} columns; cat_offsets and nums give {offsets[-1] + nums}")
    sizes = tuple(int(size) for size in np.diff(offsets))
    column = np.concatenate([np.repeat(np.arange(cats), sizes), cats + np.arange(nums)]).astype(np.int64)
    level = np.concatenate([*(np.arange(size) for size in sizes), np.full(nums, -1)]).astype(np.int64)
    return Slots(column, level, sizes, 0 if mojo.flag("use_all_factor_levels") else 1, mojo.flag("sparse"))


def levels(slots: Slots, level: Level, columns: Columns, at: int) -> str:
    """The place of a category's level from 1, 0 for none: float [n, 1]."""
    found = hot_places(slots, level, at) + 1.0
    table = np.maximum(found, 0.0)[:, None]
    return columns.tape.op("Cast", columns.lookup(level, table, float(slots.sizes[at])), to=FLOAT)


def hot_places(slots: Slots, level: Level, at: int) -> NDArray[np.int64]:
    """Where a column's levels are hot, -1 of one that is nowhere; beyond the last is the place of missing ones."""
    return np.minimum(np.arange(len(level.domain)) - slots.first, slots.sizes[at] - 1)


def numbers(slots: Slots, cells: Sequence[Cell], columns: Columns) -> str:
    """Columns of numbers as floats [n, k]; of a sparse model a 0 is missing."""
    tape = columns.tape
    narrow = tape.op("Cast", columns.matrix(cells), to=FLOAT)
    return tape.op("Where", tape.op("Equal", narrow, ZERO), MISSING, narrow) if slots.sparse else narrow
