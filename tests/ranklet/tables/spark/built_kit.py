"""A model whose item rows were built elsewhere: users resident, films' rows by a tower, a product as the score."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import spark_kit as towers

from ranklet import model
from ranklet.tables.spark import single
from ranklet.tables.spark.build import Built
from ranklet.tables.spark.recipe import Recipe

USERS, FILMS, DIM, CANDIDATES, REQUESTS = 12, 1300, 6, 40, 9
STRANGER = 10**12
"""A film that no dataset has: it scores with the mean row."""

MODEL = """
name = "films"

[inputs]
user_id = {{ side = "user", type = "int" }}
movie_id = {{ side = "item", type = "{key}" }}

[features]
user = {{ kind = "embedding", of = "user_id", table = "users" }}
film = {{ kind = "embedding", of = "movie_id", table = "films" }}

[tables.users]
vectors = "users.npy"
keys = "user_keys.npy"
placement = "resident"

[tables.films]
tower = "tower.onnx"
built = "{built}"
key = "{key}"
key_column = "{key_column}"
missing = "mean"
{lines}

{tower}

[[steps]]
format = "numpy"
engine = "dot"
inputs = {{ user = "user", item = "film" }}

[golden]
max_abs_diff = 1e-4
"""


@dataclass(frozen=True)
class Films:
    """users: float32 [USERS, DIM]. data: the films. asked: a user and candidates' keys, of each golden request.

    through: what becomes of the films' rows before they are scored.
    """

    users: np.ndarray
    data: pa.Table
    asked: tuple[tuple[int, list[Any]], ...]
    key_column: str
    through: Callable[[np.ndarray], np.ndarray] = np.asarray

    @staticmethod
    def drawn(*, key_column: str = "movie_id", rows: int = FILMS, strangers: bool = True) -> Films:
        """The same at every call. strangers: one golden request asks for a film that is not there."""
        random = np.random.default_rng(9)
        data = towers.rows(rows)
        keys = data[key_column].to_pylist()
        stranger = STRANGER if key_column == "movie_id" else "a film that nobody made"
        asked = [
            (int(random.integers(USERS)), [keys[place] for place in random.choice(rows, CANDIDATES, replace=False)])
            for _ in range(REQUESTS)
        ]
        if strangers:
            asked[0][1][3] = stranger
        return Films(random.normal(size=(USERS, DIM)).astype(np.float32), data, tuple(asked), key_column)

    def scores(self, user: int, candidates: list[Any]) -> list[float]:
        """The trainer's: towers in 64 bits out of the raw columns, the mean row for a film that is not there."""
        rows = self._rows
        places = {key: place for place, key in enumerate(self.data[self.key_column].to_pylist())}
        found = [rows[places[key]] if key in places else rows.mean(axis=0) for key in candidates]
        return (np.array(found) @ self.users[user].astype(np.float64)).tolist()

    @cached_property
    def _rows(self) -> np.ndarray:
        return self.through(towers.expected(self.data, DIM))

    def packed(self, through: Callable[[np.ndarray], np.ndarray]) -> Films:
        """The same films with rows that were packed."""
        return replace(self, through=through)

    def with_column(self, column: str, values: Sequence[Any]) -> pa.Table:
        """The films with another column."""
        return towers.replaced(self.data, column, values)

    def write(self, root: Path, *, built: str = "../../built", lines: str = "") -> Path:
        """The model's folder below `root/functions`, golden scores with it."""
        folder = root / "functions" / "films"
        (folder / "export").mkdir(parents=True)
        key = "int" if self.key_column == "movie_id" else "string"
        text = MODEL.format(built=built, lines=lines, key=key, key_column=self.key_column, tower=towers.TOWER)
        (folder / "model.toml").write_text(text)
        towers.write_tower(folder, dim=DIM)
        np.save(folder / "users.npy", self.users)
        np.save(folder / "user_keys.npy", np.arange(USERS))
        (folder / "golden.jsonl").write_text("\n".join(self._golden()))
        return folder

    def _golden(self) -> list[str]:
        return [
            json.dumps(
                {
                    "request": {"user": {"user_id": user}, "items": {"movie_id": candidates}},
                    "scores": self.scores(user, candidates),
                }
            )
            for user, candidates in self.asked
        ]

    def build(self, folder: Path, out: Path, *, data: pa.Table | None = None, files: int = 3) -> Built:
        """Both halves of `ranklet tables build`, by the engine `local`."""
        source = towers.write_rows(self.data if data is None else data, out.with_name(f"{out.name}-data"), files=files)
        recipe = Recipe.of(model.load(folder), folder, "films")
        return single.run(recipe, source, str(out), progress=lambda what: None)
