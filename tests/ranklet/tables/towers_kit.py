"""A tiny model of two towers without a graph: a product of a user's row and an item's, both out of tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ranklet_features.packing import pack, unpack

USERS, ITEMS, DIM, CANDIDATES, REQUESTS = 40, 900, 16, 150, 25

MODEL = """
name = "towers"

[inputs]
user_id = {{ side = "user", type = "int" }}
item_id = {{ side = "item", type = "int" }}

[features]
user = {{ kind = "embedding", of = "user_id", table = "users" }}
item = {{ kind = "embedding", of = "item_id", table = "items" }}

[tables.users]
vectors = "users.npy"
keys = "user_keys.npy"
placement = "resident"
{users}

[tables.items]
vectors = "items.npy"
keys = "item_keys.npy"
{items}

[[steps]]
format = "numpy"
engine = "dot"

[golden]
max_abs_diff = 1e-5
{more}
"""


@dataclass(frozen=True)
class Towers:
    """The rows as trained, and the requests of golden.jsonl: a user and candidates each."""

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    asked: tuple[tuple[int, NDArray[np.int64]], ...]

    @staticmethod
    def drawn() -> Towers:
        """The same towers at every call."""
        random = np.random.default_rng(77)
        users, items = (random.normal(size=(rows, DIM)).astype(np.float32) / 4 for rows in (USERS, ITEMS))
        asked = tuple(
            (int(random.integers(USERS)), random.choice(ITEMS, CANDIDATES, replace=False)) for _ in range(REQUESTS)
        )
        return Towers(users, items, asked)

    def scores(self, *, users: str = "f32", items: str = "f32") -> list[NDArray[np.float64]]:
        """Scores of every request in 64 bits, the rows packed and unpacked as told."""
        read = [
            unpack(pack(rows, dtype)).astype(np.float64) for rows, dtype in ((self.users, users), (self.items, items))
        ]
        return [read[1][candidates] @ read[0][user] for user, candidates in self.asked]

    def write(self, folder: Path, *, users: str = "", items: str = "", more: str = "") -> Path:
        """The model's folder, golden scores with the exact rows. users, items: lines of the tables in model.toml."""
        folder.mkdir(parents=True)
        (folder / "model.toml").write_text(MODEL.format(users=users, items=items, more=more))
        for name, rows in (("user", self.users), ("item", self.items)):
            np.save(folder / f"{name}s.npy", rows)
            np.save(folder / f"{name}_keys.npy", np.arange(len(rows)))
        lines = [
            json.dumps(
                {
                    "request": {"user": {"user_id": user}, "items": {"item_id": candidates.tolist()}},
                    "scores": scores.astype(np.float32).tolist(),
                }
            )
            for (user, candidates), scores in zip(self.asked, self.scores(), strict=True)
        ]
        (folder / "golden.jsonl").write_text("\n".join(lines))
        return folder
