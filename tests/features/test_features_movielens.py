"""All 100 000 ratings of MovieLens, assembled once as a training frame and again request by request: the same bits.

A request is one person at one second with the films they rated then, sent through JSON; their history is what they
rated before. Nothing of the two ways is shared but the plan.
"""

from __future__ import annotations

from collections import deque
from itertools import groupby
from typing import Any

import numpy as np
import orjson
import pandas as pd
import polars as pl
import pytest

from ranklet.demo import movielens
from ranklet_features import Feature, FeaturePlan, FeatureSpec, Input, Table
from ranklet_features.stores import open_store

DIM, FILMS, ROWS = 8, 1682, 100_000
INPUTS = {
    "user_id": Input("user", "int"),
    "age": Input("user", "int"),
    "gender": Input("user", "string"),
    "occupation": Input("user", "string"),
    "history": Input("user", "int", list=True),
    "timestamp": Input("context", "int"),
    "movie_id": Input("item", "int"),
    "title": Input("item", "string"),
    "year": Input("item", "int", default=0),
    "genres": Input("item", "string", list=True),
    "mean_rating": Input("item", "float"),
}
JOBS = ["student", "writer", "engineer", "none", "other"]
FEATURES = {
    "user": Feature("category", ("user_id",), {"size": 944}),
    "profile": Feature("dense", ("age",), {"mean": 34.05, "std": 12.19}),
    "band": Feature("bucket", ("age",), {"boundaries": [18, 25, 35, 45, 50, 56]}),
    "sex": Feature("category", ("gender",), {"vocabulary": ["F", "M"]}),
    "job": Feature("category", ("occupation",), {"vocabulary": JOBS, "oov": "hash", "oov_buckets": 7}),
    "liked": Feature("bag", ("history",), {"size": 1683, "length": 20, "keep": "last", "mask": True}),
    "taste": Feature("embedding", ("history",), {"table": "films", "pool": "mean", "length": 20, "keep": "last"}),
    "hour": Feature("time", ("timestamp",), {"part": "hour_of_week"}),
    "season": Feature("time", ("timestamp",), {"part": "month", "cyclic": True, "utc_offset_minutes": -300}),
    "film": Feature("category", ("movie_id",), {"vocabulary": list(range(1, FILMS, 2)), "oov_index": -1}),
    "vector": Feature("embedding", ("movie_id",), {"table": "films"}),
    "name": Feature("category", ("title",), {"buckets": 5000, "seed": 3}),
    "score": Feature(
        "dense", ("mean_rating", "year"), {"clip": [0, 2000], "log": True, "mean": [1.5, 7.6], "std": 0.7}
    ),
    "genre": Feature("bag", ("genres",), {"vocabulary": ["Drama", "Comedy", "War"], "length": 6}),
    "job_genre": Feature("cross", ("job", "genre"), {"buckets": 4096}),
    "band_film": Feature("cross", ("band", "movie_id"), {"buckets": 65536, "seed": 1}),
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> FeaturePlan:
    """A plan over a table in which every third film is missing."""
    folder = tmp_path_factory.mktemp("bundle")
    keys = np.array([film for film in range(1, FILMS + 1) if film % 3])
    (folder / "tables").mkdir()
    np.save(folder / "tables" / "films.keys.npy", keys)
    vectors = np.random.default_rng(0).normal(size=(len(keys), DIM)).astype(np.float32)
    np.save(folder / "tables" / "films.npy", vectors)
    mean = tuple(vectors.mean(axis=0).tolist())
    table = Table("films", "ranklet-films-1", "1", "int", DIM, len(keys), missing="mean", default=mean)
    spec = FeatureSpec(INPUTS, FEATURES, {"films": table})
    return FeaturePlan.compile(spec, folder, {"films": open_store(table, folder, {})})


@pytest.fixture(scope="module")
def frame() -> dict[str, list[Any]]:
    """The ratings in the order of time, person by person, with everything known of person and film."""
    data = movielens.load()
    counts = np.maximum(np.bincount(data.ratings["movie_id"]), 1)  # no film has the number 0
    mean = np.bincount(data.ratings["movie_id"], data.ratings["rating"]) / counts
    order = np.lexsort((data.ratings["timestamp"], data.ratings["user_id"]))
    user, film, at = (data.ratings[name][order].tolist() for name in ("user_id", "movie_id", "timestamp"))
    people, films = [data.users[i] for i in user], [data.items[i] for i in film]
    return {
        "user_id": user,
        "age": [person.age for person in people],
        "gender": [person.gender for person in people],
        "occupation": [person.occupation for person in people],
        "history": histories(user, film, at),
        "timestamp": at,
        "movie_id": film,
        "title": [movie.title for movie in films],
        "year": [movie.year for movie in films],
        "genres": [list(movie.genres) for movie in films],
        "mean_rating": mean[film].tolist(),
    }


def histories(users: list[int], films: list[int], times: list[int]) -> list[list[int]]:
    """The last 30 films that a person rated at an earlier second; one list for all rows of a second."""
    found: list[list[int]] = []
    rows = zip(users, times, films, strict=True)
    for _, of_one in groupby(rows, key=lambda row: row[0]):
        past: deque[int] = deque(maxlen=30)
        for _, at_once in groupby(of_one, key=lambda row: row[1]):
            now = [film for *_, film in at_once]
            found += [list(past)] * len(now)
            past.extend(now)
    return found


def test_requests_give_the_bits_of_the_training_frame(plan: FeaturePlan, frame: dict[str, list[Any]]) -> None:
    expected = plan.assemble_columns(frame)
    assert expected.n == ROWS
    served = missing = 0
    for _, group in groupby(range(ROWS), key=lambda row: (frame["user_id"][row], frame["timestamp"][row])):
        rows = list(group)
        made = plan.assemble(*request(frame, rows[0], rows[-1] + 1))
        missing += made.degraded.get("missing_rows:films", 0)
        served += made.n
        for name, tensor in expected.tensors.items():
            part, found = tensor[rows[0] : rows[-1] + 1], made.tensors[name]
            if len(found) != len(rows):  # the person's, once for all films
                assert len(found) == 1
                part = part[:1]
            assert found.tobytes() == part.tobytes(), (name, rows[0])
    assert served == ROWS
    assert missing > 10_000


def request(frame: dict[str, list[Any]], start: int, end: int) -> Any:
    """One person, one second, the films from row `start` to `end`, as the bytes of a request tell it."""
    sides: dict[str, dict[str, Any]] = {"user": {}, "context": {}, "item": {}}
    for name, declared in INPUTS.items():
        column = frame[name]
        sides[declared.side][name] = column[start:end] if declared.side == "item" else column[start]
    return orjson.loads(orjson.dumps([sides["user"], sides["context"], sides["item"]]))


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_frames_of_either_library_give_the_same_bits(
    plan: FeaturePlan, frame: dict[str, list[Any]], library: Any
) -> None:
    part = {name: column[:20_000] for name, column in frame.items()}
    part["year"] = [year if year is not None else 0 for year in part["year"]]
    expected = plan.assemble_columns(part)
    made = plan.assemble_columns(library(part))
    assert {name: tensor.tobytes() for name, tensor in made.tensors.items()} == {
        name: tensor.tobytes() for name, tensor in expected.tensors.items()
    }
    assert made.degraded == expected.degraded
