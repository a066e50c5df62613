"""Requests of invented people over the real catalogue: golden rows that carry nobody's ratings.

Profiles and histories are drawn by a seeded generator; only films, their genres and years are those of the data
set. Each request is native and complete; a trainer keeps the fields that its model declares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ranklet.demo.movielens import MovieLens
from ranklet_features.spec import Input

Request = dict[str, dict[str, Any]]

SIZES = (1, 1, 2, 3, 5, 8, 12, 20, 30, 50)
"""How many candidates the plain requests have, in turn."""

NOBODY = 10_000_000
"""A user and a film that the data set does not have."""

PAST, FUTURE = 874_724_710, 893_286_638
"""The first and the last second of the data set: 1997-09-20 and 1998-04-22."""


def requests(data: MovieLens, *, seed: int) -> list[Request]:
    """Plain requests first, then one for each odd case; the same for the same seed."""
    rng = np.random.default_rng(seed)
    plain = [_request(data, rng, size) for size in SIZES * 4]
    return [*plain, *_large(data, rng), *_odd(data, rng)]


def declared(request: Request, inputs: Mapping[str, Input]) -> Request:
    """The request with the fields only that a model reads."""
    sides = {"user": "user", "context": "context", "items": "item"}
    return {
        part: {name: value for name, value in request[part].items() if name in inputs and inputs[name].side == side}
        for part, side in sides.items()
    }


def _large(data: MovieLens, rng: np.random.Generator) -> Iterator[Request]:
    yield _request(data, rng, 300)
    yield _request(data, rng, 450, user=_user(data, rng, history=30))


def _odd(data: MovieLens, rng: np.random.Generator) -> Iterator[Request]:
    """What real traffic holds beside the usual: each a request whose score the trainer defines."""
    for user in _odd_users(data, rng):
        yield _request(data, rng, 8, user=user)
    for second in (0, -86_401, PAST - 1, 4_102_444_800, 889_401_599, 889_401_600):
        yield _request(data, rng, 4, context={"timestamp": second})
    unknown = _request(data, rng, 6)
    unknown["items"]["movie_id"] = [NOBODY, 0, -1, 2**62, *unknown["items"]["movie_id"][4:]]
    yield unknown
    bare = _request(data, rng, 5)
    bare["items"]["genres"] = [[], ["Drama", "Drama"], ["Telenovela"], [*bare["items"]["genres"][3], "Telenovela"], []]
    bare["items"]["year"] = [None, 0, 1895, 2061, 1998]
    yield bare
    twice = _request(data, rng, 4)
    yield {**twice, "items": {name: column + column for name, column in twice["items"].items()}}
    only_ids = _request(data, rng, 7)
    yield {**only_ids, "items": {"movie_id": only_ids["items"]["movie_id"]}}


def _odd_users(data: MovieLens, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    known = _user(data, rng, history=12)
    yield {}
    yield {"user_id": NOBODY, "age": 24, "gender": "F", "occupation": "student", "history": []}
    yield {"age": 31}
    yield {**known, "user_id": -5}
    yield {**known, "occupation": "astronaut"}
    yield {**known, "gender": "X"}
    yield {**known, "age": 0}
    yield {**known, "age": 130}
    yield {**known, "history": []}
    yield {**known, "history": [known["history"][0]]}
    yield _user(data, rng, history=30)
    yield _user(data, rng, history=31)
    yield _user(data, rng, history=400)
    yield {**known, "history": known["history"][:3] * 4}
    yield {**known, "history": [NOBODY, *known["history"], 0]}


def _request(
    data: MovieLens,
    rng: np.random.Generator,
    size: int,
    *,
    user: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
) -> Request:
    chosen = _films(data, rng, size)
    films = [data.items[film] for film in chosen]
    return {
        "user": dict(_user(data, rng, history=int(rng.integers(0, 40))) if user is None else user),
        "context": dict(context or {"timestamp": int(rng.integers(PAST, FUTURE))}),
        "items": {
            "movie_id": chosen,
            "genres": [list(film.genres) for film in films],
            "year": [film.year for film in films],
        },
    }


def _user(data: MovieLens, rng: np.random.Generator, *, history: int) -> dict[str, Any]:
    occupations = sorted({user.occupation for user in data.users.values()})
    return {
        "user_id": int(rng.integers(1, len(data.users) + 1)),
        "age": int(rng.integers(7, 74)),
        "gender": "FM"[rng.integers(0, 2)],
        "occupation": occupations[rng.integers(0, len(occupations))],
        "history": _films(data, rng, history),
    }


def _films(data: MovieLens, rng: np.random.Generator, size: int) -> list[int]:
    """Different films, none twice."""
    found: list[int] = (rng.permutation(len(data.items))[:size] + 1).tolist()
    return found
