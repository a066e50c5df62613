"""What is known of a film beside its ratings, by film id: constants of the graphs that the end-to-end models export.

A caller then sends ids and nothing else, and no candidate can contradict the catalogue. Id 0 is "no film".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranklet.demo.movielens import MovieLens
from ranklet.demo.training import Ratings, liked_shares

PERIODS = (1, 1940, 1950, 1960, 1970, 1980, 1985, 1990, 1993, 1995, 1996, 1997, 1998)
"""Where the periods of release begin; before the first lies "no year"."""


@dataclass(frozen=True)
class Facts:
    """By film id, [films + 1, …] each.

    genres: float32 [films + 1, 19], 1 / count in the columns of a film's genres. periods: float32 [films + 1, 14], 1 in
    the column of the period of release. prior: float32 [films + 1, 1], log-odds of a like as the film's ratings so far
    alone tell them; the mean for a film without any.
    """

    genres: NDArray[np.float32]
    periods: NDArray[np.float32]
    prior: NDArray[np.float32]


def facts(data: MovieLens, ratings: Ratings, *, past: int) -> Facts:
    """Facts of all films; `prior` of the first `past` ratings."""
    names = sorted({genre for film in data.items.values() for genre in film.genres})
    genres = np.zeros((len(data.items) + 1, len(names)), np.float32)
    years = np.zeros(len(genres), np.int64)
    for number, film in data.items.items():
        genres[number, [names.index(genre) for genre in film.genres]] = 1 / len(film.genres)
        years[number] = film.year or 0
    periods = np.eye(len(PERIODS) + 1, dtype=np.float32)[np.searchsorted(PERIODS, years, side="right")]
    shares = liked_shares(ratings, past=past)
    return Facts(genres, periods, np.log(shares / (1 - shares)).astype(np.float32)[:, np.newaxis])
