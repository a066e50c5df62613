"""The time-ordered test split as requests: nothing of the future is in them."""

import numpy as np
import pytest

from ranklet.demo import held_out, movielens, page
from ranklet.demo.movielens import MovieLens
from ranklet.demo.training import LIKED, Split, in_time
from ranklet.funnels.evaluating.held_out import Query


@pytest.fixture(scope="module")
def data() -> MovieLens:
    return movielens.load()


@pytest.fixture(scope="module")
def queries(data: MovieLens) -> list[Query]:
    return held_out.queries(data, searched=200)


def test_every_rating_of_the_last_tenth_is_judged_once(data: MovieLens, queries: list[Query]) -> None:
    ratings = in_time(data.ratings)
    split = Split.of(len(ratings["rating"]))
    assert sum(len(query.judged) for query in queries) == split.end - split.test == 10_000
    liked = sum(sum(query.judged.values()) for query in queries)
    assert liked == int((ratings["rating"][split.test :] >= LIKED).sum())


def test_nothing_of_the_future_is_in_a_request(data: MovieLens, queries: list[Query]) -> None:
    ratings = data.ratings
    for query in queries[::97]:
        user, now = query.request["user"]["user_id"], query.request["context"]["timestamp"]
        mine = ratings["user_id"] == user
        before = set(ratings["movie_id"][mine & (ratings["timestamp"] < now)].tolist())
        assert set(query.request["seen"]) == before
        assert set(query.request["user"]["history"]) <= before
        assert not set(query.judged) & before
        assert not query.relevant & before


def test_so_many_requests_as_asked_are_searched_for_and_spread_over_the_split(queries: list[Query]) -> None:
    places = [at for at, query in enumerate(queries) if query.relevant]
    assert len(places) == 200
    assert places[0] < len(queries) * 0.05
    assert places[-1] > len(queries) * 0.9


def test_requests_have_only_what_a_funnel_takes(queries: list[Query]) -> None:
    known = held_out.known(queries[:3], {"user": frozenset({"age"}), "context": frozenset()})
    assert {tuple(one.request["user"]) for one in known} == {("age",)}
    assert known[0].request["context"] == {}
    assert "seen" in known[0].request


def test_the_page_has_everybody_with_what_they_liked_oldest_first(data: MovieLens) -> None:
    people = page._people(data)
    assert len(people) == 1 + len(data.users)
    assert people[0]["seen"] == []
    one = people[196]
    assert one["label"] == "user 196: writer, 49"
    mine = data.ratings["user_id"] == 196
    order = np.argsort(data.ratings["timestamp"][mine], kind="stable")
    assert one["seen"] == data.ratings["movie_id"][mine][order].tolist()
    assert set(one["liked"]) == set(data.ratings["movie_id"][mine & (data.ratings["rating"] >= LIKED)].tolist())
