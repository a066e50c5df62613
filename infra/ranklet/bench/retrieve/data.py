"""Vectors that are searched, and held-out queries of the same kind.

`clustered`: 64 numbers, a thousand centres and what scatters around each, as trained item vectors lie. `real`: what
movie-recall's user tower makes of each of the 100 000 moments in which somebody rated a film in MovieLens-100K (33
numbers; a million are the same people at ten hours of the day), searched for people like others; it needs the data,
which is fetched as the demo fetches it. `isotropic`: 64 numbers without any structure, the worst that there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet import project

Floats = NDArray[np.float32]
DIM, CENTRES, SPREAD = 64, 1000, 0.5
QUERIES = 400
"""Of which the first half chooses how many lists are looked at, and the second half is searched for."""

HOURS = range(0, 24, 2)
AT_ONCE = 20_000


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
    from ranklet.demo import movielens, training

    data = movielens.load()
    ratings = training.in_time(data.ratings)
    users = [data.users[user] for user in ratings["user_id"].tolist()]
    columns = {
        "age": [user.age for user in users],
        "gender": [user.gender for user in users],
        "occupation": [user.occupation for user in users],
        "history": training.histories(ratings, length=30),
        "timestamp": ratings["timestamp"],
    }
    days = columns["timestamp"] // 86_400 * 86_400  # type: ignore[operator]
    times = [columns["timestamp"]] if rows <= len(users) else [days + 3600 * hour for hour in HOURS]
    parts = [_vectors({**columns, "timestamp": when}) for when in times]
    every = np.concatenate(parts)
    draw = np.random.default_rng(20_160_915)
    # A person's moments are alike: those that ask are of people of whom no moment is searched.
    asking = draw.choice(np.unique(ratings["user_id"]), 40, replace=False)
    theirs = np.tile(np.isin(ratings["user_id"], asking), len(parts))
    chosen = draw.choice(np.flatnonzero(theirs), QUERIES, replace=False)
    return Set(np.ascontiguousarray(every[~theirs][:rows]), np.ascontiguousarray(every[chosen]))


def _vectors(columns: Mapping[str, Any]) -> Floats:
    """What the user tower makes of rows, some thousand at a time."""
    import onnxruntime

    from ranklet import model
    from ranklet_features import FeaturePlan, FeatureSpec

    folder = _model()
    described = model.load(folder)
    plan = FeaturePlan.compile(FeatureSpec(described.inputs, described.features), folder, {})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "export" / "user_tower.onnx", options)
    names = [one.name for one in session.get_inputs()]
    found = []
    for start in range(0, len(columns["age"]), AT_ONCE):
        part = {name: column[start : start + AT_ONCE] for name, column in columns.items()}
        made = plan.assemble_columns(part).tensors
        found.append(session.run(None, {name: made[name] for name in names})[0])
    vectors: Floats = np.concatenate(found).astype(np.float32)
    return vectors


def _model() -> Path:
    return project.find().functions / "movie-recall"


KINDS: Mapping[str, Callable[[int], Set]] = {"clustered": clustered, "real": real, "isotropic": isotropic}
