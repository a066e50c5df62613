"""Rankers of MovieLens-100K by scikit-learn: people's job and gender, films, their genres and year; was it liked?

The ratings are fetched, never stored; what is stored is the trained models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, SplineTransformer, StandardScaler, TargetEncoder

from ranklet.demo import movielens

TRAINED, HELD_OUT, LIKED = 20_000, 4_000, 4
PEOPLE, NUMBERS = ["gender", "occupation"], ["age", "year"]


def table(count: int) -> tuple[pd.DataFrame, list[int]]:
    """Raw rows, genres in one text as a CSV file has them, and 1 where the film was liked."""
    data = movielens.load()
    chosen = np.random.default_rng(1).permutation(len(data.ratings["rating"]))[:count]
    people = [data.users[user] for user in data.ratings["user_id"][chosen].tolist()]
    films = [data.items[film] for film in data.ratings["movie_id"][chosen].tolist()]
    columns = {
        "gender": pd.Series([one.gender for one in people], dtype=object),
        "occupation": pd.Series([one.occupation for one in people], dtype=object),
        "age": [float(one.age) for one in people],
        "movie_id": data.ratings["movie_id"][chosen].astype(np.int64),
        "genres": pd.Series(["|".join(one.genres) for one in films], dtype=object),
        "year": np.array([one.year or np.nan for one in films], np.float64),
    }
    return pd.DataFrame(columns), (data.ratings["rating"][chosen] >= LIKED).astype(int).tolist()


def linear() -> Any:
    """One-hot people and films, bags of genres, splines of numbers."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), SplineTransformer(n_knots=4))
    columns = ColumnTransformer(
        [
            ("people", OneHotEncoder(handle_unknown="ignore"), PEOPLE),
            ("films", OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20), ["movie_id"]),
            ("genres", CountVectorizer(token_pattern=r"[^|]+", lowercase=False), "genres"),
            ("numbers", make_pipeline(numbers, StandardScaler()), NUMBERS),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=300))


def boosted() -> Any:
    """Trees over people as categories, and how much a film is liked."""
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=float("nan"))
    columns = ColumnTransformer(
        [
            ("people", ordinal, PEOPLE),
            ("films", TargetEncoder(cv=StratifiedKFold(3)), ["movie_id"]),
            ("numbers", "passthrough", NUMBERS),
        ]
    )
    return make_pipeline(
        columns, HistGradientBoostingClassifier(max_iter=25, max_leaf_nodes=15, categorical_features=[0, 1])
    )


FILMS: Mapping[str, Callable[[], Any]] = {"films_linear": linear, "films_boosted": boosted}


def train(name: str) -> Any:
    """The fitted pipeline."""
    frame, liked = table(TRAINED + HELD_OUT)
    return FILMS[name]().fit(frame[:TRAINED], liked[:TRAINED])
