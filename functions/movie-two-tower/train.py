"""Train movie-two-tower on MovieLens-100K and write export/, golden.jsonl and the figures of README.md.

The towers learn from the first 90 % of the ratings in time and are tested on the last 10 %. Their settings were
chosen before (`--search`) by learning from the first 80 % and looking at the next 10 %. The history that a rating
is told from holds only what its user had liked before that second.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from frames import HISTORY, ITEM_INPUTS, USER_INPUTS, catalogue, catalogue_plan, frame, tensors
from learning import Lessons, Settings, learn, parameters
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from torch import Tensor
from towers import Towers, logits

from ranklet import model
from ranklet.demo import invented, movielens, regulars, training
from ranklet_features import FeaturePlan, FeatureSpec

HERE = Path(__file__).resolve().parent
SEED = 20_160_915
SETTINGS = Settings()
GRID = [
    replace(SETTINGS, dim=dim, epochs=epochs, decay=decay, which=which)
    for dim, epochs, decay, which in product((16, 32), (3, 5, 7), (1.0, 3.0), (0.03, 0.1))
]
console = Console(stderr=True)


class Trainer:
    """The data as the towers read it."""

    def __init__(self) -> None:
        self.data, described = movielens.load(), model.load(HERE)
        self.inputs = described.inputs
        self.temperature = float(described.steps[1].options["temperature"])
        online = {name: feature for name, feature in described.features.items() if feature.kind != "embedding"}
        self.plan = FeaturePlan.compile(FeatureSpec(described.inputs, online), HERE, {})
        self.ratings = training.in_time(self.data.ratings)
        self.labels: NDArray[np.bool_] = self.ratings["rating"] >= training.LIKED
        self.split = training.Split.of(len(self.labels))
        self.users = tensors(self.plan, frame(self.data, self.ratings), USER_INPUTS)
        self.films = tensors(catalogue_plan(self.data), catalogue(self.data), ITEM_INPUTS)
        self.watched = torch.from_numpy(self.ratings["movie_id"] - 1)
        self.regulars = regulars.regulars(self.data)
        self.known = {regular["user_id"]: regular for regular in self.regulars}

    def golden(self) -> Iterator[Mapping[str, Any]]:
        """Requests of people whose vectors are computed when they ask, then of those whose vectors are stored."""
        for request in invented.requests(self.data, seed=SEED):
            yield invented.declared(request, self.inputs)
        yield from regulars.requests(self.data, self.regulars)

    def fit(self, settings: Settings, *, rows: int) -> Towers:
        """Towers that have learned from the first `rows` ratings."""
        shares = training.liked_shares(self.ratings, past=rows)
        lessons = Lessons(
            users=[column[:rows] for column in self.users],
            films=self.films,
            watched=self.watched[:rows],
            liked=torch.from_numpy(self.labels[:rows].astype(np.float32)),
            prior=torch.from_numpy(np.log(shares / (1 - shares)).astype(np.float32)),
            temperature=self.temperature,
        )
        with Progress(console=console, transient=True) as progress:
            passes = progress.track(range(settings.epochs), description=f"learning from {rows} ratings")
            return learn(lessons, settings, seed=SEED, track=passes)

    @torch.no_grad()
    def scores(self, towers: Towers, part: slice) -> NDArray[np.float32]:
        """Logits of a part of the ratings, [rows of the part]."""
        user = towers.user(*(column[part] for column in self.users))
        film = towers.item(*self.films)[self.watched[part]]
        logit: Tensor = (user * film[:, :-1]).sum(dim=1) / self.temperature + film[:, -1]
        return logit.numpy()

    @torch.no_grad()
    def rank(self, towers: Towers, request: Mapping[str, Any]) -> NDArray[np.float32]:
        """A request's scores, float32 [N]. A film outside the catalogue is the mean of all films.

        A regular has the vector of what was known when it was computed, whatever the request says.
        """
        films = towers.item(*self.films)
        films = torch.cat([films, films.double().mean(dim=0, keepdim=True).float()])
        rows = [film - 1 if 1 <= film < len(films) else -1 for film in request["items"]["movie_id"]]
        once = {name: column[:1] for name, column in training.columns(request).items()}
        known = self.known.get(request["user"].get("user_id"), {})
        once |= {name: [value] for name, value in known.items()}
        user = towers.user(*tensors(self.plan, once, USER_INPUTS))
        scores: NDArray[np.float32] = torch.sigmoid(logits(user, films[rows], self.temperature))[0].numpy()
        return scores


def export(towers: Towers, films: Sequence[Tensor], folder: Path) -> None:
    """The films' vectors with their ids, and user_tower.onnx: each input and the output of any number of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        np.save(folder / "item_vectors.npy", towers.item(*films).numpy())
    np.save(folder / "item_keys.npy", films[0].numpy())
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # says at length that torchvision is not installed
    with warnings.catch_warnings(action="ignore"):  # of torch about itself
        program = torch.onnx.export(
            towers.user,
            _example(),
            input_names=list(USER_INPUTS),
            output_names=["user_vector"],
            dynamic_shapes={name: {0: torch.export.Dim("rows")} for name in USER_INPUTS},
            dynamo=True,
            verbose=False,
        )
    assert program is not None, "with dynamo there is one"
    for node in program.model.graph:
        node.metadata_props.clear()  # stack traces, with the paths of the machine that exported
    program.save(folder / "user_tower.onnx", external_data=False)


def write_regulars(known: Sequence[Mapping[str, Any]], path: Path) -> None:
    """One line a person, in the columns that the user tower reads: `ranklet build` computes their vectors from it."""
    lines = (json.dumps(regular, separators=(",", ":")) for regular in known)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _example() -> tuple[Tensor, ...]:
    """Two rows of every input of the user tower; a tensor given for two inputs would make them one in the graph."""
    profile = [torch.zeros(2, dtype=torch.int64) for _ in range(3)]
    history = [torch.zeros(2, HISTORY, dtype=torch.int64), torch.zeros(2, HISTORY)]
    return (*profile, *history, torch.zeros(2, 2), torch.zeros(2, 2))


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
    export(final, trainer.films, out / "export")
    write_regulars(trainer.regulars, out / "export" / "regulars.jsonl")
    scored = ((request, trainer.rank(final, request)) for request in trainer.golden())
    training.write_golden(out / "golden.jsonl", scored)
    figures = training.compare(
        trainer.ratings,
        split,
        valid=trainer.scores(chosen, slice(split.valid, split.test)),
        test=trainer.scores(final, slice(split.test, split.end)),
    )
    figures.append(
        ("numbers in the user tower, in the item tower", f"{parameters(final.user)}, {parameters(final.item)}")
    )
    return figures


main = training.command("movie-two-tower", HERE, trainer=Trainer, search=search, write=write)

if __name__ == "__main__":
    torch.set_num_threads(1)  # sums in one order, so that the same machine finds the same bits again
    main()
