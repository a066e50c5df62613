"""Train movie-ftrl on MovieLens-100K and write export/weights.npz, golden.jsonl and the figures of README.md.

The model learns from the first 90 % of the ratings in time and is tested on the last 10 %. Its settings were
chosen before (`--search`) by learning from the first 80 % and looking at the next 10 %. The scores in golden.jsonl
are computed here from the trainer's own state, in 64 bits; the exported weights are rounded to 32.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from ftrl import Examples, Ftrl, Settings, pack
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from ranklet import model
from ranklet.demo import invented, movielens, training
from ranklet.demo.movielens import MovieLens
from ranklet_features import FeaturePlan, FeatureSpec

HERE = Path(__file__).resolve().parent
SEED = 20_130_811
SETTINGS, PASSES = Settings(alpha=0.1, beta=1.0, l1=1.0, l2=1.0), 5
GRID = [Settings(alpha, 1.0, l1, l2) for alpha, l1, l2 in product((0.05, 0.1, 0.2), (0.5, 1.0, 2.0), (1.0, 5.0))]
console = Console(stderr=True)


class Trainer:
    """The ratings in time as examples, and where in a model each feature's coordinates begin."""

    def __init__(self) -> None:
        self.data, described = movielens.load(), model.load(HERE)
        self.inputs = described.inputs
        self.plan = FeaturePlan.compile(FeatureSpec(described.inputs, described.features), HERE, {})
        self.sizes = {name: self.plan.ids[name] for name in described.features}
        *begins, self.size = (1 + np.cumsum([0, *self.sizes.values()])).tolist()
        self.offsets = dict(zip(self.sizes, begins, strict=True))
        self.ratings = training.in_time(self.data.ratings)
        self.examples = self.read(frame(self.data, self.ratings))
        self.labels = (self.ratings["rating"] >= training.LIKED).astype(np.float64)
        self.split = training.Split.of(len(self.labels))

    def read(self, columns: Mapping[str, Any]) -> Examples:
        """Rows as coordinates, assembled by the code that serves."""
        return pack(self.plan.assemble_columns(columns).tensors, self.offsets)

    def fit(self, *, rows: int) -> Ftrl:
        """A model of the first `rows` ratings, taken in an order of its own in every pass."""
        learner, rng = Ftrl(self.size, SETTINGS), np.random.default_rng(SEED)
        with Progress(console=console, transient=True) as progress:
            for number in range(1, PASSES + 1):
                order = rng.permutation(rows).tolist()
                learner.learn(self.examples, self.labels, progress.track(order, description=f"pass {number}"))
        return learner

    def weights(self, learner: Ftrl) -> dict[str, NDArray[np.float32]]:
        """What the engine `linear` reads: `bias` [1] and, for each feature, `w.<feature>` [ids]."""
        weights = learner.weights().astype(np.float32)
        parts = {f"w.{name}": weights[at : at + self.sizes[name]] for name, at in self.offsets.items()}
        return {"bias": weights[:1], **parts}


def frame(data: MovieLens, ratings: training.Ratings) -> dict[str, Any]:
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


def search(trainer: Trainer) -> None:
    """Print the validation AUC of every setting of GRID after each of five passes."""
    part = slice(trainer.split.valid, trainer.split.test)
    for settings in GRID:
        learner, rng, found = Ftrl(trainer.size, settings), np.random.default_rng(SEED), []
        for _ in range(5):
            learner.learn(trainer.examples, trainer.labels, rng.permutation(trainer.split.valid).tolist())
            found.append(training.auc(trainer.labels[part], learner.predict(trainer.examples)[part]))
        console.print(*(f"{score:.4f}" for score in found), str(settings), soft_wrap=True)


def write(trainer: Trainer, out: Path) -> training.Figures:
    """Learn, and write export/ and golden.jsonl below `out`; what README.md tells of it."""
    split = trainer.split
    chosen, final = trainer.fit(rows=split.valid), trainer.fit(rows=split.test)
    weights = trainer.weights(final)
    write_weights(out / "export" / "weights.npz", weights)
    golden = [invented.declared(request, trainer.inputs) for request in invented.requests(trainer.data, seed=SEED)]
    scores = [final.predict(trainer.read(training.columns(request))) for request in golden]
    training.write_golden(out / "golden.jsonl", zip(golden, scores, strict=True))
    figures = training.compare(
        trainer.ratings,
        split,
        valid=chosen.predict(trainer.examples)[split.valid : split.test],
        test=final.predict(trainer.examples)[split.test :],
    )
    kept = sum(np.count_nonzero(array) for array in weights.values())
    figures.append(("weights that are not 0, of all", f"{kept} of {trainer.size}"))
    return figures


main = training.command("movie-ftrl", HERE, trainer=Trainer, search=search, write=write)

if __name__ == "__main__":
    main()
