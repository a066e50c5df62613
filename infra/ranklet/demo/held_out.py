"""The time-ordered test split of MovieLens-100K as a funnel is asked for it: the last 10 % of all ratings.

A request is made of what was known of a user before a second in which the user rated films: profile, the films liked
until then, and those rated, which are not recommended again. Its judged films are those of that second, as the
trainers' AUC has them; the relevant ones are all that the user went on to like from then on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from ranklet.demo.movielens import MovieLens
from ranklet.demo.training import LIKED, Split, histories, in_time
from ranklet.funnels.evaluating.held_out import Query

HISTORY = 50
SPLIT = "MovieLens-100K in time: learned from the first 90 %, asked about the last 10 %"


def queries(data: MovieLens, *, searched: int) -> list[Query]:
    """All requests of the test split, in time; of these, `searched` evenly spread ones have their relevant films."""
    pages = list(_pages(data))
    having = [at for at, (_, later, _) in enumerate(pages) if later]
    step = max(1, len(having) // searched)
    chosen = set(having[::step][:searched])
    return [
        Query(request, frozenset(later) if at in chosen else frozenset(), judged)
        for at, (request, later, judged) in enumerate(pages)
    ]


def known(queries: list[Query], inputs: Mapping[str, frozenset[str]]) -> list[Query]:
    """The queries with the fields that a funnel takes. inputs: by side."""
    return [
        Query(
            {**one.request, **{side: _only(one.request[side], names) for side, names in inputs.items()}},
            one.relevant,
            one.judged,
        )
        for one in queries
    ]


def _only(values: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}


def _pages(data: MovieLens) -> Iterator[tuple[dict[str, Any], list[int], dict[int, bool]]]:
    """For each user and second of the test split: the request, what the user likes from then on, what is judged."""
    ratings = in_time(data.ratings)
    split = Split.of(len(ratings["rating"]))
    past = histories(ratings, length=HISTORY)
    users, films, seconds = (ratings[name].tolist() for name in ("user_id", "movie_id", "timestamp"))
    liked = (ratings["rating"] >= LIKED).tolist()
    mine: dict[int, list[int]] = {}
    for row, user in enumerate(users):
        mine.setdefault(user, []).append(row)
    for (second, user), rows in groupby(range(split.test, split.end), key=lambda row: (seconds[row], users[row])):
        first, *more = rows
        before = [films[row] for row in mine[user] if seconds[row] < second]
        later = [films[row] for row in mine[user] if row >= split.test and seconds[row] >= second and liked[row]]
        person = data.users[user]
        profile = {"user_id": user, "age": person.age, "gender": person.gender, "occupation": person.occupation}
        request = {
            "user": {**profile, "history": past[first]},
            "context": {"timestamp": second},
            "seen": before,
        }
        yield request, later, {films[row]: liked[row] for row in (first, *more)}
