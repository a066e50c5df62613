"""Rankers of MovieLens-100K, trained on a data frame with text and ids as categories and a time that only doubles hold.

The ratings are fetched, never stored; what is stored are the trained models, invented rows and the libraries' scores.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from ranklet.demo import movielens

CATEGORIES = ("gender", "occupation", "movie_id", "genre")
TRAINED, ASKED = 40_000, 60


def columns() -> tuple[pandas.DataFrame, Any]:
    """Raw values, a row a rating, and whether it was 4 or more."""
    data, random = movielens.load(), np.random.default_rng(1)
    ratings = data.ratings
    rows = random.choice(len(ratings["rating"]), TRAINED, replace=False)
    users = [data.users[int(one)] for one in ratings["user_id"][rows]]
    films = [data.items[int(one)] for one in ratings["movie_id"][rows]]
    frame = pandas.DataFrame(
        {
            "age": [float(one.age) for one in users],
            "gender": [one.gender for one in users],
            "occupation": [one.occupation for one in users],
            "movie_id": ratings["movie_id"][rows],
            "genre": [one.genres[0] for one in films],
            "year": [float(one.year) if one.year else np.nan for one in films],
            "timestamp": ratings["timestamp"][rows].astype(float),
        }
    )
    return typed(frame), ratings["rating"][rows] >= 4


def typed(frame: pandas.DataFrame) -> pandas.DataFrame:
    """With categories as such, of whole numbers where they are."""
    known = {name: sorted(set(frame[name].dropna())) for name in CATEGORIES}
    return frame.assign(**{name: pandas.Categorical(frame[name].tolist(), words) for name, words in known.items()})


def rows(trained: pandas.DataFrame) -> pandas.DataFrame:
    """Invented: values of each column by themselves, some missing, and times beside those of training."""
    random = np.random.default_rng(2)
    found = {}
    for name in trained:
        known = trained[name].cat.categories if name in CATEGORIES else trained[name].dropna().unique()
        drawn = pandas.Series(random.choice(np.asarray(known, object), ASKED))
        found[name] = drawn.where(random.random(ASKED) > 0.1, None)
    frame = pandas.DataFrame(found)
    numbers = {name: frame[name].astype(float) for name in ("age", "year", "timestamp")}
    numbers["timestamp"] += random.integers(-2, 3, ASKED)
    return frame.assign(**numbers)


def xgboost_film(trained: pandas.DataFrame, liked: Any, folder: Path) -> tuple[bytes, Callable[[Any], Any]]:
    """The file, and the library's predictions of a frame."""
    import xgboost

    params = {"objective": "binary:logistic", "max_depth": 6, "nthread": 1, "seed": 1}
    booster = xgboost.train(params, xgboost.DMatrix(trained, liked, enable_categorical=True), 20)
    booster.save_model(folder / "ranker.ubj")
    content = (folder / "ranker.ubj").read_bytes()
    return content, lambda frame: booster.predict(xgboost.DMatrix(frame, enable_categorical=True))


def lightgbm_film(trained: pandas.DataFrame, liked: Any, folder: Path) -> tuple[bytes, Callable[[Any], Any]]:
    """The file, and the library's predictions of a frame."""
    import lightgbm

    params = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 1, "num_leaves": 31}
    text = lightgbm.train(params, lightgbm.Dataset(trained, liked), 20).model_to_string()
    return text.encode(), lightgbm.Booster(model_str=text).predict


def members() -> Mapping[str, bytes]:
    """What films.zip holds."""
    trained, liked = columns()
    asked = rows(trained)
    raw = [{name: None if value != value else value for name, value in row.items()} for row in asked.to_dict("records")]
    found = {"rows.json": json.dumps(raw).encode()}
    for name, make in (("ranker.ubj", xgboost_film), ("ranker.txt", lightgbm_film)):
        with tempfile.TemporaryDirectory() as folder:
            found[name], predict = make(trained, liked, Path(folder))
        found[f"{name}.json"] = json.dumps(predict(typed(asked)).astype(float).tolist()).encode()
    return found
