"""MovieLens as the towers read it: what was known about a user before each rating, and the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ranklet.demo.films import PERIODS
from ranklet.demo.movielens import MovieLens
from ranklet.demo.training import Ratings, histories
from ranklet_features import Feature, FeaturePlan, FeatureSpec, Input

HISTORY = 30
"""As many films as model.toml keeps."""

USER_INPUTS = ("age_group", "sex", "job", "liked", "liked_mask", "hour", "weekday")
ITEM_INPUTS = ("film", "genre", "genre_mask", "period")
"""The towers' arguments, in order, by the names of the features' tensors."""


def catalogue_plan(data: MovieLens) -> FeaturePlan:
    """The films' features. They never travel in a request, so that model.toml does not know them."""
    genres = sorted({genre for film in data.items.values() for genre in film.genres})
    return FeaturePlan.compile(
        FeatureSpec(
            inputs={
                "movie_id": Input("item", "int"),
                "genres": Input("item", "string", list=True),
                "year": Input("item", "int", default=0),
            },
            features={
                "film": Feature("category", ("movie_id",), {"size": len(data.items) + 1}),
                "genre": Feature("bag", ("genres",), {"vocabulary": genres, "pad": len(genres), "mask": True}),
                "period": Feature("bucket", ("year",), {"boundaries": PERIODS}),
            },
        ),
        folder=None,  # type: ignore[arg-type]  # no feature reads a file
        stores={},
    )


def catalogue(data: MovieLens) -> dict[str, Any]:
    """One row a film, in the order of their ids from 1."""
    films = [data.items[film] for film in sorted(data.items)]
    return {
        "movie_id": sorted(data.items),
        "genres": [film.genres for film in films],
        "year": [film.year for film in films],
    }


def frame(data: MovieLens, ratings: Ratings) -> dict[str, Any]:
    """One row a rating, in time: the columns that model.toml declares."""
    users = [data.users[user] for user in ratings["user_id"].tolist()]
    return {
        "age": [user.age for user in users],
        "gender": [user.gender for user in users],
        "occupation": [user.occupation for user in users],
        "history": histories(ratings, length=HISTORY),
        "timestamp": ratings["timestamp"],
        "movie_id": ratings["movie_id"],
    }


def tensors(plan: FeaturePlan, columns: Mapping[str, Any], names: tuple[str, ...]) -> list[Tensor]:
    """A frame's tensors for torch, in the order of `names`; assembled by the code that serves."""
    made = plan.assemble_columns(columns).tensors
    return [torch.from_numpy(np.array(made[name])) for name in names]
