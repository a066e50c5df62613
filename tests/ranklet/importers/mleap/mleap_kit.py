"""Stored bundles with the answers of Spark or scikit-learn, and what their imports answer: callers' values, by name."""

from __future__ import annotations

import math
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ranklet.importers import mleap
from ranklet.importers.proposal import Proposal, Wishes
from ranklet.importers.proving import plan_of
from ranklet_runtime.engines.ort import open_session

ARCHIVE = Path(__file__).with_name("mleap.zip")
RELATIVE = 1e-6
SMALLEST = 1e-3
"""Answers below it are compared as if they were as large."""
BEYOND = {"inf": math.inf, "-inf": -math.inf, "nan": None}

Columns = Mapping[str, Sequence[Any]]


def names() -> list[str]:
    """Of the stored bundles."""
    if not ARCHIVE.exists():
        return []
    with zipfile.ZipFile(ARCHIVE) as archive:
        return sorted(name.split("/")[0] for name in archive.namelist() if name.endswith("/bundle.zip"))


def stored(name: str) -> tuple[bytes, dict[str, list[Any]], dict[str, list[Any]]]:
    """(bundle, raw rows, answers by output)."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        bundle, rows, answers = (archive.read(f"{name}/{file}") for file in ("bundle.zip", "rows.json", "answers.json"))
    found = {name: [BEYOND.get(one, one) for one in column] for name, column in orjson.loads(answers).items()}
    return bundle, orjson.loads(rows), found


def options(name: str) -> dict[str, str]:
    """Of an import: what ranks, where there are several classes, or clusters."""
    answered = stored(name)[2]
    several = any(column.endswith("_2") for column in answered)
    return {"output": "prediction"} if several or name == "k_means" else {}


def proposed(bundle: bytes, **options: str) -> Proposal:
    """The import of a bundle's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.zip"
        path.write_bytes(bundle)
        return mleap.propose(path, Wishes(options=options))


def answers(proposal: Proposal, rows: Columns) -> dict[str, list[Any]]:
    """What callers get: told outputs and `score`, by name; null is None. Raises InputError for a bad row."""
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_of(proposal, Path(folder))
        tensors = plan.assemble_columns({name: list(rows[name]) for name in proposal.inputs}).tensors
    session = open_session(proposal.files["export/model.onnx"], threads=1)
    given = {one.name: tensors[one.name] for one in session.get_inputs()}
    made = dict(zip((one.name for one in session.get_outputs()), session.run(None, given), strict=True))
    found = {"score": _told(made["score"], None)}
    return found | {name: _told(made[one.tensor], one.labels) for name, one in proposal.tell.items()}


def _told(values: np.ndarray, labels: Sequence[Any] | None) -> list[Any]:
    if labels is not None:
        return [None if code == 0 else labels[code - 1] for code in values.tolist()]
    return [None if math.isnan(one) else one for one in values.tolist()]


def apart(found: Any, wanted: Any) -> float:
    """How far two answers are from each other, relative; infinite where they are of different kinds."""
    if found is None or wanted is None or isinstance(found, str) or isinstance(wanted, str):
        return 0.0 if found == wanted else math.inf
    if found == wanted:
        return 0.0
    return float(abs(found - wanted) / max(abs(wanted), SMALLEST))
