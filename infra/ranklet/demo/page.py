"""What the page of `ranklet serve` shows: the functions, and of the demo's funnel people, titles and what to filter by.

Ratings are those of the user's own cache: they go from this machine to a browser on it, and are in no bundle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from ranklet.demo.movielens import MovieLens
from ranklet.demo.people import LIKED, NEW_USER
from ranklet.project import Project
from ranklet_runtime.funnel.function import OPENAPI

FUNNEL = "movie-funnel"
GENRES = ("genre", "genres")
"""What an attribute of genres may be called."""


def functions(names: Sequence[str], funnels: Sequence[str]) -> list[dict[str, str]]:
    """The functions that the page's own host serves."""
    kinds = {name: "funnel" if name in funnels else "model" for name in names}
    return [{"name": name, "kind": kind, "url": f"/{name}"} for name, kind in kinds.items()]


def told(here: Project, data: MovieLens) -> dict[str, Any]:
    """people, items, and the funnel with the inputs that it takes; `functions` is added by who serves."""
    document = orjson.loads((here.bundle(FUNNEL) / OPENAPI).read_bytes())
    return {
        "now": int(data.ratings["timestamp"].max()),
        "funnel": _funnel(document, data),
        "items": {
            str(number): {"title": film.title, "year": film.year, "genres": film.genres}
            for number, film in data.items.items()
        },
        "people": _people(data),
    }


def _funnel(document: Mapping[str, Any], data: MovieLens) -> dict[str, Any]:
    path = f"/v1/funnels/{FUNNEL}:recommend"
    schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    where = schema["filter"]["properties"]["where"]["properties"]
    genres = sorted({genre for film in data.items.values() for genre in film.genres})
    return {
        "name": FUNNEL,
        "url": f"/{FUNNEL}",
        "description": document["info"]["description"],
        "inputs": {side: list(schema[side]["properties"]) for side in ("user", "context")},
        "attributes": {name: genres for name in where if name in GENRES},
    }


def _people(data: MovieLens) -> list[dict[str, Any]]:
    """Somebody new first, then everybody of the data set: what they liked, oldest first, and all that they rated."""
    new = {"user_id": NEW_USER, "age": 24, "gender": "F", "occupation": "student"}
    ratings = data.ratings
    order = np.lexsort((ratings["timestamp"], ratings["user_id"]))
    users, films, liked = ratings["user_id"][order], ratings["movie_id"][order], ratings["rating"][order] >= LIKED
    found = [{"label": "somebody new: student, 24", "user": new, "liked": [], "seen": []}]
    for number, user in data.users.items():
        mine = slice(*np.searchsorted(users, (number, number + 1)))
        profile = {"user_id": number, "age": user.age, "gender": user.gender, "occupation": user.occupation}
        found.append(
            {
                "label": f"user {number}: {user.occupation}, {user.age}",
                "user": profile,
                "liked": films[mine][liked[mine]].tolist(),
                "seen": films[mine].tolist(),
            }
        )
    return found
