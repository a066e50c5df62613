"""What the trainers of all film models share: the split in time, the measure, the baseline, the files they write."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

LIKED = 4.0
"""A film rated so or better was liked: the label of all models."""

Ratings = Mapping[str, NDArray[Any]]
Figures = list[tuple[str, str]]
"""(what, value), for a README."""

Trainer = TypeVar("Trainer")
BEGIN, END = "<!-- figures: written by train.py -->", "<!-- /figures -->"


@dataclass(frozen=True)
class Split:
    """Rows of time-ordered ratings: the past [0, valid), then [valid, test) to choose settings by, then [test, end)."""

    valid: int
    test: int
    end: int

    @classmethod
    def of(cls, rows: int) -> Split:
        """The first 80 %, the next 10 %, the last 10 %."""
        return cls(rows * 8 // 10, rows * 9 // 10, rows)


def in_time(ratings: Ratings) -> dict[str, NDArray[Any]]:
    """The ratings by timestamp; those of one second by user and film, so that every run has the same order."""
    order = np.lexsort((ratings["movie_id"], ratings["user_id"], ratings["timestamp"]))
    return {name: column[order] for name, column in ratings.items()}


def auc(labels: NDArray[Any], scores: NDArray[Any]) -> float:
    """Area under the ROC curve, as the Mann-Whitney statistic: ties count one half.

    labels: [n] of 0 and 1 (or bool), both present. scores: [n].
    """
    positive = np.asarray(labels, bool)
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    good = int(positive.sum())
    bad = len(positive) - good
    return float((ranks[positive].sum() - good * (good + 1) / 2) / (good * bad))


def liked_shares(ratings: Ratings, *, past: int, prior: float = 5.0) -> NDArray[np.float64]:
    """Each film's share of likes among the first `past` ratings, pulled to the mean of all by `prior` ratings.

    By film id, [largest id + 1]: a film without ratings has the mean.
    """
    films, liked = ratings["movie_id"], ratings["rating"] >= LIKED
    sums = np.bincount(films[:past], liked[:past], films.max() + 1)
    counts = np.bincount(films[:past], minlength=films.max() + 1)
    shares: NDArray[np.float64] = (sums + prior * liked[:past].mean()) / (counts + prior)
    return shares


def histories(ratings: Ratings, *, length: int) -> list[list[int]]:
    """For each rating (in time) the last `length` films that its user had liked in an earlier second, oldest first.

    Ratings of the same second are often one page sent at once: none of them is the others' past.
    """
    past: dict[int, list[int]] = {}
    fresh: dict[int, tuple[int, list[int]]] = {}
    found = []
    names = ("user_id", "movie_id", "timestamp", "rating")
    for user, film, second, rating in zip(*(ratings[name].tolist() for name in names), strict=True):
        when, films = fresh.get(user, (second, []))
        if when < second:
            past[user] = (past.get(user, []) + films)[-length:]
            films = []
        found.append(past.get(user, []))
        fresh[user] = (second, [*films, film] if rating >= LIKED else films)
    return found


def popularity(ratings: Ratings, *, past: int) -> NDArray[np.float64]:
    """The baseline, which knows no user: each rating's film's share of likes among the first `past` ratings, [n]."""
    return liked_shares(ratings, past=past)[ratings["movie_id"]]


def compare(ratings: Ratings, split: Split, *, valid: NDArray[Any], test: NDArray[Any]) -> Figures:
    """What a README says of a model beside the baseline: (what, value).

    valid: scores of the validation part by a model of the part before it. test: scores of the test part by the
    exported model, which has learned from all before it.
    """
    labels = ratings["rating"] >= LIKED
    first, second = slice(split.valid, split.test), slice(split.test, split.end)
    return [
        ("validation AUC (learned from the first 80 %)", f"{auc(labels[first], valid):.4f}"),
        (
            "validation AUC of film popularity",
            f"{auc(labels[first], popularity(ratings, past=split.valid)[first]):.4f}",
        ),
        ("test AUC (learned from the first 90 %)", f"{auc(labels[second], test):.4f}"),
        ("test AUC of film popularity", f"{auc(labels[second], popularity(ratings, past=split.test)[second]):.4f}"),
    ]


def columns(request: Mapping[str, Any]) -> dict[str, Any]:
    """A native request as a training frame: one row a candidate, the user's and the context's values in each."""
    items: Mapping[str, Any] = request["items"]
    rows = len(next(iter(items.values())))
    once = {**request["user"], **request["context"]}
    return {**{name: [value] * rows for name, value in once.items()}, **items}


def write_golden(path: Path, rows: Iterable[tuple[Mapping[str, Any], Sequence[float] | NDArray[Any]]]) -> None:
    """golden.jsonl: each request with the trainer's scores, written so that they read back to the same bits."""
    with path.open("w", encoding="utf-8") as file:
        for request, scores in rows:
            line = {"request": request, "scores": [float(score) for score in scores]}
            file.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")


def write_figures(readme: Path, figures: Sequence[tuple[str, str]], *, into: Path) -> None:
    """Replace the figures between the markers of `readme` by a table of (what, value); written to `into`."""
    before, rest = readme.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    table = ["| figure | value |", "|---|---|", *(f"| {what} | {value} |" for what, value in figures)]
    into.write_text("\n".join([before + BEGIN, *table, END + after]), encoding="utf-8")


def read_figures(readme: Path) -> dict[str, str]:
    """The table between the markers: what → value."""
    table = readme.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    return dict(line.strip("| ").split(" | ") for line in table.strip().splitlines()[2:])


def command(
    name: str,
    home: Path,
    *,
    trainer: Callable[[], Trainer],
    search: Callable[[Trainer], None],
    write: Callable[[Trainer, Path], Figures],
) -> click.Command:
    """The command of a film model's train.py. home: its folder. write: learns, writes a folder, tells figures."""

    def train(out: Path, searching: bool) -> None:
        learner = trainer()
        if searching:
            search(learner)
            return
        figures = write(learner, out)
        write_figures(home / "README.md", figures, into=out / "README.md")
        for what, value in figures:
            Console(stderr=True).print(f"{what}: {value}")

    file = f"python functions/{name}/train.py"
    told = f"""Train {name} on MovieLens-100K: export/, golden.jsonl and the figures of README.md.

    \b
    {file}
    {file} --out elsewhere
    {file} --search
    """
    folder = click.Path(path_type=Path, file_okay=False)
    elsewhere = click.Option(["--out"], default=home, type=folder, help="Write below this folder.")
    trying = click.Option(
        ["--search", "searching"], is_flag=True, help="Try other settings on the validation part; write nothing."
    )
    return click.Command(name, callback=train, params=[elsewhere, trying], help=told)
