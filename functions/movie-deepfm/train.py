"""Train movie-deepfm on MovieLens-100K and write export/, golden.jsonl and the figures of README.md.

The network learns from the first 90 % of the ratings in time and is tested on the last 10 %. Its settings were chosen
before (`--search`) by learning from the first 80 % and looking at the next 10 %. In training, users and profile fields
are hidden at random, so that a user without them is nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from deepfm import IDS, DeepFM
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from ranklet import model
from ranklet.demo import invented, movielens, pytorch, training
from ranklet.demo.films import facts
from ranklet.demo.movielens import MovieLens
from ranklet.demo.pytorch import Course
from ranklet_features import FeaturePlan, FeatureSpec

HERE = Path(__file__).resolve().parent
SEED = 20_170_313
COURSE = Course(epochs=3, decay=3.0)
console = Console(stderr=True)


@dataclass(frozen=True)
class Settings:
    """dim: of an embedding. hidden: width of the net. stranger, forget: how often user, profile fields are hidden."""

    dim: int = 16
    hidden: int = 64
    dropout: float = 0.5
    stranger: float = 0.1
    forget: float = 0.1
    course: Course = COURSE


SETTINGS = Settings()
GRID = [
    replace(SETTINGS, stranger=stranger, course=replace(COURSE, epochs=epochs, decay=decay))
    for stranger, epochs, decay in product((0.1, 0.3), (3, 5, 8), (3.0, 5.0, 10.0))
]


class Trainer:
    """The data as the network reads it."""

    def __init__(self) -> None:
        self.data, described = movielens.load(), model.load(HERE)
        self.inputs = described.inputs
        self.plan = FeaturePlan.compile(FeatureSpec(described.inputs, described.features), HERE, {})
        self.ratings = training.in_time(self.data.ratings)
        self.labels: NDArray[np.bool_] = self.ratings["rating"] >= training.LIKED
        self.split = training.Split.of(len(self.labels))
        self.columns = pytorch.tensors(self.plan, frame(self.data, self.ratings), list(IDS))

    def fit(self, settings: Settings, *, rows: int) -> DeepFM:
        """A network that has learned from the first `rows` ratings."""
        torch.manual_seed(SEED)
        known = facts(self.data, self.ratings, past=rows)
        net = DeepFM(known, dim=settings.dim, hidden=settings.hidden, dropout=settings.dropout)
        with Progress(console=console, transient=True) as progress:
            learned = pytorch.learn(
                net,
                [column[:rows] for column in self.columns],
                torch.from_numpy(self.labels[:rows].astype(np.float32)),
                course=settings.course,
                hide=lambda columns: forgetful(columns, settings),
                track=progress.track(range(settings.course.epochs), description=f"learning from {rows} ratings"),
            )
        assert isinstance(learned, DeepFM)
        return learned

    @torch.no_grad()
    def scores(self, net: DeepFM, part: slice) -> NDArray[np.float32]:
        """Scores of a part of the ratings, [rows of the part]."""
        found: NDArray[np.float32] = net(*(column[part] for column in self.columns)).numpy()
        return found

    @torch.no_grad()
    def rank(self, net: DeepFM, request: Mapping[str, Any]) -> NDArray[np.float32]:
        """A request's scores, float32 [N]."""
        found: NDArray[np.float32] = net(*pytorch.tensors(self.plan, training.columns(request), list(IDS))).numpy()
        return found


def forgetful(columns: list[Tensor], settings: Settings) -> list[Tensor]:
    """A batch with users and profile fields hidden; the last id of sexes and jobs is "unknown", the first of others."""
    user, age, sex, job, *rest = columns
    shares = ((user, settings.stranger, 0), (age, settings.forget, 0))
    shares += ((sex, settings.forget, IDS["sex"] - 1), (job, settings.forget, IDS["job"] - 1))
    return [*(pytorch.hidden(*share) for share in shares), *rest]


def frame(data: MovieLens, ratings: training.Ratings) -> dict[str, Any]:
    """One row a rating: the columns that model.toml declares."""
    users = [data.users[user] for user in ratings["user_id"].tolist()]
    return {
        "user_id": ratings["user_id"],
        "age": [user.age for user in users],
        "gender": [user.gender for user in users],
        "occupation": [user.occupation for user in users],
        "timestamp": ratings["timestamp"],
        "movie_id": ratings["movie_id"],
    }


def search(trainer: Trainer) -> None:
    """Print the validation AUC of every setting of GRID."""
    part = slice(trainer.split.valid, trainer.split.test)
    for settings in GRID:
        scores = trainer.scores(trainer.fit(settings, rows=trainer.split.valid), part)
        console.print(f"{training.auc(trainer.labels[part], scores):.4f} {settings}", soft_wrap=True)


def write(trainer: Trainer, out: Path) -> training.Figures:
    """Learn, and write export/ and golden.jsonl below `out`; what README.md tells of it."""
    split = trainer.split
    chosen, final = (trainer.fit(SETTINGS, rows=rows) for rows in (split.valid, split.test))
    example = [torch.zeros(2, dtype=torch.int64) for _ in IDS]
    pytorch.export(final, example, list(IDS), out / "export" / "deepfm.onnx")
    np.save(out / "export" / "items.npy", np.array(sorted(trainer.data.items)))
    golden = [invented.declared(request, trainer.inputs) for request in invented.requests(trainer.data, seed=SEED)]
    training.write_golden(out / "golden.jsonl", ((request, trainer.rank(final, request)) for request in golden))
    figures = training.compare(
        trainer.ratings,
        split,
        valid=trainer.scores(chosen, slice(split.valid, split.test)),
        test=trainer.scores(final, slice(split.test, split.end)),
    )
    figures.append(("numbers learned", str(pytorch.count(final))))
    return figures


main = training.command("movie-deepfm", HERE, trainer=Trainer, search=search, write=write)

if __name__ == "__main__":
    torch.set_num_threads(1)  # sums in one order, so that the same machine finds the same bits again
    main()
