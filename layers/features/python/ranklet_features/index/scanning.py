"""Scanning rows: products of a block with a query, in float32, and which of them are worth an exact score."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ranklet_features.index import scoring
from ranklet_features.index.files import Files
from ranklet_features.index.spec import IndexSpec

Floats = NDArray[np.float32]

BLOCK = 4096
"""Rows of int8 that are widened at a time: what they become stays in the processor's cache."""


class Scan(Protocol):
    """One packing of an index's rows."""

    def products(self, start: int, stop: int, query: Floats, out: Floats) -> None:
        """<row, query> of the positions from start to stop, roughly, into `out`."""
        ...

    def worth(self, scores: Floats, count: int, apart: float) -> NDArray[np.intp]:
        """Where in `scores` rows stand of which the `count` best are to be found by exact scores."""
        ...


def open_scan(spec: IndexSpec, files: Files) -> Scan:
    """That of an index. Raises StoreError for files of another form."""
    if spec.packing == "int8":
        codes = files.checked("codes", "int8", (spec.rows, spec.dim))
        return Codes(codes, files.checked("scales", "float32", (spec.rows,)), spec.rerank)
    return Exactly(files.checked("vectors", "float32", (spec.rows, spec.dim)))


class Exactly:
    """float32 rows: what rounding could have kept out is worth an exact score, so that the best are the best."""

    def __init__(self, vectors: Floats) -> None:
        self._vectors = vectors

    def products(self, start: int, stop: int, query: Floats, out: Floats) -> None:
        """As the protocol says."""
        np.dot(self._vectors[start:stop], query, out=out)

    def worth(self, scores: Floats, count: int, apart: float) -> NDArray[np.intp]:
        """As the protocol says."""
        return scoring.reaching(scores, count, apart)


class Codes:
    """int8 rows, each with a scale: a quarter of the memory. rerank: how many rows get an exact score, at least."""

    def __init__(self, codes: NDArray[np.int8], scales: Floats, rerank: int) -> None:
        self._codes, self._scales, self._rerank = codes, scales, rerank
        self._wide = np.empty((BLOCK, codes.shape[1]), np.float32)

    def products(self, start: int, stop: int, query: Floats, out: Floats) -> None:
        """As the protocol says."""
        for at in range(start, stop, BLOCK):
            end = min(at + BLOCK, stop)
            wide = self._wide[: end - at]
            wide[...] = self._codes[at:end]
            np.dot(wide, query, out=out[at - start : end - start])
        out *= self._scales[start:stop]

    def worth(self, scores: Floats, count: int, apart: float) -> NDArray[np.intp]:
        """As the protocol says."""
        return scoring.highest(scores, max(self._rerank, 3 * count))


def packed(vectors: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Rows as int8 with a scale each: value ≈ code × scale, the largest of a row is ±127."""
    largest = np.abs(vectors).max(axis=1) if vectors.size else np.zeros(len(vectors), np.float32)
    scales = (largest / 127).astype(np.float32)
    inverse = np.divide(1.0, scales, out=np.zeros(len(scales)), where=scales > 0)
    codes = np.clip(np.rint(vectors * inverse[:, None]), -127, 127).astype(np.int8)
    return codes, scales
