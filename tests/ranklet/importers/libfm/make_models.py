"""Models in libFM's text form (src/fm_core/fm_model.h: saveModel) with the scores of its formula: libfm.zip.

python tests/ranklet/importers/libfm/make_models.py

libFM is in no registry: `machines_kit` trains in its place.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import indices_kit  # noqa: E402
import lines_kit  # noqa: E402
import machines_kit  # noqa: E402

TRAIN, ROWS = 1500, 60
CLASSES = {"task": "c", "method": "sgd"}
MODELS: Mapping[str, Mapping[str, Any]] = {
    "classification": {"options": CLASSES},
    "names": {"options": {**CLASSES, "method": "sgda"}, "names": True},
    "regression": {"options": {"task": "r", "low": "1", "high": "5"}, "k": 8},
    "unclipped": {"options": {"task": "r"}},
    "linear": {"options": CLASSES, "k": 0},
    "one-factor": {"options": CLASSES, "k": 1},
    "pairs-alone": {"options": CLASSES, "dim": (0, 0)},
    "no-bias": {"options": {"task": "r", "low": "3", "high": "4"}, "dim": (0, 1)},
}


def main() -> None:
    """Write the archive beside this file."""
    train, rows = indices_kit.training(TRAIN), indices_kit.strangers(ROWS)
    models = {name: stored(train, rows, **options) for name, options in MODELS.items()}
    lines_kit.store(HERE / "libfm.zip", models)


def stored(
    train: Any, rows: Any, *, options: dict[str, str], k: int = 4, dim: tuple[int, int] = (1, 1), names: bool = False
) -> dict[str, bytes]:
    """The files of one model."""
    classes = options["task"] == "c"
    targets = [float(rating >= lines_kit.LIKED) if classes else float(rating) for _, rating in train]
    lines = [entries(row) for row, _ in train]
    found = dict(machines_kit.trained(lines, targets, k=k, rate=0.02 if classes else 0.005, logistic=classes))
    model = {"": found[""] if dim[0] else [0.0]}
    for index in range(indices_kit.COUNT):
        row = list(found.get(str(index), [0.0] * (1 + k)))
        model[str(index)] = row if dim[1] else [0.0, *row[1:]]
    scores = [score(model, entries(row), options) for row in rows]
    told = {**options, "line": indices_kit.NAME_LINE if names else indices_kit.LINE}
    told |= {"names": "names.txt"} if names else {}
    files = {"model.txt": text(model, dim), "case.json": lines_kit.case(rows, scores, options=told)}
    return files | ({"names.txt": indices_kit.dictionary()} if names else {})


def score(model: machines_kit.Model, line: machines_kit.Line, options: Mapping[str, str]) -> float:
    """As fm_learn_sgd.h predicts."""
    found = machines_kit.logit(model, line)
    if options["task"] == "c":
        return machines_kit.sigmoid(found)
    return max(float(options.get("low", "-inf")), min(float(options.get("high", "inf")), found))


def text(model: machines_kit.Model, dim: tuple[int, int]) -> bytes:
    """The parts that -dim leaves."""
    rows = [model[str(index)] for index in range(indices_kit.COUNT)]
    lines = ["#global bias W0", machines_kit.short(model[""][0])] if dim[0] else []
    lines += ["#unary interactions Wj", *(machines_kit.short(row[0]) for row in rows)] if dim[1] else []
    lines += ["#pairwise interactions Vj,f", *(" ".join(map(machines_kit.short, row[1:])) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def entries(row: lines_kit.Row) -> machines_kit.Line:
    """The features of a row, as a line of `index:value` has them."""
    return [(str(index), x) for _, _, index, x in indices_kit.entries(row)]


if __name__ == "__main__":
    main()
