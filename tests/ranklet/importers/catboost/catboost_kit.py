"""Stored models, and what an import makes of raw rows: feature assembly and onnxruntime, as a function has them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.importers import catboost
from ranklet.importers.proposal import Proposal, Wishes
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.spec import Feature, Input
from ranklet_runtime.engines.ort import open_session

ARCHIVE = Path(__file__).with_name("catboost.zip")


@dataclass(frozen=True)
class Stored:
    """models: its forms, json and cbm. scores: options of the import, `name=value` with blanks between → CatBoost's own
    answers, [n]."""

    models: Mapping[str, bytes]
    columns: Mapping[str, list[Any]]
    scores: Mapping[str, list[float]]


def names() -> list[str]:
    """The models."""
    with zipfile.ZipFile(ARCHIVE) as file:
        return list(dict.fromkeys(name.split("/")[0] for name in file.namelist()))


def stored(name: str) -> Stored:
    """One model."""
    with zipfile.ZipFile(ARCHIVE) as file:
        told = json.loads(file.read(f"{name}/case.json"))
        ends = [form for form in ("json", "cbm") if f"{name}/model.{form}" in file.namelist()]
        models = {form: file.read(f"{name}/model.{form}") for form in ends}
        return Stored(models, told["columns"], told["scores"])


def document(name: str = "films") -> dict[str, Any]:
    """A model to damage."""
    found: dict[str, Any] = json.loads(stored(name).models["json"])
    return found


def proposed(content: bytes | Mapping[str, Any], folder: Path, options: str = "") -> Proposal:
    """The import of a file's bytes, or of a document."""
    path = folder / "ranker.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return catboost.propose(path, Wishes(options=dict(one.split("=", 1) for one in options.split())))


def scores(proposal: Proposal, columns: Mapping[str, list[Any]], folder: Path) -> Any:
    """Of raw rows, [n]."""
    for name, content in proposal.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    inputs = {name: Input(side="item", **one.fields) for name, one in proposal.inputs.items()}
    features = {
        name: Feature(line["kind"], tuple(line["of"]), {k: v for k, v in line.items() if k not in ("kind", "of")})
        for name, line in proposal.features.items()
    }
    tensors = FeaturePlan.compile(FeatureSpec(inputs, features), folder, {}).assemble_columns(columns).tensors
    source = proposal.steps[0].source
    assert source is not None
    session = open_session(proposal.files[source], threads=1)
    wide = {"tensor(double)": np.float64, "tensor(float)": np.float32}
    feeds = {one.name: tensors[one.name].astype(wide[one.type]) for one in session.get_inputs()}
    (found,) = session.run([proposal.score], feeds)
    return found
