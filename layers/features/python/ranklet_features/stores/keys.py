"""What callers may pass as keys, brought to one form per key type."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranklet_features.spec import Table
from ranklet_features.stores.base import Keys

RESERVED = "__ranklet__"
"""The key under which a table keeps its own description; never a row."""


def int_keys(keys: Keys, table: Table) -> NDArray[np.int64]:
    """The keys as int64 [n].

    Raises TypeError for anything but integers within 64 bits: a float that is cut to an integer, or a
    number that wraps, would read another key's row.
    """
    if isinstance(keys, np.ndarray) and keys.dtype == np.int64 and keys.ndim == 1:
        return keys
    if not len(keys):
        return np.empty(0, np.int64)
    try:
        given = np.asarray(keys)
    except ValueError as error:
        raise TypeError(f"table {table.name}: keys must be a flat list of integers") from error
    if given.ndim != 1 or given.dtype.kind not in "iu" or (given.dtype == np.uint64 and int(given.max()) >= 1 << 63):
        raise TypeError(f"table {table.name}: keys must be integers of 64 bits [n], not {given.dtype} {given.shape}")
    return given.astype(np.int64)


def text_keys(keys: Keys) -> list[str]:
    """The keys as a list; whether each is a string is checked by `require_text` on those that were not found."""
    return keys.tolist() if isinstance(keys, np.ndarray) else list(keys)  # type: ignore[arg-type]


def require_text(keys: list[str], table: Table) -> None:
    """Raise TypeError when a key is not a string: it could not have been found, but it is not absent either."""
    for key in keys:
        if not isinstance(key, str):
            raise TypeError(f"table {table.name}: keys must be strings, not {type(key).__name__}")
