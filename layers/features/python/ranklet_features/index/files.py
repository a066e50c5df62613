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
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import StoreError
from ranklet_features.lean import dataclass, field

PREFIX = "index-"
ENDING = ".npy"


@dataclass
class Mapped:
    """A file's array, and the map that it stands on: None of an empty one."""

    array: NDArray[Any]
    memory: mmap.mmap | None = None

    def at_random(self) -> None:
        """Tell the system that rows are read here and there: it then brings no pages beside those that are read."""
        if self.memory is not None and hasattr(mmap, "MADV_RANDOM"):
            self.memory.madvise(mmap.MADV_RANDOM)

    def release(self) -> None:
        """Give back the pages that were read; they are read again when they are needed."""
        if self.memory is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.memory.madvise(mmap.MADV_DONTNEED)


@dataclass
class Files:
    """The files of an index in a folder; each is mapped once, when it is first asked for."""

    folder: Path
    mapped: dict[str, Mapped] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Where an array lies."""
        return self.folder / f"{PREFIX}{name}{ENDING}"

    def map(self, name: str) -> Mapped:
        """An array with its map. Raises StoreError where the file is not there or is none."""
        if name not in self.mapped:
            self.mapped[name] = _map(self.path(name))
        return self.mapped[name]

    def array(self, name: str) -> NDArray[Any]:
        """The array alone, read-only."""
        return self.map(name).array

    def checked(self, name: str, dtype: str, shape: tuple[int, ...]) -> Mapped:
        """As `map`; raises StoreError for an array of another form."""
        found = self.map(name)
        if found.array.dtype != np.dtype(dtype) or found.array.shape != shape:
            raise StoreError(
                f"{PREFIX}{name}{ENDING} is {found.array.dtype} {found.array.shape}, pinned are {dtype} {shape}; run "
                "`ranklet build` again"
            )
        return found


def _map(path: Path) -> Mapped:
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
                return Mapped(np.zeros(shape, dtype))
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return Mapped(np.frombuffer(memory, dtype, count, start).reshape(shape), memory)
    except (OSError, ValueError) as error:
        # An error of the system names the path, which is nobody's affair.
        what = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"cannot read {path.name}: {what}; run `ranklet build` again") from error
