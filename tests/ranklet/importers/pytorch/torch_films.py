"""A small ranker that learned from real ratings, MovieLens-100K: wide and deep, with the history in an EmbeddingBag."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ranklet.demo import movielens, pytorch, training

LENGTH, USERS, FILMS = 8, 944, 1683


class Films(nn.Module):
    """Who, what was liked before, how old they are → the chance that the film is liked."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.films = pytorch.embedding(USERS, 4), pytorch.embedding(FILMS, 4)
        self.wide = pytorch.embedding(FILMS, 1)
        self.liked = nn.EmbeddingBag(FILMS, 4, mode="mean", padding_idx=0)
        self.net = nn.Sequential(nn.Linear(13, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))

    def logit(self, user_id: Tensor, liked: Tensor, age: Tensor, film_id: Tensor) -> Tensor:
        """[n]"""
        fields = [self.users(user_id), self.liked(liked), self.films(film_id), age.unsqueeze(1) / 50]
        return (self.net(torch.cat(fields, 1)) + self.wide(film_id)).squeeze(1)

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        return torch.sigmoid(self.logit(x["user_id"], x["liked"], x["age"], x["film_id"]))


def trained() -> tuple[nn.Module, dict[str, Tensor], float]:
    """The model, two of its rows, and its AUC on the last tenth of the ratings."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = movielens.load()
    ratings = training.in_time(data.ratings)
    labels = ratings["rating"] >= training.LIKED
    rows = training.Split.of(len(labels))
    columns = _columns(data, ratings)
    net = pytorch.learn(
        Films(),
        [column[: rows.test] for column in columns],
        torch.from_numpy(labels[: rows.test].astype(np.float32)),
        course=pytorch.Course(epochs=2),
        hide=lambda batch: batch,
        track=range(2),
    )
    with torch.no_grad():
        scores = net.logit(*(column[rows.test :] for column in columns)).numpy()
    names = ("user_id", "liked", "age", "film_id")
    batch = {name: column[:2].clone() for name, column in zip(names, columns, strict=True)}
    return net, batch, training.auc(labels[rows.test :], scores)


def _columns(data: Any, ratings: training.Ratings) -> list[Tensor]:
    liked = np.zeros((len(ratings["user_id"]), LENGTH), np.int64)
    for row, films in enumerate(training.histories(ratings, length=LENGTH)):
        liked[row, : len(films)] = films
    ages = np.array([data.users[user].age for user in ratings["user_id"].tolist()], np.float32)
    return [torch.from_numpy(one) for one in (ratings["user_id"], liked, ages, ratings["movie_id"])]
