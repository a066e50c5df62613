"""Train movie-recall on MovieLens-100K and write what `ranklet build` needs.

The towers, what they read and how they learn are movie-two-tower's. Here they learn another question: less whether a
film that somebody chose to watch was liked, more which film of all it was. Golden rows are the trainer's own best of
the whole catalogue, found by brute force in 64 bits.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "movie-two-tower"))

from frames import HISTORY, ITEM_INPUTS, USER_INPUTS, catalogue, catalogue_plan, frame, tensors  # noqa: E402
from learning import Lessons, Settings, learn, parameters  # noqa: E402
from towers import Towers, UserTower  # noqa: E402

from ranklet import model  # noqa: E402
from ranklet.demo import invented, movielens, training  # noqa: E402
from ranklet_features import FeaturePlan, FeatureSpec  # noqa: E402

SEED = 20_160_915
TEMPERATURE = 0.7
SETTINGS = Settings(which=1.0, known=0.0, decay=0.3)
GRID = [
    replace(SETTINGS, which=which, known=known, epochs=epochs, decay=decay)
    for which, known, epochs, decay in product((0.3, 1.0, 3.0), (0.0, 0.25), (5, 8), (0.1, 0.3))
]
K = 100
console = Console(stderr=True)


class WithOne(nn.Module):
    """The user tower's vectors with 1 as the last number, which meets the films' biases."""

    def __init__(self, tower: UserTower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, *inputs: Tensor) -> Tensor:
        """As the tower's own, [n, dim + 1]."""
        found = self.tower(*inputs)
        return torch.cat([found, torch.ones_like(found[:, :1])], dim=1)


class Trainer:
    """The data as the towers read it."""

    def __init__(self) -> None:
        self.data, described = movielens.load(), model.load(HERE)
        self.inputs = described.inputs
        self.plan = FeaturePlan.compile(FeatureSpec(described.inputs, described.features), HERE, {})
        self.ratings = training.in_time(self.data.ratings)
        self.labels: NDArray[np.bool_] = self.ratings["rating"] >= training.LIKED
        self.split = training.Split.of(len(self.labels))
        columns = {name: column for name, column in frame(self.data, self.ratings).items() if name in self.inputs}
        self.users = tensors(self.plan, columns, USER_INPUTS)
        self.films = tensors(catalogue_plan(self.data), catalogue(self.data), ITEM_INPUTS)
        self.watched = torch.from_numpy(self.ratings["movie_id"] - 1)

    def fit(self, settings: Settings, *, rows: int) -> Towers:
        """Towers that have learned from the first `rows` ratings."""
        shares = training.liked_shares(self.ratings, past=rows)
        lessons = Lessons(
            users=[column[:rows] for column in self.users],
            films=self.films,
            watched=self.watched[:rows],
            liked=torch.from_numpy(self.labels[:rows].astype(np.float32)),
            prior=torch.from_numpy(np.log(shares / (1 - shares)).astype(np.float32)),
            temperature=TEMPERATURE,
        )
        with Progress(console=console, transient=True) as progress:
            passes = progress.track(range(settings.epochs), description=f"learning from {rows} ratings")
            return learn(lessons, settings, seed=SEED, track=passes)

    @torch.no_grad()
    def vectors(self, towers: Towers) -> NDArray[np.float32]:
        """Of all films, [films, dim + 1]: a product with a user's vector and 1 is the logit."""
        films = towers.item(*self.films)
        return torch.cat([films[:, :-1] / TEMPERATURE, films[:, -1:]], dim=1).numpy()

    @torch.no_grad()
    def recall(self, towers: Towers, part: slice) -> float:
        """The share of a part's liked films that were among the K best of what their user had not rated before it."""
        users = WithOne(towers.user)(*(column[part] for column in self.users)).numpy()
        scores = users @ self.vectors(towers).T
        return self.found(scores, part)

    def found(self, scores: NDArray[Any], part: slice) -> float:
        """As `recall`, of scores [ratings of the part, films], which are changed."""
        known: dict[int, list[int]] = {}
        past = (self.ratings[name][: part.start].tolist() for name in ("user_id", "movie_id"))
        for user, film in zip(*past, strict=True):
            known.setdefault(user, []).append(film - 1)
        films, users = self.ratings["movie_id"][part] - 1, self.ratings["user_id"][part]
        hits = []
        for row in np.flatnonzero(self.labels[part]):
            scores[row, known.get(int(users[row]), [])] = -np.inf
            hits.append(np.count_nonzero(scores[row] > scores[row, films[row]]) < K)
        return float(np.mean(hits))

    def popular(self, part: slice) -> float:
        """`recall` of the films with the most likes before the part, the same for everybody."""
        liked = self.ratings["movie_id"][: part.start][self.labels[: part.start]] - 1
        counts = np.bincount(liked, minlength=len(self.data.items)).astype(float)
        return self.found(np.tile(counts, (part.stop - part.start, 1)), part)


class Golden:
    """The trainer's own answers: every film's score in 64 bits, the best of them best first."""

    def __init__(self, trainer: Trainer, towers: Towers) -> None:
        self.trainer, self.towers = trainer, towers
        self.films = trainer.vectors(towers).astype(np.float64)
        self.ids = np.array(sorted(trainer.data.items))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Requests of invented people with filters of every kind, then films like films."""
        draw = np.random.default_rng(SEED)
        for number, request in enumerate(invented.requests(self.trainer.data, seed=SEED)):
            once = invented.declared(request, self.trainer.inputs)
            asked = {"user": once["user"], "context": once["context"], "k": (20, 1, 100, 7)[number % 4]}
            yield self.best({**asked, **self._kept(number, request["user"].get("history", []), draw)})
        for number in range(12):
            film = int(draw.choice(self.ids))
            others = {"item": film} if number % 3 else {"items": draw.choice(self.ids, 5, replace=False).tolist()}
            where = {} if number % 4 else {"filter": {"where": {"genre": ["Comedy", "Drama"]}}}
            yield self.best({**others, "k": 10, **where})

    def best(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """A line of golden.jsonl."""
        scores = self.films @ self._query(request)
        keep = self._allowed(request)
        order = [at for at in np.lexsort((self.ids, -scores)) if keep[at]][: request["k"]]
        return {"request": request, "items": self.ids[order].tolist(), "scores": scores[order].tolist()}

    @torch.no_grad()
    def _query(self, request: Mapping[str, Any]) -> NDArray[np.float64]:
        if similar := request.get("items") or [request["item"]] if "user" not in request else None:
            return self.films[np.searchsorted(self.ids, similar)].mean(axis=0)
        once = {**request["user"], **request["context"]}
        columns = {name: [value] for name, value in once.items()}
        return WithOne(self.towers.user)(*tensors(self.trainer.plan, columns, USER_INPUTS))[0].double().numpy()

    def _allowed(self, request: Mapping[str, Any]) -> list[bool]:
        given = request.get("filter", {})
        never = {*given.get("deny", ()), *request.get("seen", ()), *request.get("items", ()), request.get("item")}
        allow, where = given.get("allow"), given.get("where", {})
        return [
            film not in never and (allow is None or film in allow) and self._has(film, where)
            for film in self.ids.tolist()
        ]

    def _has(self, film: int, where: Mapping[str, Sequence[Any]]) -> bool:
        one = self.trainer.data.items[film]
        own = {"genre": one.genres, "year": (one.year,)}
        return all(not set(own[name]).isdisjoint(values) for name, values in where.items())

    def _kept(self, number: int, history: Sequence[int], draw: np.random.Generator) -> dict[str, Any]:
        """What a request of that number leaves out: nothing, seen films, some genres, some films and not others."""
        if number % 5 == 1:
            return {"seen": list(history)}
        if number % 5 == 2:
            return {"filter": {"where": {"genre": ["Drama", "War"]}}, "seen": list(history)}
        if number % 5 == 3:
            return {"filter": {"where": {"genre": ["Film-Noir"], "year": [1941, 1944, 1950]}}}
        if number % 5 == 4:
            allow = draw.choice(self.ids, 60, replace=False).tolist()
            return {"filter": {"allow": [*allow, invented.NOBODY], "deny": [*allow[:20], -1]}}
        return {}


def export(trainer: Trainer, towers: Towers, folder: Path) -> None:
    """The films' vectors, ids and attributes, and user_tower.onnx: each input and the output of any number of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "item_vectors.npy", trainer.vectors(towers))
    np.save(folder / "item_keys.npy", np.array(sorted(trainer.data.items)))
    with (folder / "items.jsonl").open("w", encoding="utf-8") as file:
        for film, one in sorted(trainer.data.items.items()):
            line = {"movie_id": film, "genre": list(one.genres), "year": one.year}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # says at length that torchvision is not installed
    with warnings.catch_warnings(action="ignore"):  # of torch about itself
        program = torch.onnx.export(
            WithOne(towers.user).eval(),
            _example(),
            input_names=list(USER_INPUTS),
            output_names=["user_vector"],
            dynamic_shapes={"inputs": tuple({0: torch.export.Dim("rows")} for _ in USER_INPUTS)},
            dynamo=True,
            verbose=False,
        )
    assert program is not None, "with dynamo there is one"
    for node in program.model.graph:
        node.metadata_props.clear()  # stack traces, with the paths of the machine that exported
    program.save(folder / "user_tower.onnx", external_data=False)


def _example() -> tuple[Tensor, ...]:
    """Two rows of every input of the user tower; a tensor given for two inputs would make them one in the graph."""
    profile = [torch.zeros(2, dtype=torch.int64) for _ in range(3)]
    history = [torch.zeros(2, HISTORY, dtype=torch.int64), torch.zeros(2, HISTORY)]
    return (*profile, *history, torch.zeros(2, 2), torch.zeros(2, 2))


def search(trainer: Trainer) -> None:
    """Print the validation recall of every setting of GRID."""
    part = slice(trainer.split.valid, trainer.split.test)
    for settings in GRID:
        found = trainer.recall(trainer.fit(settings, rows=trainer.split.valid), part)
        console.print(f"{found:.4f} {settings}", soft_wrap=True)


def write(trainer: Trainer, out: Path) -> training.Figures:
    """Learn, and write export/ and golden.jsonl below `out`; what README.md tells of it."""
    split = trainer.split
    chosen, final = (trainer.fit(SETTINGS, rows=rows) for rows in (split.valid, split.test))
    export(trainer, final, out / "export")
    with (out / "golden.jsonl").open("w", encoding="utf-8") as file:
        for line in Golden(trainer, final).rows():
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    valid, test = slice(split.valid, split.test), slice(split.test, split.end)
    figures = [
        (f"validation recall@{K} (learned from the first 80 %)", f"{trainer.recall(chosen, valid):.4f}"),
        (f"validation recall@{K} of the most liked films", f"{trainer.popular(valid):.4f}"),
        (f"test recall@{K} (learned from the first 90 %)", f"{trainer.recall(final, test):.4f}"),
        (f"test recall@{K} of the most liked films", f"{trainer.popular(test):.4f}"),
        ("numbers in the user tower, in the item tower", f"{parameters(final.user)}, {parameters(final.item)}"),
    ]
    return figures


main = training.command("movie-recall", HERE, trainer=Trainer, search=search, write=write)

if __name__ == "__main__":
    torch.set_num_threads(1)  # sums in one order, so that the same machine finds the same bits again
    main()
