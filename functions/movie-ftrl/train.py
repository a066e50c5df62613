"""Train movie-ftrl on MovieLens-100K and write export/weights.npz, golden.jsonl and the figures of README.md.

The model learns from the first 90 % of the ratings in time and is tested on the last 10 %. Its settings were
chosen before (`--search`) by learning from the first 80 % and looking at the next 10 %.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
from ftrl import Examples, Ftrl, Settings, pack
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ranklet import model
from ranklet.demo import invented, movielens, training
from ranklet.demo.movielens import MovieLens
from ranklet_features import FeaturePlan, FeatureSpec

HERE = Path(__file__).resolve().parent
SEED = 20_131_108
SETTINGS = Settings(alpha=0.1, beta=1.0, l1=0.5, l2=1.0, epochs=3)
GRID = [
    Settings(alpha, 1.0, l1, l2, epochs)
    for alpha in (0.05, 0.1, 0.2)
    for l1 in (0.0, 0.5, 1.0)
    for l2 in (1.0, 10.0)
    for epochs in (1, 2, 3, 4, 6)
]
console = Console(stderr=True)


class Trainer:
    """The feature plan of model.toml, and where each feature's coordinates begin."""

    def __init__(self) -> None:
        described = model.load(HERE)
        self.inputs = described.inputs
        self.plan = FeaturePlan.compile(FeatureSpec(described.inputs, described.features), HERE, {})
        sizes = [self.plan.ids[name] for name in described.features]
        begins = 1 + np.cumsum([0, *sizes])
        self.offsets = dict(zip(described.features, begins[:-1].tolist(), strict=True))
        self.sizes = dict(zip(described.features, sizes, strict=True))
        self.size = int(begins[-1])

    def examples(self, frame: Mapping[str, Any]) -> Examples:
        """A frame's rows as coordinates, assembled by the code that serves."""
        return pack(self.plan.assemble_columns(frame).tensors, self.offsets)

    def fit(self, examples: Examples, labels: NDArray[np.float64], *, rows: int, settings: Settings) -> Ftrl:
        """A model of the first `rows` examples, taken in a seeded order that differs from pass to pass."""
        learner, rng = Ftrl(self.size, settings), np.random.default_rng(SEED)
        with Progress(console=console, transient=True) as progress:
            for epoch in range(settings.epochs):
                order = rng.permutation(rows).tolist()
                learner.learn(examples, labels, progress.track(order, description=f"pass {epoch + 1}"))
        return learner

    def arrays(self, learner: Ftrl) -> dict[str, NDArray[np.float32]]:
        """What the engine `linear` reads: `bias` [1] and, for each feature, `w.<feature>` [ids]."""
        weights = learner.weights().astype(np.float32)
        parts = {f"w.{name}": weights[at : at + self.sizes[name]] for name, at in self.offsets.items()}
        return {"bias": weights[:1], **parts}


def frame_of(data: MovieLens, ratings: training.Ratings) -> dict[str, Any]:
    """One row a rating: the columns that model.toml declares."""
    users = [data.users[user] for user in ratings["user_id"].tolist()]
    films = [data.items[film] for film in ratings["movie_id"].tolist()]
    return {
        "user_id": ratings["user_id"],
        "age": [user.age for user in users],
        "gender": [user.gender for user in users],
        "occupation": [user.occupation for user in users],
        "timestamp": ratings["timestamp"],
        "movie_id": ratings["movie_id"],
        "genres": [film.genres for film in films],
        "year": [film.year for film in films],
    }


def write_weights(path: Path, arrays: Mapping[str, NDArray[np.float32]]) -> None:
    """An .npz without the date that `numpy.savez` puts in, so that equal weights are an equal file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type = zipfile.ZIP_DEFLATED
            with file.open(entry, "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def search(trainer: Trainer, examples: Examples, labels: NDArray[np.float64], split: training.Split) -> None:
    """Print the validation AUC of every setting of GRID, best first."""
    found = []
    valid = slice(split.valid, split.test)
    for settings in GRID:
        scores = trainer.fit(examples, labels, rows=split.valid, settings=settings).predict(examples)
        found.append((training.auc(labels[valid], scores[valid]), settings))
        console.print(f"{found[-1][0]:.4f} {settings}")
    table = Table("validation AUC", "settings", title="best first")
    for score, settings in sorted(found, key=lambda pair: -pair[0])[:10]:
        table.add_row(f"{score:.4f}", str(settings))
    console.print(table)


@click.command(
    epilog="Examples: `python functions/movie-ftrl/train.py` writes everything anew; "
    "`python functions/movie-ftrl/train.py --out /tmp/again` leaves the model's folder alone."
)
@click.option("--out", default=HERE, type=click.Path(path_type=Path, file_okay=False), help="Write below this folder.")
@click.option("--search", "searching", is_flag=True, help="Try other settings on the validation part; write nothing.")
def main(out: Path, searching: bool) -> None:
    """Train movie-ftrl on MovieLens-100K."""
    data, trainer = movielens.load(), Trainer()
    ratings = training.in_time(data.ratings)
    examples = trainer.examples(frame_of(data, ratings))
    labels = (ratings["rating"] >= training.LIKED).astype(np.float64)
    split = training.Split.of(len(labels))
    if searching:
        search(trainer, examples, labels, split)
        return
    chosen = trainer.fit(examples, labels, rows=split.valid, settings=SETTINGS)
    final = trainer.fit(examples, labels, rows=split.test, settings=SETTINGS)
    arrays = trainer.arrays(final)
    write_weights(out / "export" / "weights.npz", arrays)
    golden = [invented.declared(request, trainer.inputs) for request in invented.requests(data, seed=SEED)]
    training.write_golden(
        out / "golden.jsonl",
        ((request, final.predict(trainer.examples(training.columns(request)))) for request in golden),
    )
    figures = figures_of(ratings, labels, split, chosen.predict(examples), final.predict(examples), arrays)
    training.write_figures(HERE / "README.md", figures, into=out / "README.md")
    for what, value in figures:
        console.print(f"{what}: {value}")


def figures_of(
    ratings: training.Ratings,
    labels: NDArray[np.float64],
    split: training.Split,
    chosen: NDArray[np.float64],
    final: NDArray[np.float64],
    arrays: Mapping[str, NDArray[np.float32]],
) -> list[tuple[str, str]]:
    """What README.md says: (what, value)."""
    valid, test = slice(split.valid, split.test), slice(split.test, split.end)
    weights = np.concatenate(list(arrays.values()))
    popular = {past: training.popularity(ratings, past=past) for past in (split.valid, split.test)}
    return [
        ("validation AUC (learned from the first 80 %)", f"{training.auc(labels[valid], chosen[valid]):.4f}"),
        ("validation AUC of film popularity", f"{training.auc(labels[valid], popular[split.valid][valid]):.4f}"),
        ("test AUC (learned from the first 90 %)", f"{training.auc(labels[test], final[test]):.4f}"),
        ("test AUC of film popularity", f"{training.auc(labels[test], popular[split.test][test]):.4f}"),
        ("weights, of which not 0", f"{weights.size}, {np.count_nonzero(weights)}"),
    ]


if __name__ == "__main__":
    main()
