"""Models that a script stored beside its tests: what an import drafted of each, raw rows, and the library's scores."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet import model
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_runtime.engines import open_engine
from ranklet_runtime.manifest import Step


class Stored:
    """An archive of folders, one a model: rows.json, answers.json, draft/ and what was imported."""

    def __init__(self, archive: Path) -> None:
        self.archive = archive

    def names(self) -> list[str]:
        with zipfile.ZipFile(self.archive) as archive:
            return sorted({name.split("/")[0] for name in archive.namelist()})

    def json(self, name: str, file: str) -> Any:
        with zipfile.ZipFile(self.archive) as archive:
            return orjson.loads(archive.read(f"{name}/{file}.json"))

    def answers(self, name: str) -> NDArray[np.float64]:
        """The library's scores, NaN where it gave none."""
        return np.array(self.json(name, "answers"), np.float64)

    def file(self, name: str, file: str, folder: Path) -> Path:
        """One file of a model in a folder."""
        with zipfile.ZipFile(self.archive) as archive:
            (folder / file).write_bytes(archive.read(f"{name}/{file}"))
        return folder / file

    def unpack(self, name: str, folder: Path, part: str) -> Path:
        """A part of a model in folder/ranker."""
        with zipfile.ZipFile(self.archive) as archive:
            for member in archive.namelist():
                if member.startswith(f"{name}/{part}/"):
                    target = folder / "ranker" / member.removeprefix(f"{name}/{part}/")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(member))
        return folder / "ranker"


def scores(folder: Path, rows: Any) -> NDArray[Any]:
    """What a drafted folder's features and engine make of raw rows."""
    drafted = model.load(folder)
    plan = FeaturePlan.compile(FeatureSpec(drafted.inputs, drafted.features), folder, {})
    tensors = plan.assemble_columns(rows).tensors
    (source,) = drafted.steps
    assert source.source is not None
    wired = {name: source.inputs.get(name, name) for name in _names(folder / source.source, source.engine)}
    ranks = drafted.output.score
    step = Step(source.engine or "onnx", "item", wired, {ranks: ranks}, source.source, options=source.options)
    return np.asarray(open_engine(step, folder, threads=1).run(tensors)[ranks]).reshape(-1)


def _names(path: Path, engine: str | None) -> list[str]:
    """The engine's own names of its inputs."""
    if engine is None:
        from ranklet_runtime.engines.ort import open_session

        return [one.name for one in open_session(path.read_bytes(), threads=1).get_inputs()]
    with np.load(path) as arrays:
        return [name.removeprefix("w.") for name in arrays if name.startswith("w.")]
