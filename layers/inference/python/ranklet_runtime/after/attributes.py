"""What the build knows of items beside the request: their categories, by key, in a file of the bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

FILE = "after/cap.npz"


class Attribute:
    """keys: ascending, of integers or of text. rows: intp [items, k] of categories, -1 for none. names: of these."""

    def __init__(self, keys: NDArray[Any], rows: NDArray[np.intp], names: Sequence[str]) -> None:
        self.names = names
        # One row more, of no category, for what is not there.
        self._rows = np.concatenate([rows, np.full((1, rows.shape[1]), -1, np.intp)])
        self._found = {key: at for at, key in enumerate(keys.tolist())}

    @classmethod
    def open(cls, folder: Path, options: Mapping[str, Any]) -> Self:
        """The file of the bundle. Raises OSError, ValueError and KeyError."""
        with np.load(folder / FILE, allow_pickle=False) as arrays:
            return cls(arrays["keys"], arrays["rows"].astype(np.intp), arrays["names"].tolist())

    def codes(self, keys: Sequence[Any]) -> NDArray[np.intp]:
        """The categories of items: intp [n, k]."""
        found = self._found
        return self._rows[np.array([found.get(key, -1) if isinstance(key, int | str) else -1 for key in keys], np.intp)]
