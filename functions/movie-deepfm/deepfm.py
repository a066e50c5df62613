"""DeepFM (Guo et al. 2017, https://arxiv.org/abs/1703.04247): a factorisation machine and a deep net, one embedding.

score = sigmoid(prior of the film + a weight per field + every pair of fields' product + net(all fields)). What is
known of a film (genres, period, prior) is looked up by its id inside the graph, so that the id is all it takes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ranklet.demo.films import Facts
from ranklet.demo.pytorch import embedding

IDS = {"user": 944, "age_group": 10, "sex": 3, "job": 22, "hour": 24, "weekday": 7, "film": 1683}
"""The inputs, in order, by the names of the features in model.toml, with how many ids each has."""

GENRES, PERIODS = 19, 14


class DeepFM(nn.Module):
    """Nine fields: the seven ids, the mean of the film's genres, its period."""

    genres: Tensor
    periods: Tensor
    prior: Tensor

    def __init__(self, facts: Facts, *, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        rows = {**IDS, "genre": GENRES, "period": PERIODS}
        self.vectors = nn.ModuleDict({name: embedding(count, dim) for name, count in rows.items()})
        self.weights = nn.ModuleDict({name: embedding(count, 1) for name, count in rows.items()})
        self.net = nn.Sequential(
            nn.Linear(len(rows) * dim, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden // 2),
            nn.ReLU(),
            nn.Linear(hidden // 2, 1),
        )
        for name in ("genres", "periods", "prior"):
            self.register_buffer(name, torch.from_numpy(getattr(facts, name)))

    def logit(self, *ids: Tensor) -> Tensor:
        """ids: [n] each, in the order of IDS → [n]."""
        x = torch.stack(self._fields(self.vectors, ids), dim=1)
        first = [functional.embedding(ids[-1], self.prior), *self._fields(self.weights, ids)]
        pairs = 0.5 * (x.sum(dim=1) ** 2 - (x**2).sum(dim=1)).sum(dim=1)
        return torch.cat(first, dim=1).sum(dim=1) + pairs + self.net(x.flatten(1)).squeeze(1)

    def forward(
        self, user: Tensor, age_group: Tensor, sex: Tensor, job: Tensor, hour: Tensor, weekday: Tensor, film: Tensor
    ) -> Tensor:
        """Ids [n] each → scores [n], between 0 and 1."""
        return torch.sigmoid(self.logit(user, age_group, sex, job, hour, weekday, film))

    def _fields(self, tables: nn.ModuleDict, ids: tuple[Tensor, ...]) -> list[Tensor]:
        """A row of every field, [n, width] each. What is known of films becomes a table of all of them first."""
        found = [tables[name](column) for name, column in zip(IDS, ids, strict=True)]
        known = [self.genres @ tables["genre"].weight, self.periods @ tables["period"].weight]
        return [*found, *(functional.embedding(ids[-1], table) for table in known)]
