"""What movie-recall's user tower makes of people at the moments of their ratings: vectors of real behaviour.

    python -m ranklet.demo.moments OUT [HOURS]

writes OUT/vectors.npy, float32 [moments × hours, 33], and OUT/people.npy, whose moment each is. Without HOURS a moment
is the second of its rating; with `0,6,12` it stands three times, at those hours of its day. Ratings are fetched as the
demo fetches them, and nothing of them is written.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet import model, project
from ranklet.demo import movielens, training
from ranklet.errors import RankletError
from ranklet_features import FeaturePlan, FeatureSpec

NAME = "movie-recall"
AT_ONCE = 20_000


def moments(hours: Sequence[int] = ()) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors, and whose they are. Raises DataError where the data cannot be had."""
    data = movielens.load()
    ratings = training.in_time(data.ratings)
    users = [data.users[user] for user in ratings["user_id"].tolist()]
    columns = {
        "age": [user.age for user in users],
        "gender": [user.gender for user in users],
        "occupation": [user.occupation for user in users],
        "history": training.histories(ratings, length=30),
    }
    days = ratings["timestamp"] // 86_400 * 86_400
    times = [days + 3600 * hour for hour in hours] or [ratings["timestamp"]]
    vectors = np.concatenate([_vectors({**columns, "timestamp": when}) for when in times])
    return vectors, np.tile(ratings["user_id"], len(times))


def _vectors(columns: Mapping[str, Any]) -> NDArray[np.float32]:
    """What the tower makes of rows, some thousand at a time."""
    import onnxruntime

    folder = project.find().functions / NAME
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
    vectors: NDArray[np.float32] = np.concatenate(found).astype(np.float32)
    return vectors


def main(out: Path, hours: Sequence[int]) -> None:
    """Write both files."""
    vectors, people = moments(hours)
    np.save(out / "vectors.npy", vectors)
    np.save(out / "people.npy", people)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), [int(hour) for hour in sys.argv[2].split(",")] if len(sys.argv) > 2 else [])
    except RankletError as error:
        sys.exit(str(error))
