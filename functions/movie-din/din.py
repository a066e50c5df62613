"""Deep interest network (Zhou et al. 2018, https://arxiv.org/abs/1706.06978): the candidate chooses what of the
user's history counts.

score = sigmoid(prior of the film + its bias + <candidate, interest> + net(profile, time, candidate, interest)). The
product is not in the paper; from ratings as few as these a net alone does not find it. Each film of the history gets a
weight from a small net that sees it beside the candidate; the weighted sum is the user's interest in this candidate. As
in the paper the weights are not normalised by a softmax, so that five films that agree say more than one, and an empty
history says nothing at all. What is known of a film (genres, period, prior) is looked up by its id inside the graph, so
that the id is all it takes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ranklet.demo.films import Facts
from ranklet.demo.pytorch import embedding

INPUTS = ("age_group", "sex", "job", "liked", "liked_mask", "hour", "weekday", "film")
"""The network's arguments, in order, by the names of the features' tensors."""

HISTORY = 50
"""As many films as model.toml keeps."""

AGE_GROUPS, SEXES, JOBS = 10, 3, 22
"""Ids of the features in model.toml; of sexes and jobs the last, of age groups the first, is "unknown"."""

FILMS, GENRES, PERIODS = 1683, 19, 14


class Din(nn.Module):
    """Profile, history, time and one candidate a row → the chance that it is liked."""

    genres: Tensor
    periods: Tensor
    prior: Tensor

    def __init__(self, facts: Facts, *, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.age, self.sex, self.job = embedding(AGE_GROUPS, 8), embedding(SEXES, 4), embedding(JOBS, 8)
        self.films, self.by_genre, self.by_period = (embedding(rows, dim) for rows in (FILMS, GENRES, PERIODS))
        self.bias = embedding(FILMS, 1)
        self.attention = nn.Sequential(nn.Linear(4 * dim, hidden // 2), nn.ReLU(), nn.Linear(hidden // 2, 1))
        self.net = nn.Sequential(
            nn.Linear(8 + 4 + 8 + 2 + 2 + 3 * dim, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden // 2),
            nn.ReLU(),
            nn.Linear(hidden // 2, 1),
        )
        for name in ("genres", "periods", "prior"):
            self.register_buffer(name, torch.from_numpy(getattr(facts, name)))

    def vectors(self) -> Tensor:
        """Of all films, [FILMS, dim]: the film's own, its genres' mean, its period's."""
        return self.films.weight + self.genres @ self.by_genre.weight + self.periods @ self.by_period.weight

    def interest(self, liked: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
        """liked [n, L, dim] with mask [n, L], candidate [n, dim] → [n, dim]."""
        wide = candidate.unsqueeze(1).expand(-1, liked.shape[1], -1)
        seen = torch.cat([wide, liked, wide - liked, wide * liked], dim=2)
        weights = self.attention(seen).squeeze(2) * mask
        return torch.bmm(weights.unsqueeze(1), liked).squeeze(1) / mask.sum(dim=1, keepdim=True).clamp(min=1.0).sqrt()

    def logit(self, *inputs: Tensor) -> Tensor:
        """inputs: in the order of INPUTS → [n]."""
        age_group, sex, job, liked, liked_mask, hour, weekday, film = inputs
        vectors = self.vectors()
        candidate = functional.embedding(film, vectors)
        interest = self.interest(functional.embedding(liked, vectors), liked_mask, candidate)
        profile = [self.age(age_group), self.sex(sex), self.job(job), hour, weekday]
        deep = self.net(torch.cat([*profile, candidate, interest, candidate * interest], dim=1))
        close = (candidate * interest).sum(dim=1, keepdim=True)
        return (functional.embedding(film, self.prior) + self.bias(film) + close + deep).squeeze(1)

    def forward(
        self,
        age_group: Tensor,
        sex: Tensor,
        job: Tensor,
        liked: Tensor,
        liked_mask: Tensor,
        hour: Tensor,
        weekday: Tensor,
        film: Tensor,
    ) -> Tensor:
        """age_group, sex, job, film: ids [n]. liked: film ids [n, L] with liked_mask [n, L]. hour, weekday: [n, 2].

        Returns scores [n], between 0 and 1.
        """
        return torch.sigmoid(self.logit(age_group, sex, job, liked, liked_mask, hour, weekday, film))
