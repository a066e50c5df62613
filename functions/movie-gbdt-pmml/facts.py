"""What is known of a film before anybody asks: columns of numbers, a row a film, in the table that serving reads.

Year and genres are the catalogue's. The others count past ratings: how many there are, which share of them are likes,
and how much more or less that share is among women, men and three ages. A rating that a model learns from must not be
among those counts, or the model would learn to read its own answer: in training they come out of fold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.demo.movielens import MovieLens
from ranklet.demo.training import LIKED, Ratings

FOLDS = 10
PRIOR = 20.0
"""So many ratings of the average share each film, and each group of people within a film, begins with."""

AGES = {"under_25": (0, 25), "from_25": (25, 40), "from_40": (40, 200)}


class Facts:
    """names: of the columns. Films are counted from 1 without a gap."""

    def __init__(self, data: MovieLens, ratings: Ratings) -> None:
        self.films, self.stars = ratings["movie_id"] - 1, ratings["rating"]
        self.liked = self.stars >= LIKED
        genres = sorted({genre for film in data.items.values() for genre in film.genres})
        years = np.array([film.year or 0 for film in data.items.values()], float)
        years[years == 0] = years[years > 0].mean()
        flags = [[genre in film.genres for film in data.items.values()] for genre in genres]
        self.catalogue = np.column_stack([years, *flags])
        self.groups = _groups(data, ratings)
        told = [f"liked_by_{group}" for group in self.groups]
        self.names = ["liked_share", "mean_rating", "ratings", *told, "year", *(f"genre_{genre}" for genre in genres)]

    def table(self, rows: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Facts of all films, [films, columns], as the chosen ratings tell them. rows: [ratings]."""
        share, stars = (self._mean(of, rows, of[rows].mean()) for of in (self.liked, self.stars))
        lifts = [self._mean(self.liked, rows & group, share) - share for group in self.groups.values()]
        count = np.bincount(self.films[rows], minlength=len(share))
        found = np.column_stack([share, stars, np.log1p(count), *lifts, self.catalogue])
        return found.astype(np.float32)

    def out_of_fold(self, *, past: int, seed: int) -> NDArray[np.float32]:
        """Of the first `past` ratings each film's facts as the other folds tell them, [past, columns]."""
        fold = np.random.default_rng(seed).integers(0, FOLDS, past)
        before = np.arange(len(self.films)) < past
        found = np.empty((past, len(self.names)), np.float32)
        for number in range(FOLDS):
            mine = np.flatnonzero(fold == number)
            others = before.copy()
            others[mine] = False
            found[mine] = self.table(others)[self.films[mine]]
        return found

    def _mean(self, of: NDArray[Any], rows: NDArray[np.bool_], begin: Any) -> NDArray[np.float64]:
        """Each film's mean of a column of ratings, over the chosen rows. begin: what it is without any."""
        size = len(self.catalogue)
        sums, count = np.bincount(self.films[rows], of[rows], size), np.bincount(self.films[rows], minlength=size)
        found: NDArray[np.float64] = (sums + PRIOR * begin) / (count + PRIOR)
        return found


def average(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """The row of a film that nobody knows: what a table with `missing = "mean"` holds for it."""
    mean: NDArray[np.float32] = table.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def _groups(data: MovieLens, ratings: Ratings) -> dict[str, NDArray[np.bool_]]:
    """Which ratings are theirs."""
    people = [data.users[user] for user in ratings["user_id"].tolist()]
    women, ages = np.array([one.gender == "F" for one in people]), np.array([one.age for one in people])
    bands = {name: (ages >= low) & (ages < high) for name, (low, high) in AGES.items()}
    return {"women": women, "men": ~women, **bands}
