"""How the towers learn: two losses, features that are hidden at random, and an average over the way.

A like is told by binary cross-entropy over what was watched. That alone ranks films well among those that somebody
chose to watch, but knows nothing of the rest of the catalogue; so a second, small loss asks which film of all it was,
for those that were liked. How often a film is watched at all is an offset there, of which the score keeps a part:
obscure films shall not fill a first page, nor the ten best known every page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from towers import JOBS, SEXES, ItemTower, Towers, UserTower, logits


@dataclass(frozen=True)
class Settings:
    """dim: of the vectors. hidden: width of the user's net. rate, decay: of AdamW.

    which: weight of the loss that asks which film it was. known: the power of a film's count in that loss's offset.
    forget: how often a profile field is hidden, and the whole history. skip: how often a film of the history is.
    average: of the weights, exponential, per step.
    """

    dim: int = 32
    hidden: int = 64
    dropout: float = 0.5
    epochs: int = 5
    batch: int = 2048
    rate: float = 1e-2
    decay: float = 3.0
    which: float = 0.1
    known: float = 0.75
    forget: float = 0.1
    skip: float = 0.3
    average: float = 0.98


class Lessons(NamedTuple):
    """users: the user tower's inputs, [n, …] each. films: the item tower's, one row a film of the catalogue.

    watched: the row of the rated film, [n]. liked: 0 or 1, [n]. prior: log-odds of a like by film id, [films + 1].
    """

    users: Sequence[Tensor]
    films: Sequence[Tensor]
    watched: Tensor
    liked: Tensor
    prior: Tensor
    temperature: float


def learn(lessons: Lessons, settings: Settings, *, seed: int, track: Iterable[int]) -> Towers:
    """Towers that have learned from all lessons, ready to use. track: counts the passes, for a progress bar."""
    torch.manual_seed(seed)
    user = UserTower(settings.dim, settings.hidden, settings.dropout)
    towers = Towers(user, ItemTower(settings.dim, lessons.prior))
    optimizer = torch.optim.AdamW(towers.parameters(), lr=settings.rate, weight_decay=settings.decay)
    average = AveragedModel(towers, multi_avg_fn=get_ema_multi_avg_fn(settings.average))
    counts = torch.bincount(lessons.watched, minlength=len(lessons.films[0]))
    offset = settings.known * torch.log1p(counts.float())
    for _ in track:
        for batch in torch.randperm(len(lessons.liked)).split(settings.batch):
            optimizer.zero_grad()
            _loss(towers, lessons, settings, batch, offset).backward()
            optimizer.step()
            average.update_parameters(towers)
    learned = average.module.eval()
    assert isinstance(learned, Towers)
    return learned


def _loss(towers: Towers, lessons: Lessons, settings: Settings, batch: Tensor, offset: Tensor) -> Tensor:
    users = _forgetful([column[batch] for column in lessons.users], settings)
    scores = logits(towers.user(*users), towers.item(*lessons.films), lessons.temperature)
    watched, liked = lessons.watched[batch], lessons.liked[batch]
    whether = functional.binary_cross_entropy_with_logits(scores.gather(1, watched[:, None])[:, 0], liked)
    good = liked > 0
    which = functional.cross_entropy(scores[good] + offset, watched[good])
    return whether + settings.which * which


def _forgetful(users: Sequence[Tensor], settings: Settings) -> list[Tensor]:
    """Hide profile fields and histories, so that a user without them is nothing new: unknown ids, masks of 0."""
    age, sex, job, liked, mask, *time = users
    rows = len(age)
    age, sex, job = (
        torch.where(torch.rand(rows) < settings.forget, unknown, column)
        for column, unknown in ((age, 0), (sex, SEXES - 1), (job, JOBS - 1))
    )
    kept = (torch.rand(rows, 1) >= settings.forget) & (torch.rand(mask.shape) >= settings.skip)
    return [age, sex, job, liked, mask * kept, *time]


def parameters(module: nn.Module) -> int:
    """How many numbers were learned."""
    return sum(parameter.numel() for parameter in module.parameters())
