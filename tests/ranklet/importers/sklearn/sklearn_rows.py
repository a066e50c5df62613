"""Made-up rows to train on: people with a city that may be missing, films with a price and tags, and numbers alone for
estimators outside a pipeline."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

ROWS = 240
NUMBERS, TEXTS = ["age", "price", "clicks"], ["gender", "city", "job"]


@dataclass(frozen=True)
class Sample:
    """make: an unfitted model. on: of `ON`. target: of `targets`. options: of the import."""

    make: Callable[[], Any]
    on: str = "numbers"
    target: str = "two"
    options: Mapping[str, str] = field(default_factory=dict)

    def train(self) -> Any:
        """The fitted model."""
        rows = ON[self.on]()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of few iterations, and of what the next version will do
            return self.make().fit(rows, targets(rows)[self.target])


def numbers() -> Any:
    """[rows, 5] of usual sizes, one of them a count."""
    random = np.random.default_rng(3)
    found = random.normal(0, 1, (ROWS, 5)) * [1, 3, 0.2, 10, 1] + [0, 1, 5, -20, 0]
    found[:, 4] = random.integers(0, 6, ROWS)
    return found


def holes() -> Any:
    """The same, some missing."""
    found = numbers()
    found[np.random.default_rng(4).random(found.shape) < 0.1] = np.nan
    return found


def counts() -> Any:
    """[rows, 6] whole numbers from 0."""
    return np.random.default_rng(5).poisson(1.5, (ROWS, 6)).astype(float)


def frame() -> Any:
    """Columns of text and numbers, as pandas reads them."""
    random = np.random.default_rng(6)
    cities = np.array(["Oslo", "Bern", "Łódź", "Rome", "Linz"], object)
    city = cities[np.minimum(random.geometric(0.4, ROWS) - 1, 4)]
    city[random.random(ROWS) < 0.1] = np.nan
    age = np.round(random.normal(40, 12, ROWS), 1)
    age[random.random(ROWS) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "gender": pd.Series(np.array(["f", "m"], object)[random.integers(0, 2, ROWS)], dtype=object),
            "city": pd.Series(city, dtype=object),
            "job": pd.Series([f"job {at}" for at in np.minimum(random.geometric(0.15, ROWS), 30)], dtype=object),
            "age": age,
            "price": np.round(random.gamma(2, 10, ROWS), 2),
            "clicks": random.poisson(2, ROWS),
            "hour": random.integers(0, 24, ROWS),
        }
    )


def whole() -> Any:
    """The frame without missing values."""
    found = frame()
    return found.assign(city=found["city"].fillna("nowhere"), age=found["age"].fillna(30.0))


def tagged() -> Any:
    """The frame with several tags a row."""
    random = np.random.default_rng(8)
    tags = np.array(["Drama", "Sci-Fi", "Film Noir", "Action", "Żółć"], object)
    return whole().assign(tags=["|".join(random.choice(tags, random.integers(1, 4))) for _ in range(ROWS)])


def words() -> Any:
    """One text a row, of one word or a few."""
    return whole()["job"] + np.where(numbers()[:, 0] > 0.5, " job 3 Ünique", "")


ON: Mapping[str, Callable[[], Any]] = {
    "numbers": numbers,
    "holes": holes,
    "counts": counts,
    "frame": frame,
    "whole": whole,
    "words": words,
    "remaining": lambda: whole()[["gender", "price", "clicks"]],
    "tags": lambda: [tags.split("|") for tags in tagged()["tags"]],
    "dicts": lambda: whole()[["gender", "city", "age", "price"]].to_dict("records"),
    "tagged": tagged,
}


def targets(rows: Any) -> dict[str, Any]:
    """Something to learn of any rows."""
    random = np.random.default_rng(7)
    rows = whole() if isinstance(rows, list) else rows
    if isinstance(rows, pd.Series):
        strength = rows.str.len().to_numpy() % 5 - 2 + random.normal(0, 1, len(rows))
    elif isinstance(rows, pd.DataFrame):
        strength = (
            rows["price"].to_numpy() / 10 - 2 + (rows["gender"] == "m") + (rows.get("city", rows["gender"]) == "Oslo")
        )
        strength = np.asarray(strength + random.normal(0, 0.5, len(rows)))
    else:
        filled = np.nan_to_num(rows)
        scaled = (filled - filled.mean(axis=0)) / filled.std(axis=0)
        strength = scaled[:, 0] + np.sin(scaled[:, 1]) + scaled[:, -1] / 2 + random.normal(0, 0.3, len(rows))
    return {
        "two": (strength > np.median(strength)).astype(int),
        "named": np.where(strength > np.median(strength), "yes", "no"),
        "three": np.digitize(strength, np.quantile(strength, [0.4, 0.7])),
        "value": strength,
        "count": np.floor(np.exp(np.clip(strength, -2, 3) / 2)),
        "positive": np.exp(np.clip(strength, -2, 3) / 2),
    }
