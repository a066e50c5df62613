"""Vectors that are searched, and held-out queries of the same kind.

`clustered`: 64 numbers, a thousand centres and what scatters around each, as trained item vectors lie. `real`: what
movie-recall's user tower makes of each of the 100 000 moments in which somebody rated a film in MovieLens-100K (33
numbers; a million are the same people at twelve hours of the day), searched for people like others; it needs the data,
which is fetched as the demo fetches it. `isotropic`: 64 numbers without any structure, the worst that there is.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import DataError

Floats = NDArray[np.float32]
DIM, CENTRES, SPREAD = 64, 1000, 0.5
QUERIES = 400
"""Of which the first half chooses how many lists are looked at, and the second half is searched for."""

HOURS = range(0, 24, 2)
MOMENTS = 100_000


@dataclass(frozen=True)
class Set:
    """vectors: [rows, dim]. queries: [QUERIES, dim], none of them among the vectors."""

    vectors: Floats
    queries: Floats


def clustered(rows: int) -> Set:
    """Centres of length 1, and points around each."""
    draw = np.random.default_rng(20_160_915)
    centres = draw.standard_normal((CENTRES, DIM), np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    scale = np.float32(SPREAD / np.sqrt(DIM))

    def points(count: int) -> Floats:
        found: Floats = centres[draw.integers(0, CENTRES, count)]
        found += scale * draw.standard_normal((count, DIM), np.float32)
        return found

    return Set(points(rows), points(QUERIES))


def isotropic(rows: int) -> Set:
    """Normal numbers."""
    draw = np.random.default_rng(20_160_915)
    return Set(draw.standard_normal((rows, DIM), np.float32), draw.standard_normal((QUERIES, DIM), np.float32))


def real(rows: int) -> Set:
    """People at the moments of their ratings. Raises DataError where the data cannot be had."""
    hours = [] if rows <= MOMENTS else [",".join(map(str, HOURS))]
    with TemporaryDirectory(prefix="ranklet-bench-") as folder:
        # A process of its own: what the demo knows of its data is nothing that a bench stands on.
        command = [sys.executable, "-m", "ranklet.demo.moments", folder, *hours]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DataError(done.stderr.strip()[-500:])
        every, people = (np.load(Path(folder) / f"{name}.npy") for name in ("vectors", "people"))
    draw = np.random.default_rng(20_160_915)
    # A person's moments are alike: those that ask are of people of whom no moment is searched.
    asking = draw.choice(np.unique(people), 40, replace=False)
    theirs = np.isin(people, asking)
    chosen = draw.choice(np.flatnonzero(theirs), QUERIES, replace=False)
    return Set(np.ascontiguousarray(every[~theirs][:rows]), np.ascontiguousarray(every[chosen]))


KINDS: Mapping[str, Callable[[int], Set]] = {"clustered": clustered, "real": real, "isotropic": isotropic}
