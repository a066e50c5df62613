"""Raw columns as lists or numpy arrays, whatever library holds them.

pandas and polars are recognised by their methods and never imported: this package runs in Lambda,
where neither exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

BOXED = "OUST"
"""The `dtype.kind`s that are read value by value: objects and texts. All others stay arrays, to be taken or refused
by their dtype (a datetime64 as a list would be a list of ints in a unit of its own)."""


def plain(raw: Any) -> Any:
    """A list or an array with the column's values, nulls as None; unknown things come back as they are."""
    if isinstance(raw, np.ndarray):
        masked = hasattr(raw, "mask")  # numpy.ma: its list holds None where the mask is set
        return raw.tolist() if masked or raw.dtype.kind in BOXED else raw
    if isinstance(raw, np.generic):
        return raw.item()
    if isinstance(raw, tuple):
        return list(raw)
    if hasattr(raw, "null_count") and hasattr(raw, "to_list"):
        return _polars(raw)
    if hasattr(raw, "isna") and hasattr(raw, "to_numpy"):
        return _pandas(raw)
    return raw


def _polars(series: Any) -> Any:
    """A polars Series; its `to_numpy` would turn nulls of an integer column into NaN."""
    if series.null_count() == 0 and series.dtype.is_numeric():
        return plain(series.to_numpy())
    return series.to_list()


def _pandas(series: Any) -> Any:
    """A pandas Series or Index. A NaN is null unless the column is of numpy floats, where pandas cannot tell."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind not in BOXED:
        return series.to_numpy()
    absent = series.isna()
    if not absent.any():
        return plain(series.to_numpy())
    return [None if null else value for value, null in zip(series.tolist(), absent.tolist(), strict=True)]


def names(frame: Any) -> Iterable[str]:
    """The column names of a dict, a pandas or a polars frame."""
    return frame.keys() if isinstance(frame, Mapping) else frame.columns
