"""Stored MOJOs with the answers of H2O's own scorer, and what our compiled form of them tells callers, by name."""

from __future__ import annotations

import math
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import orjson
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers import h2o
from ranklet.importers.proposal import Proposal, Wishes
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.spec import Feature, Input

ARCHIVE = Path(__file__).with_name("h2o.zip")
RELATIVE, ABSOLUTE = 1e-6, 1e-12
BEYOND = {"Infinity": math.inf, "-Infinity": -math.inf}
"""What JSON does not have."""

Columns = Mapping[str, Sequence[Any]]


def names(archive: Path = ARCHIVE) -> list[str]:
    """Of the stored models."""
    with zipfile.ZipFile(archive) as file:
        return sorted(name.split("/")[0] for name in file.namelist() if name.endswith("/model.zip"))


def stored(name: str, folder: Path, archive: Path = ARCHIVE) -> tuple[Path, Columns, dict[str, list[Any]]]:
    """(the MOJO in a folder, raw rows, the scorer's columns)."""
    with zipfile.ZipFile(archive) as file:
        path = folder / f"{name}.zip"
        path.write_bytes(file.read(f"{name}/model.zip"))
        own = f"{name}/rows.json"
        rows = orjson.loads(file.read(own if own in file.namelist() else "rows.json"))
        answers = orjson.loads(file.read(f"{name}/answers.json"))
        return path, rows, {key: [BEYOND.get(one, one) for one in column] for key, column in answers.items()}


def propose(path: Path) -> Proposal:
    """Whatever its outputs are: the first of numbers ranks where that must be asked."""
    try:
        return h2o.propose(path, Wishes())
    except ImportRefused as error:
        _, asks, outputs = str(error).partition("-o output=NAME: ")
        if not asks:
            raise
        return h2o.propose(path, Wishes(options={"output": outputs.split(", ")[-1]}))


def told(proposal: Proposal, rows: Columns) -> dict[str, list[Any]]:
    """What callers get of raw rows."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, content in proposal.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        inputs = {name: Input(side="item", **one.fields) for name, one in proposal.inputs.items()}
        features = {
            name: Feature(line["kind"], tuple(line["of"]), {key: line[key] for key in set(line) - {"kind", "of"}})
            for name, line in proposal.features.items()
        }
        plan = FeaturePlan.compile(FeatureSpec(inputs, features), folder, {})
    tensors = plan.assemble_columns({name: list(rows[name]) for name in inputs}).tensors
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(proposal.files["export/model.onnx"], options)
    wanted = [one.tensor for one in proposal.tell.values()]
    found = session.run(wanted, {one.name: tensors[one.name] for one in session.get_inputs()})
    return {
        name: column.tolist() if one.labels is None else [(None, *one.labels)[code] for code in column]
        for (name, one), column in zip(proposal.tell.items(), found, strict=True)
    }


def worst(found: Sequence[Any], wanted: Sequence[Any]) -> float:
    """The worst difference, relative to the answer; infinite for another class, or where one of them is missing."""
    if any(isinstance(value, str) for value in wanted):
        return 0.0 if list(found) == list(wanted) else float("inf")
    ours, theirs = (np.array([np.nan if one is None else one for one in values], float) for values in (found, wanted))
    both = np.isnan(ours) & np.isnan(theirs)
    same = both | (ours == theirs)
    return float(_relative(ours[~same], theirs[~same]).max(initial=0.0))


def _relative(ours: NDArray[Any], theirs: NDArray[Any]) -> NDArray[Any]:
    off = np.abs(ours - theirs) / np.maximum(np.abs(theirs), ABSOLUTE)
    return np.where(np.isnan(off), np.inf, off)
