"""Train movie-gbdt-pmml on MovieLens-100K and write export/, golden.jsonl and the figures of README.md.

A scikit-learn pipeline with XGBoost at its end learns from the first 90 % of the ratings in time and is tested on the
last 10 %; its settings were chosen before (`--search`) by learning from the first 80 % and looking at the next 10 %.
sklearn2pmml writes it as PMML, which `ranklet` compiles. sklearn2pmml needs Java 17 and is AGPL: it, XGBoost and pandas
are for this script alone, in an environment of its own:

    pip install -e . sklearn2pmml==0.133.1 scikit-learn==1.8.0 xgboost-cpu==3.2.0 pandas==3.1.1
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from facts import Facts, average
from numpy.typing import NDArray
from rich.console import Console
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder
from sklearn2pmml import sklearn2pmml
from sklearn2pmml.decoration import Alias, CategoricalDomain, ContinuousDomain
from sklearn2pmml.pipeline import PMMLPipeline
from sklearn2pmml.preprocessing import ExpressionTransformer
from xgboost import XGBClassifier

from ranklet import importers, model
from ranklet.demo import invented, movielens, training
from ranklet.importers.proposal import Wishes

HERE = Path(__file__).resolve().parent
SEED = 20_160_813
FORGET = 0.1
"""How often a profile field is hidden in training, so that a caller who leaves it out is nothing new."""
VERIFIED = 50
"""Golden candidates that the PMML file holds with their scores: whoever imports it has them for proof."""
PROFILE = ("age", "gender", "occupation")
console = Console(stderr=True)


@dataclass(frozen=True)
class Settings:
    """XGBoost's: how many trees, how deep, the weight that a leaf needs, the rate of learning."""

    trees: int = 250
    depth: int = 5
    weight: int = 100
    rate: float = 0.05


SETTINGS = Settings()
GRID = [
    Settings(trees, depth, weight, rate)
    for (trees, rate), depth, weight in product(((250, 0.05), (400, 0.03)), (4, 5), (100, 200))
]


@dataclass(frozen=True)
class Learned:
    """A pipeline and the table of films that it reads beside the request, [films, columns]."""

    pipeline: PMMLPipeline
    films: NDArray[np.float32]


class Trainer:
    """The ratings in time, and what is known of their people and films."""

    def __init__(self) -> None:
        self.data, self.inputs = movielens.load(), model.load(HERE).inputs
        self.ratings = training.in_time(self.data.ratings)
        self.split = training.Split.of(len(self.ratings["rating"]))
        self.facts = Facts(self.data, self.ratings)
        users = [self.data.users[user] for user in self.ratings["user_id"].tolist()]
        self.people = pd.DataFrame({name: [getattr(user, name) for user in users] for name in PROFILE})
        self.people["timestamp"] = self.ratings["timestamp"]
        self.jobs = sorted(set(self.people["occupation"]))

    def fit(self, settings: Settings, *, rows: int) -> Learned:
        """What has learned from the first `rows` ratings."""
        frame = self.frame(self.people[:rows], self.facts.out_of_fold(past=rows, seed=SEED))
        liked = pd.Series(self.facts.liked[:rows].astype(int), name="liked")
        made = pipeline(settings, jobs=self.jobs, facts=self.facts.names)
        made.fit(forgetful(frame), liked)
        return Learned(made, self.facts.table(np.arange(len(self.people)) < rows))

    def frame(self, people: pd.DataFrame, films: NDArray[np.float32]) -> pd.DataFrame:
        """All columns that the pipeline reads."""
        asked = people.reset_index(drop=True).astype({"age": float, "timestamp": float})
        return pd.concat([pd.DataFrame(films, columns=self.facts.names), asked], axis=1)

    def scores(self, learned: Learned, part: slice) -> NDArray[np.float32]:
        """Scores of a part of the ratings, [rows of the part]."""
        frame = self.frame(self.people[part], learned.films[self.facts.films[part]])
        found: NDArray[np.float32] = learned.pipeline.predict_proba(frame)[:, 1]
        return found

    def asked(self, learned: Learned, request: Mapping[str, Any]) -> pd.DataFrame:
        """A request's rows: what it leaves out as model.toml fills it in, a film of no row as the average one."""
        columns = training.columns(request)
        films = np.array(
            [
                learned.films[film - 1] if film in self.data.items else average(learned.films)
                for film in columns["movie_id"]
            ]
        )
        names = (*PROFILE, "timestamp")
        people = {name: columns.get(name, [self.inputs[name].default] * len(films)) for name in names}
        return self.frame(pd.DataFrame(people), films)


def pipeline(settings: Settings, *, jobs: list[str], facts: list[str]) -> PMMLPipeline:
    """Fields as callers send them, features of them, trees. A profile field that is odd is as one that is missing."""
    words = {"gender": ["F", "M", "unknown"], "occupation": [*jobs, "unknown"]}
    age = ContinuousDomain(invalid_value_treatment="as_missing", data_min=[1], data_max=[100])
    fields = ColumnTransformer(
        [
            ("age", age, ["age"]),
            *((name, _words(known), [name]) for name, known in words.items()),
            ("timestamp", "passthrough", ["timestamp"]),
            ("facts", ContinuousDomain(with_data=False, dtype=np.float32), facts),  # as XGBoost compares them
        ]
    )
    features = ColumnTransformer(
        [
            ("age", "passthrough", [0]),
            *((name, _flags(known), [at]) for at, (name, known) in enumerate(words.items(), start=1)),
            ("hour", Alias(ExpressionTransformer("X[0] // 3600 % 24"), "hour"), [3]),
            ("weekday", Alias(ExpressionTransformer("(X[0] // 86400 + 3) % 7"), "weekday"), [3]),
            ("facts", "passthrough", list(range(4, 4 + len(facts)))),
        ],
        sparse_threshold=0,  # a zero would be missing to XGBoost
    )
    trees = XGBClassifier(
        n_estimators=settings.trees,
        max_depth=settings.depth,
        min_child_weight=settings.weight,
        learning_rate=settings.rate,
        subsample=0.7,
        colsample_bynode=0.3,
        reg_lambda=5,
        tree_method="hist",
        n_jobs=1,
        random_state=SEED,
    )
    return PMMLPipeline([("fields", fields), ("features", features), ("trees", trees)])


def _words(known: list[str]) -> CategoricalDomain:
    return CategoricalDomain(
        data_values=[known],
        missing_value_treatment="as_value",
        missing_value_replacement="unknown",
        invalid_value_treatment="as_value",
        invalid_value_replacement="unknown",
    )


def _flags(known: list[str]) -> OneHotEncoder:
    return OneHotEncoder(categories=[known], sparse_output=False)


def forgetful(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with profile fields hidden at random."""
    rng, found = np.random.default_rng(SEED), frame.copy()
    for name in PROFILE:
        found.loc[rng.random(len(found)) < FORGET, name] = None
    return found


def export(learned: Learned, rows: pd.DataFrame, folder: Path) -> list[str]:
    """model.pmml with `rows` and their scores in it, and model.onnx that ranklet makes of it; the facts that it reads.

    Raises ClickException where model.toml has other features than the new file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.pmml"
    learned.pipeline.verify(rows, precision=1e-5, zeroThreshold=1e-5)
    sklearn2pmml(learned.pipeline, str(path))
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"\s*<Timestamp>[^<]*</Timestamp>", "", text), encoding="utf-8")
    proposal = importers.propose("pmml", path, Wishes(options={"output": "probability(1)"}))
    (folder / "model.onnx").write_bytes(proposal.files["export/model.onnx"])
    features, described = dict(proposal.features), model.load(HERE)
    facts: list[str] = list(features.pop("numbers")["of"])
    if facts != list(described.tables["films"].vector_columns):
        raise click.ClickException(f"[tables.films] of model.toml wants vector_columns = {facts}")
    for name, wanted in features.items():
        had = described.features.get(name)
        if had is None or {"kind": had.kind, "of": list(had.of), **had.options} != wanted:
            raise click.ClickException(f"[features] of model.toml wants {name} = {dict(wanted)}")
    return facts


def write_films(trainer: Trainer, learned: Learned, names: list[str], path: Path) -> None:
    """The facts that the graph reads, a row a film, written so that they read back to the same 32 bits."""
    table = pd.DataFrame(learned.films, columns=trainer.facts.names)[names]
    table.index = pd.Index(sorted(trainer.data.items), name="movie_id")
    table.to_csv(path, lineterminator="\n")


def search(trainer: Trainer) -> None:
    """Print the validation AUC of every setting of GRID."""
    part = slice(trainer.split.valid, trainer.split.test)
    for settings in GRID:
        scores = trainer.scores(trainer.fit(settings, rows=trainer.split.valid), part)
        console.print(f"{training.auc(trainer.facts.liked[part], scores):.4f} {settings}", soft_wrap=True)


def write(trainer: Trainer, out: Path) -> training.Figures:
    """Learn, and write export/ and golden.jsonl below `out`; what README.md tells of it."""
    split = trainer.split
    chosen, final = (trainer.fit(SETTINGS, rows=rows) for rows in (split.valid, split.test))
    golden = [invented.declared(request, trainer.inputs) for request in invented.requests(trainer.data, seed=SEED)]
    asked = [trainer.asked(final, request) for request in golden]
    names = export(final, pd.concat(asked)[:VERIFIED], out / "export")
    write_films(trainer, final, names, out / "export" / "films.csv")
    scores = [final.pipeline.predict_proba(rows)[:, 1] for rows in asked]
    training.write_golden(out / "golden.jsonl", zip(golden, scores, strict=True))
    figures = training.compare(
        trainer.ratings,
        split,
        valid=trainer.scores(chosen, slice(split.valid, split.test)),
        test=trainer.scores(final, slice(split.test, split.end)),
    )
    figures.append(("trees", str(SETTINGS.trees)))
    return figures


main = training.command("movie-gbdt-pmml", HERE, trainer=Trainer, search=search, write=write)

if __name__ == "__main__":
    main()
