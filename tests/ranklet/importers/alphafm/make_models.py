"""Models in alphaFM's text form (its README, src/FTRL/ftrl_model.h) with the scores of its formula: alphafm.zip.

python tests/ranklet/importers/alphafm/make_models.py

alphaFM is in no registry: `machines_kit` trains in its place, and what its optimiser keeps is drawn.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import lines_kit  # noqa: E402
import machines_kit  # noqa: E402

TRAIN, ROWS = 1500, 60
LINE = "user={user_id} movie={movie_id:int}:1 sex={gender} job={occupation} genre={genres*}:1 age:{age} year:{year}"
MODELS: Mapping[str, Mapping[str, Any]] = {
    "machine": {"k": 4},
    "regression": {"k": 0},
    "sparse": {"k": 2, "zeros": 0.5},
    "no-bias": {"k": 3, "bias": False},
}
"""Name → factors; the share of names whose weights L1 made 0."""


def main() -> None:
    """Write the archive beside this file."""
    train = list(lines_kit.ratings(TRAIN, users=150, films=200))
    rows = lines_kit.strangers(ROWS, users=150, films=200)
    for row in rows:
        row["age"] = None if row["age"] is None else min(row["age"], 50.0)
    models = {name: stored(train, rows, **options) for name, options in MODELS.items()}
    lines_kit.store(HERE / "alphafm.zip", models)


def stored(train: Any, rows: Any, *, k: int, zeros: float = 0.0, bias: bool = True) -> dict[str, bytes]:
    """The files of one model."""
    targets = [float(rating >= lines_kit.LIKED) for _, rating in train]
    model = dict(machines_kit.trained([entries(row) for row, _ in train], targets, k=k, rate=0.02, logistic=True))
    chance = random.Random(1)
    model = {name: [0.0] * len(row) if name and chance.random() < zeros else row for name, row in model.items()}
    model[""] = model[""] if bias else [0.0]
    scores = [machines_kit.sigmoid(machines_kit.logit(model, entries(row))) for row in rows]
    return {"model.txt": text(model, chance), "case.json": lines_kit.case(rows, scores, options={"line": LINE})}


def text(model: machines_kit.Model, chance: random.Random) -> bytes:
    """`bias w w_n w_z`, and `name w v… w_n w_z v_n… v_z…`; names in the order of a hash table, which is none."""
    names = [name for name in model if name]
    chance.shuffle(names)
    lines = []
    for name in ["", *names]:
        state = [chance.uniform(-1, 1) for _ in range(2 * len(model[name]))]
        lines.append(" ".join([name or "bias", *map(machines_kit.short, [*model[name], *state])]))
    return ("\n".join(lines) + "\n").encode()


def entries(row: lines_kit.Row) -> machines_kit.Line:
    """The features of a row, as a line of `name:value` has them."""
    found = [(f"user={row['user_id']}", 1.0)] if row["user_id"] is not None else []
    found += [(f"movie={row['movie_id']}", 1.0)] if row["movie_id"] is not None else []
    found += [(f"sex={row['gender']}", 1.0)]
    found += [(f"job={row['occupation']}", 1.0)] if row["occupation"] is not None else []
    found += [(f"genre={genre}", 1.0) for genre in row["genres"]]
    found += [("age", row["age"])] if row["age"] is not None else []
    return [*found, ("year", row["year"])]


if __name__ == "__main__":
    main()
