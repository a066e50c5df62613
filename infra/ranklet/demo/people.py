"""Requests for three people over the whole catalogue: one who rated films, a regular, and one never seen before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ranklet.demo import regulars
from ranklet.demo.movielens import MovieLens
from ranklet_features.spec import Input

NEW_USER = 10_000_000
"""An id that no user of the data set has."""

LIKED = 4.0
"""Ratings from here on count as liked, as the models were trained."""


@dataclass(frozen=True)
class Person:
    """user: raw features. unseen: films that this person has not rated. now: seconds since 1970."""

    label: str
    user: Mapping[str, Any]
    unseen: tuple[int, ...]
    now: int


def people(data: MovieLens, *, known: int = 196, regular: int = 1_000_123) -> list[Person]:
    """At the end of the data set's time: one of its users, an invented regular, and a new one without any history.

    Of regulars a model may have stored the vector; the data set's users are in no table.
    """
    now = int(data.ratings["timestamp"].max())
    profile = {"user_id": NEW_USER, "age": 24, "gender": "F", "occupation": "student", "history": []}
    return [
        _known(data, known, now),
        _regular(data, regular, now),
        Person("a new student, 24", profile, tuple(sorted(data.items)), now),
    ]


def _regular(data: MovieLens, user_id: int, now: int) -> Person:
    found = regulars.regulars(data)[user_id - regulars.FIRST]
    profile = {name: found[name] for name in ("user_id", *regulars.PROFILE)}
    unseen = tuple(sorted(set(data.items) - set(found["history"])))
    return Person(f"regular {user_id}: {found['occupation']}, {found['age']}", profile, unseen, now)


def _known(data: MovieLens, user_id: int, now: int) -> Person:
    user = data.users[user_id]
    mine = np.flatnonzero(data.ratings["user_id"] == user_id)
    mine = mine[np.argsort(data.ratings["timestamp"][mine], kind="stable")]
    films = data.ratings["movie_id"][mine]
    liked = films[data.ratings["rating"][mine] >= LIKED]
    profile = {
        "user_id": user_id,
        "age": user.age,
        "gender": user.gender,
        "occupation": user.occupation,
        "history": liked.tolist(),
    }
    unseen = tuple(sorted(set(data.items) - set(films.tolist())))
    return Person(f"user {user_id}: {user.occupation}, {user.age}", profile, unseen, now)


def request(person: Person, data: MovieLens, inputs: Mapping[str, Input], *, top_k: int) -> dict[str, Any]:
    """A native request for all films that the person has not rated, with the fields that a model declares."""
    films = [data.items[film] for film in person.unseen]
    columns = {
        "movie_id": list(person.unseen),
        "genres": [list(film.genres) for film in films],
        "year": [film.year for film in films],
    }
    sides: dict[str, Mapping[str, Any]] = {"user": person.user, "context": {"timestamp": person.now}, "item": columns}
    parts = {
        side: {name: values[name] for name, declared in inputs.items() if declared.side == side}
        for side, values in sides.items()
    }
    return {"user": parts["user"], "context": parts["context"], "items": parts["item"], "top_k": top_k}
