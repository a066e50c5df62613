"""The two towers. Only their vectors meet: score = sigmoid(<user, film> / temperature + the film's bias).

The user's tower is exported and runs once a request; the films' runs here, once for the whole catalogue.
Vectors have length 1, so that the temperature alone says how far a taste moves a score.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

AGE_GROUPS, SEXES, JOBS = 10, 3, 22
"""Ids of the features in model.toml; of sexes and jobs the last, of age groups the first, is "unknown"."""

FILMS, GENRES, PERIODS = 1683, 20, 14


class UserTower(nn.Module):
    """Profile, history and time → [n, dim], each row of length 1.

    The films of the history are summed and divided by the root of their number: many agreeing films say more than
    one, and an empty history says nothing, which leaves profile and time.
    """

    def __init__(self, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.age, self.sex, self.job = _embedding(AGE_GROUPS, 8), _embedding(SEXES, 4), _embedding(JOBS, 8)
        self.liked = _embedding(FILMS, dim, padding_idx=0)
        self.net = nn.Sequential(
            nn.Linear(8 + 4 + 8 + dim + 2 + 2, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, dim)
        )

    def forward(
        self,
        age_group: Tensor,
        sex: Tensor,
        job: Tensor,
        liked: Tensor,
        liked_mask: Tensor,
        hour: Tensor,
        weekday: Tensor,
    ) -> Tensor:
        """age_group, sex, job: ids [n]. liked: film ids [n, L] with liked_mask [n, L]. hour, weekday: [n, 2]."""
        films = (self.liked(liked) * liked_mask.unsqueeze(-1)).sum(dim=1)
        history = films / liked_mask.sum(dim=1, keepdim=True).clamp(min=1.0).sqrt()
        profile = torch.cat([self.age(age_group), self.sex(sex), self.job(job)], dim=1)
        return functional.normalize(self.net(torch.cat([profile, history, hour, weekday], dim=1)) + history, dim=1)


class ItemTower(nn.Module):
    """A film's id, genres and period → [n, dim + 1]: a vector of length 1, and the bias as the last number.

    What few have rated is known by its genres and its period; the id adds what ratings have shown. The bias
    starts at `prior`, [FILMS]: the log-odds of a like as the film's ratings alone tell them.
    """

    prior: Tensor

    def __init__(self, dim: int, prior: Tensor) -> None:
        super().__init__()
        self.film, self.film_bias = _embedding(FILMS, dim), _embedding(FILMS, 1)
        self.genre, self.genre_bias = _embedding(GENRES, dim), _embedding(GENRES, 1)
        self.period, self.period_bias = _embedding(PERIODS, dim), _embedding(PERIODS, 1)
        self.register_buffer("prior", prior)

    def forward(self, film: Tensor, genre: Tensor, genre_mask: Tensor, period: Tensor) -> Tensor:
        """film, period: ids [n]. genre: ids [n, L] with genre_mask [n, L]."""
        share = (genre_mask / genre_mask.sum(dim=1, keepdim=True).clamp(min=1.0)).unsqueeze(-1)
        vector = self.film(film) + (self.genre(genre) * share).sum(dim=1) + self.period(period)
        bias = self.film_bias(film) + (self.genre_bias(genre) * share).sum(dim=1) + self.period_bias(period)
        return torch.cat([functional.normalize(vector, dim=1), bias + self.prior[film].unsqueeze(-1)], dim=1)


class Towers(nn.Module):
    """Both towers, as they are trained together."""

    def __init__(self, user: UserTower, item: ItemTower) -> None:
        super().__init__()
        self.user, self.item = user, item


def logits(user: Tensor, items: Tensor, temperature: float) -> Tensor:
    """user [n, dim], items [films, dim + 1] → [n, films]."""
    return user @ items[:, :-1].T / temperature + items[:, -1]


def _embedding(rows: int, dim: int, padding_idx: int | None = None) -> nn.Embedding:
    """Small at first: what few examples touch stays near nothing."""
    made = nn.Embedding(rows, dim, padding_idx=padding_idx)
    with torch.no_grad():
        made.weight.normal_(0, 0.05 if dim > 1 else 0.0)
        if padding_idx is not None:
            made.weight[padding_idx] = 0.0
    return made
