"""Train movie-two-tower on MovieLens-100K and write export/, golden.jsonl and the figures of README.md.

The towers learn from the first 90 % of the ratings in time and are tested on the last 10 %. Their settings were
chosen before (`--search`) by learning from the first 80 % and looking at the next 10 %. A rating's history holds
only what its user had liked before that second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from data import HISTORY, ITEM_INPUTS, USER_INPUTS, catalogue, catalogue_plan, frame, tensors
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import Tensor
from torch.nn import functional
from towers import AGE_GROUPS, JOBS, SEXES, ItemTower, UserTower, logits

from ranklet import model
from ranklet.demo import invented, movielens, training
from ranklet_features import FeaturePlan, FeatureSpec

HERE = Path(__file__).resolve().parent
SEED = 20_160_915
console = Console(stderr=True)


@dataclass(frozen=True)
class Settings:
    """dim: of the vectors. shown: weight of the loss that says which film of all was watched next, beside the one
    that says whether a watched film was liked. forget: how often a profile field, the whole history, or a film of
    it is hidden in training, so that a user without them is nothing new."""

    dim: int = 32
    hidden: int = 64
    dropout: float = 0.2
    epochs: int = 3
    batch: int = 512
    rate: float = 3e-3
    decay: float = 1.0
    shown: float = 0.05
    forget: float = 0.1


SETTINGS = Settings()
GRID = [
    replace(SETTINGS, dim=dim, dropout=dropout, epochs=epochs, shown=shown)
    for dim in (16, 32)
    for dropout in (0.2, 0.5)
    for epochs in (2, 3, 4)
    for shown in (0.02, 0.05, 0.1)
]


class Trainer:
    """The data as tensors, and one fresh pair of towers for every fit."""

    def __init__(self) -> None:
        self.data, described = movielens.load(), model.load(HERE)
        self.inputs = described.inputs
        self.temperature = float(described.steps[1].options["temperature"])
        online = {name: feature for name, feature in described.features.items() if feature.kind != "embedding"}
        self.plan = FeaturePlan.compile(FeatureSpec(described.inputs, online), HERE, {})
        self.ratings = training.in_time(self.data.ratings)
        self.labels = self.ratings["rating"] >= training.LIKED
        self.split = training.Split.of(len(self.labels))
        self.users = tensors(self.plan, frame(self.data, self.ratings), USER_INPUTS)
        self.films = tensors(catalogue_plan(self.data), catalogue(self.data), ITEM_INPUTS)
        self.watched = torch.from_numpy(self.ratings["movie_id"] - 1)
        self.liked = torch.from_numpy(self.labels.astype(np.float32))

    def fit(self, settings: Settings, *, rows: int) -> Towers:
        """Towers that have learned from the first `rows` ratings."""
        torch.manual_seed(SEED)
        towers = Towers(UserTower(settings.dim, settings.hidden, settings.dropout), ItemTower(settings.dim))
        weights = [*towers.user.parameters(), *towers.item.parameters()]
        optimizer = torch.optim.AdamW(weights, lr=settings.rate, weight_decay=settings.decay)
        steps = settings.epochs * -(-rows // settings.batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.rate, total_steps=steps)
        with Progress(console=console, transient=True) as progress:
            for epoch in range(settings.epochs):
                batches = torch.randperm(rows).split(settings.batch)
                for batch in progress.track(batches, description=f"pass {epoch + 1}"):
                    optimizer.zero_grad()
                    self._loss(towers, settings, batch).backward()
                    optimizer.step()
                    schedule.step()
        towers.user.eval()
        towers.item.eval()
        return towers

    def _loss(self, towers: Towers, settings: Settings, batch: Tensor) -> Tensor:
        """Was the watched film liked; and, for liked ones, which film of all was it."""
        users = forgetful([column[batch] for column in self.users], settings.forget)
        all_films = logits(towers.user(*users), towers.item(*self.films), self.temperature)
        watched, liked = self.watched[batch], self.liked[batch]
        mine = all_films.gather(1, watched[:, None])[:, 0]
        loss = functional.binary_cross_entropy_with_logits(mine, liked)
        good = liked > 0
        return loss + settings.shown * functional.cross_entropy(all_films[good], watched[good])

    @torch.no_grad()
    def scores(self, towers: Towers, part: slice) -> NDArray[np.float32]:
        """The scores of a part of the ratings, float32."""
        films = towers.item(*self.films)
        user = towers.user(*(column[part] for column in self.users))
        film = films[self.watched[part]]
        logit = (user * film[:, :-1]).sum(dim=1) / self.temperature + film[:, -1]
        scores: NDArray[np.float32] = torch.sigmoid(logit).numpy()
        return scores

    def auc(self, towers: Towers, part: slice) -> float:
        """Of a part of the ratings."""
        return training.auc(self.labels[part], self.scores(towers, part))

    @torch.no_grad()
    def rank(self, towers: Towers, request: Mapping[str, Any]) -> NDArray[np.float32]:
        """A request's scores, float32 [N]. A film outside the catalogue is the mean of all films."""
        films = towers.item(*self.films)
        films = torch.cat([films, films.double().mean(dim=0, keepdim=True).float()])
        ids = request["items"]["movie_id"]
        rows = [film - 1 if 1 <= film < len(films) else -1 for film in ids]
        columns = {name: column[:1] for name, column in training.columns(request).items()}
        user = towers.user(*tensors(self.plan, columns, USER_INPUTS))
        scores: NDArray[np.float32] = torch.sigmoid(logits(user, films[rows], self.temperature))[0].numpy()
        return scores


@dataclass(frozen=True)
class Towers:
    """What was learned."""

    user: UserTower
    item: ItemTower


def forgetful(users: Sequence[Tensor], share: float) -> list[Tensor]:
    """Hide profile fields and history of some users: a field becomes "unknown", a film's mask 0."""
    age, sex, job, liked, mask, *time = users
    rows = len(age)
    age, sex, job = (
        torch.where(torch.rand(rows) < share, unknown, column)
        for column, unknown in ((age, 0), (sex, SEXES - 1), (job, JOBS - 1))
    )
    assert AGE_GROUPS > 1
    kept = (torch.rand(rows, 1) >= share) & (torch.rand(mask.shape) >= share)
    return [age, sex, job, liked, mask * kept, *time]


def export(towers: Towers, films: Sequence[Tensor], folder: Path) -> None:
    """user_tower.onnx, and the films' vectors with their ids."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        np.save(folder / "item_vectors.npy", towers.item(*films).numpy())
    np.save(folder / "item_keys.npy", films[0].numpy())
    rows = torch.export.Dim.DYNAMIC
    example = [torch.zeros(2, dtype=torch.int64) for _ in range(3)]
    example += [
        torch.zeros(2, HISTORY, dtype=torch.int64),
        torch.zeros(2, HISTORY),
        torch.zeros(2, 2),
        torch.zeros(2, 2),
    ]
    program = torch.onnx.export(
        towers.user,
        tuple(example),
        input_names=list(USER_INPUTS),
        output_names=["user_vector"],
        dynamic_shapes={name: {0: rows} for name in USER_INPUTS},
        external_data=False,
        dynamo=True,
        verbose=False,
    )
    for node in program.model.graph:
        node.metadata_props.clear()  # stack traces with the paths of this machine
    program.save(folder / "user_tower.onnx")


def search(trainer: Trainer) -> None:
    """Print the validation AUC of every setting of GRID, best first."""
    found = []
    for settings in GRID:
        towers = trainer.fit(settings, rows=trainer.split.valid)
        found.append((trainer.auc(towers, slice(trainer.split.valid, trainer.split.test)), settings))
        console.print(f"{found[-1][0]:.4f} {settings}")
    table = Table("validation AUC", "settings", title="best first")
    for score, settings in sorted(found, key=lambda pair: -pair[0])[:10]:
        table.add_row(f"{score:.4f}", str(settings))
    console.print(table)


@click.command(
    epilog="Examples: `python functions/movie-two-tower/train.py` writes everything anew; "
    "`python functions/movie-two-tower/train.py --out /tmp/again` leaves the model's folder alone."
)
@click.option("--out", default=HERE, type=click.Path(path_type=Path, file_okay=False), help="Write below this folder.")
@click.option("--search", "searching", is_flag=True, help="Try other settings on the validation part; write nothing.")
def main(out: Path, searching: bool) -> None:
    """Train movie-two-tower on MovieLens-100K."""
    torch.set_num_threads(1)  # sums in one order: the same run gives the same bits
    trainer = Trainer()
    if searching:
        search(trainer)
        return
    split = trainer.split
    chosen, final = (trainer.fit(SETTINGS, rows=rows) for rows in (split.valid, split.test))
    export(final, trainer.films, out / "export")
    golden = [invented.declared(request, trainer.inputs) for request in invented.requests(trainer.data, seed=SEED)]
    training.write_golden(out / "golden.jsonl", ((request, trainer.rank(final, request)) for request in golden))
    figures = figures_of(trainer, chosen, final)
    training.write_figures(HERE / "README.md", figures, into=out / "README.md")
    for what, value in figures:
        console.print(f"{what}: {value}")


def figures_of(trainer: Trainer, chosen: Towers, final: Towers) -> list[tuple[str, str]]:
    """What README.md says: (what, value)."""
    split, labels = trainer.split, trainer.labels
    valid, test = slice(split.valid, split.test), slice(split.test, split.end)
    popular = {past: training.popularity(trainer.ratings, past=past) for past in (split.valid, split.test)}
    return [
        ("validation AUC (learned from the first 80 %)", f"{trainer.auc(chosen, valid):.4f}"),
        ("validation AUC of film popularity", f"{training.auc(labels[valid], popular[split.valid][valid]):.4f}"),
        ("test AUC (learned from the first 90 %)", f"{trainer.auc(final, test):.4f}"),
        ("test AUC of film popularity", f"{training.auc(labels[test], popular[split.test][test]):.4f}"),
    ]


if __name__ == "__main__":
    main()
