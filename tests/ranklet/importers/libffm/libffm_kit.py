"""libFFM, as pylibffm holds it.

It was built for NumPy 1: the arrays that it makes for NumPy 2 have steps of 0, which are put right here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # with more, models differ from run to run
import indices_kit
import numpy as np
import pylibffm
from scipy import sparse

Row = Mapping[str, Any]


def train(rows: Sequence[Row], labels: Sequence[int], path: Path, options: Mapping[str, Any]) -> None:
    """Write the model to `path`."""
    x, fields = matrix(rows, indices_kit.COUNT)
    model = pylibffm.train(x, np.array(labels), fields, str(path.with_name("cache")), dict(options))
    model.W = _whole(model.W)
    model.save(str(path))


def predict(path: Path, rows: Sequence[Row]) -> list[float]:
    """The scores of rows by the model in a file."""
    model = pylibffm.load(str(path))
    model.W = _whole(model.W)
    found: list[float] = _whole(model.predict(*matrix(rows, indices_kit.COUNT + 1))).tolist()
    return found


def matrix(rows: Sequence[Row], columns: int) -> tuple[Any, Any]:
    """x, whose last column is what the model does not know, and the field of each column."""
    fields = np.zeros(columns, np.int32)
    data, indices, starts = [], [], [0]
    for row in rows:
        for field, _, index, x in indices_kit.entries(row):
            at = min(index, columns - 1)
            fields[at] = field
            data.append(x)
            indices.append(at)
        starts.append(len(data))
    shape = (len(rows), columns)
    return sparse.csr_matrix((np.array(data, np.float32), np.array(indices, np.int32), np.array(starts)), shape), fields


def _whole(array: Any) -> Any:
    return np.lib.stride_tricks.as_strided(array, strides=(array.itemsize,)).copy()
