"""Invented people whom a service knows by their id: those whose vectors are computed before they ask.

Each likes two genres more than others. They are drawn by a seeded generator, like everybody in `invented`, and their
ids are none of the data set's: a vector that was computed from a real person's ratings would tell something of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ranklet.demo.invented import FUTURE, NOBODY, PAST, Request
from ranklet.demo.movielens import MovieLens

SEED = 20_160_915
FIRST, COUNT = 1_000_001, 200
"""Their ids: as many as COUNT from FIRST on. The data set's end at 943."""

PROFILE = ("age", "gender", "occupation", "history")
"""What a user's vector is computed from, beside the time."""

Regular = dict[str, Any]


def regulars(data: MovieLens, *, seed: int = SEED) -> list[Regular]:
    """Everybody in the order of their ids: the columns of a user, and the second in which their vector is computed."""
    rng = np.random.default_rng([seed, FIRST])
    occupations = sorted({user.occupation for user in data.users.values()})
    return [
        {
            "user_id": FIRST + number,
            "age": int(rng.integers(16, 74)),
            "gender": "FM"[rng.integers(0, 2)],
            "occupation": occupations[rng.integers(0, len(occupations))],
            "history": _history(data, rng),
            "timestamp": FUTURE,
        }
        for number in range(COUNT)
    ]


def requests(data: MovieLens, known: Sequence[Regular], *, seed: int = SEED) -> Iterator[Request]:
    """Golden requests of regulars: by their id alone, with what they were computed from, and with anything else."""
    rng = np.random.default_rng([seed, FIRST + 1])
    for regular in known[:6]:
        yield _request(data, rng, {"user_id": regular["user_id"]}, 10)
    for regular in known[6:9]:
        yield _request(data, rng, {name: regular[name] for name in ("user_id", *PROFILE)}, 8)
    other = {"age": 7, "gender": "F", "occupation": "none", "history": [1, 71, 588]}
    for regular in known[9:12]:
        yield _request(data, rng, {"user_id": regular["user_id"], **other}, 8)
    yield _request(data, rng, {"user_id": known[-1]["user_id"]}, 300)
    unknown = _request(data, rng, {"user_id": known[12]["user_id"]}, 6)
    unknown["items"]["movie_id"][:2] = [NOBODY, 0]
    yield unknown
    for user_id in (FIRST - 1, FIRST + COUNT, 0, -FIRST):  # nobody's, so computed from what is sent
        yield _request(data, rng, {**known[13], "user_id": user_id}, 5)


def _request(data: MovieLens, rng: np.random.Generator, user: Mapping[str, Any], size: int) -> Request:
    films = (rng.permutation(len(data.items))[:size] + 1).tolist()
    sent = {name: value for name, value in user.items() if name != "timestamp"}
    return {"user": sent, "context": {"timestamp": int(rng.integers(PAST, FUTURE))}, "items": {"movie_id": films}}


def _history(data: MovieLens, rng: np.random.Generator) -> list[int]:
    """5 to 45 films, four in five of two genres."""
    genres = sorted({genre for film in data.items.values() for genre in film.genres})
    liked = {genres[place] for place in rng.choice(len(genres), 2, replace=False)}
    every = rng.permutation(sorted(data.items)).tolist()
    taste = [film for film in every if liked & set(data.items[film].genres)]
    size = int(rng.integers(5, 46))
    mine = dict.fromkeys([*taste[: size * 4 // 5], *every])
    history = list(mine)[:size]
    return [history[place] for place in rng.permutation(size)]
