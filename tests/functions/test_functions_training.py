"""What all trainers share: the measure against scikit-learn, the baseline by hand, files that read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ranklet import golden
from ranklet.demo import invented, training
from ranklet.demo.films import facts
from ranklet.demo.movielens import MovieLens


@pytest.mark.parametrize("decimals", [0, 1, 6], ids=["many-ties", "some-ties", "hardly-any"])
def test_auc_is_scikit_learns(decimals: int) -> None:
    rng = np.random.default_rng(1)
    labels = rng.random(2000) < 0.3
    scores = np.round(rng.normal(labels, 1), decimals)
    assert training.auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_auc_of_one_score_for_all_is_one_half() -> None:
    assert training.auc(np.array([1, 0, 0]), np.zeros(3)) == 0.5


def test_ratings_are_put_in_time_with_ties_by_user_and_film() -> None:
    ratings = {
        "user_id": np.array([2, 1, 1, 3]),
        "movie_id": np.array([7, 9, 8, 1]),
        "timestamp": np.array([5, 5, 5, 4]),
    }
    found = training.in_time(ratings)
    rows = list(zip(*(found[name].tolist() for name in ratings), strict=True))
    assert rows == [(3, 1, 4), (1, 8, 5), (1, 9, 5), (2, 7, 5)]


def test_the_split_is_in_time_and_whole(films: MovieLens) -> None:
    ratings = training.in_time(films.ratings)
    split = training.Split.of(len(ratings["rating"]))
    assert (split.valid, split.test, split.end) == (80_000, 90_000, 100_000)
    times = ratings["timestamp"]
    assert times[: split.valid].max() <= times[split.valid : split.test].min()
    assert times[: split.test].max() <= times[split.test :].min()


def test_popularity_knows_the_past_only() -> None:
    ratings = {"movie_id": np.array([1, 1, 1, 2, 3, 1]), "rating": np.array([5, 4, 3, 1, 5, 1])}
    mean = 2 / 4  # of the first four
    one, two = (2 + 5 * mean) / 8, (0 + 5 * mean) / 6
    assert training.popularity(ratings, past=4) == pytest.approx([one, one, one, two, mean, one])


def test_histories_hold_only_earlier_seconds(films: MovieLens) -> None:
    ratings = training.in_time(films.ratings)
    found = training.histories(ratings, length=30)
    assert len(found) == 100_000
    user, film, when, rating = (ratings[name] for name in ("user_id", "movie_id", "timestamp", "rating"))
    for place in np.random.default_rng(0).choice(100_000, 400, replace=False):
        mine = (user == user[place]) & (when < when[place]) & (rating >= training.LIKED)
        assert found[place] == film[mine][-30:].tolist()


def test_facts_are_the_catalogues(films: MovieLens) -> None:
    known = facts(films, training.in_time(films.ratings), past=80_000)
    names = sorted({genre for film in films.items.values() for genre in film.genres})
    assert {name: value.shape for name, value in vars(known).items()} == {
        "genres": (1683, 19),
        "periods": (1683, 14),
        "prior": (1683, 1),
    }
    assert {names[place]: float(share) for place, share in enumerate(known.genres[1]) if share} == dict.fromkeys(
        films.items[1].genres, pytest.approx(1 / 3)
    )
    assert [int(known.periods[number].argmax()) for number in (0, 1)] == [0, 10]  # no film; Toy Story, of 1995
    shares = training.liked_shares(training.in_time(films.ratings), past=80_000)
    np.testing.assert_allclose(1 / (1 + np.exp(-known.prior[:, 0])), shares, atol=1e-6)


def test_columns_repeat_what_comes_once() -> None:
    request = {"user": {"age": 3, "history": [1, 2]}, "context": {"timestamp": 9}, "items": {"movie_id": [4, 5]}}
    expected = {"age": [3, 3], "history": [[1, 2], [1, 2]], "timestamp": [9, 9], "movie_id": [4, 5]}
    assert training.columns(request) == expected


def test_golden_scores_read_back_to_the_same_bits(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).random(50)
    narrow = scores.astype(np.float32)
    request = {"user": {"name": "Zoë"}, "context": {}, "items": {"movie_id": list(range(50))}}
    training.write_golden(tmp_path / "golden.jsonl", [(request, scores), (request, narrow)])
    wide, read = golden.read(tmp_path / "golden.jsonl")
    assert np.array_equal(wide.scores, scores)
    assert np.array_equal(np.array(read.scores, np.float32), narrow)
    assert wide.user == {"name": "Zoë"}


def test_figures_replace_what_was_between_the_markers(tmp_path: Path) -> None:
    page = f"# a\n\n{training.BEGIN}\n| old | 1 |\n{training.END}\n\nafter\n"
    (tmp_path / "README.md").write_text(page, encoding="utf-8")
    for value in ("0.5", "0.6"):
        training.write_figures(tmp_path / "README.md", [("AUC, of a kind", value)], into=tmp_path / "README.md")
    assert training.read_figures(tmp_path / "README.md") == {"AUC, of a kind": "0.6"}
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# a\n")
    assert text.endswith("\n\nafter\n")


def test_invented_people_are_the_same_for_the_same_seed(films: MovieLens) -> None:
    assert invented.requests(films, seed=3) == invented.requests(films, seed=3)
    assert invented.requests(films, seed=3) != invented.requests(films, seed=4)


def test_invented_films_are_those_of_the_catalogue(films: MovieLens) -> None:
    items = invented.requests(films, seed=3)[7]["items"]
    assert len(items["movie_id"]) == len(set(items["movie_id"])) == 20
    for film, genres, year in zip(items["movie_id"], items["genres"], items["year"], strict=True):
        assert (tuple(genres), year) == (films.items[film].genres, films.items[film].year)
