"""Models that the local cloud can serve from a synthesised template: built, with what the layers hold beside them."""

from __future__ import annotations

import json
from typing import Literal

import numpy as np
import pytest

from ranklet import certificate, pipeline
from ranklet.packaging import sizes
from ranklet.project import Project
from ranklet.tables import room

Kind = Literal["resident", "dynamodb", "fetched", "large"]

MODEL = """
name = "{name}"

[inputs.age]
side = "user"

[inputs.id]
side = "item"
type = "int"

[features.age]
kind = "dense"
of = "age"

[features.vector]
kind = "embedding"
of = "id"
table = "{table}"

[tables.{table}]
vectors = "export/film.npy"
keys = "export/film.keys.npy"
placement = "{placement}"

[[steps]]
format = "numpy"
engine = "linear"
source = "export/model.npz"
inputs = {{ age = "age", vector = "vector" }}
outputs = {{ score = "score" }}

{more}
"""


def write_served(project: Project, name: str, *, more: str = "", kind: Kind = "resident") -> None:
    """A model of 3 weights over a table of 4 rows, built.

    kind: whence the table is read; `fetched` is from S3, and so are the weights of `large`.
    """
    folder = project.functions / name
    (folder / "export").mkdir(parents=True)
    rows = np.arange(8, dtype=np.float32).reshape(4, 2) / 8
    np.save(folder / "export" / "film.npy", rows)
    np.save(folder / "export" / "film.keys.npy", np.arange(4))
    weights = {"bias": [0.0], "w.age": [0.5], "w.vector": [1.0, -1.0]}
    np.savez(folder / "export" / "model.npz", **{key: np.array(one, np.float32) for key, one in weights.items()})
    golden = {
        "request": {"user": {"age": 1.0}, "items": {"id": [0, 1, 2, 3]}},
        "scores": [1 / (1 + np.exp(-(0.5 + float(row[0] - row[1])))) for row in rows],
    }
    (folder / "golden.jsonl").write_text(json.dumps(golden) + "\n")
    placement = "dynamodb" if kind == "dynamodb" else "resident"
    (folder / "model.toml").write_text(MODEL.format(name=name, table=f"{name}-film", placement=placement, more=more))
    with pytest.MonkeyPatch.context() as patch:
        if kind == "fetched":
            patch.setattr(room, "LIMIT", 0)
        built = pipeline.build(folder, out=project.build)
        if kind == "large":
            # As if packages held one byte less than this one takes.
            taken = built.bytes - (built.folder / certificate.FILE).stat().st_size
            patch.setattr(sizes, "LIMIT", room.layers(onnx=False) + taken - 1)
            assert pipeline.build(folder, out=project.build).manifest.artefacts is not None
