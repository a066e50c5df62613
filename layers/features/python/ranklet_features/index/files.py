"""The arrays of an index, mapped from `.npy` files: opening reads their headers, searching the pages that it needs.

vectors     float32 [rows, dim], in the order of positions      codes, scales   int8 [rows, dim] and float32 [rows]
order       int32 [rows]: position → the item's place in the catalogue; place: the way back; neither for `exact`
starts      int64 [lists + 1], first position of each list      centroids       float32 [lists, dim]
ids         int64 [rows] ascending; of text `ids-blob` (uint8), `ids-ends` (int64), `ids-hashes` (uint64 ascending)
            and `ids-hashed` (int32: the hash's place → the item's place in the catalogue)
centre      float32 [dim], the mean of all vectors
a<n>-…      of the n-th attribute, see `attributes`
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import StoreError
from ranklet_features.lean import dataclass, field

PREFIX = "index-"
ENDING = ".npy"


class Rows:
    """Rows of float32 that are read by their positions, and not mapped: they are spread over the whole file, and each
    page that is touched, with those that the system maps around it, would stay in the process's memory.
    """

    def __init__(self, path: Path, start: int, dim: int) -> None:
        self._number, self._start, self._dim = os.open(path, os.O_RDONLY | os.O_CLOEXEC), start, dim
        finalize(self, os.close, self._number)

    def take(self, positions: NDArray[Any]) -> NDArray[np.float32]:
        """float32 [n, dim]. Rows that follow each other are read at once."""
        if not len(positions):
            return np.zeros((0, self._dim), np.float32)
        breaks = np.flatnonzero(np.diff(positions) != 1) + 1
        firsts = positions[np.concatenate([[0], breaks])]
        counts = np.diff(np.concatenate([[0], breaks, [len(positions)]]))
        size, number, start = 4 * self._dim, self._number, self._start
        parts = [
            os.pread(number, count * size, start + first * size)
            for first, count in zip(firsts.tolist(), counts.tolist(), strict=True)
        ]
        return np.frombuffer(b"".join(parts), np.float32).reshape(len(positions), self._dim)


@dataclass
class Files:
    """The files of an index in a folder; each is mapped once, when it is first asked for."""

    folder: Path
    mapped: dict[str, NDArray[Any]] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Where an array lies."""
        return self.folder / f"{PREFIX}{name}{ENDING}"

    def array(self, name: str) -> NDArray[Any]:
        """A mapped array, read-only. Raises StoreError where the file is not there or is none."""
        if name not in self.mapped:
            self.mapped[name] = _map(self.path(name))[0]
        return self.mapped[name]

    def checked(self, name: str, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """As `array`; raises StoreError for one of another form."""
        found = self.array(name)
        _check(found, name, dtype, shape)
        return found

    def rows(self, name: str, shape: tuple[int, int]) -> Rows:
        """The float32 rows of a file, read as they are asked for. Raises StoreError as `checked`."""
        found, start = _map(self.path(name))
        _check(found, name, "float32", shape)
        return Rows(self.path(name), start, shape[1])


def _check(found: NDArray[Any], name: str, dtype: str, shape: tuple[int, ...]) -> None:
    if found.dtype != np.dtype(dtype) or found.shape != shape:
        raise StoreError(
            f"{PREFIX}{name}{ENDING} is {found.dtype} {found.shape}, pinned are {dtype} {shape}; run `ranklet build` "
            "again"
        )


def _map(path: Path) -> tuple[NDArray[Any], int]:
    """The array, and where in the file it begins."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            if version != (1, 0):
                raise ValueError(f"format {version}")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
            if fortran or dtype.hasobject:
                raise ValueError("another order than C, or objects")
            start, count = file.tell(), int(np.prod(shape, dtype=np.int64))
            if not count:
                return np.zeros(shape, dtype), start
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(memory, dtype, count, start).reshape(shape), start
    except (OSError, ValueError) as error:
        # An error of the system names the path, which is nobody's affair.
        what = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"cannot read {path.name}: {what}; run `ranklet build` again") from error
