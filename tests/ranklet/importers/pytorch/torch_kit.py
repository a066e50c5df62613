"""What torch.zip holds of each model, and programs that are altered by hand."""

from __future__ import annotations

import copy
import functools
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ranklet import model
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_runtime.engines.onnx import OnnxEngine
from ranklet_runtime.engines.ort import open_session
from ranklet_runtime.manifest import Step

ARCHIVE = Path(__file__).parent / "torch.zip"
BATCHES = (1, 2, 64)

Edit = Callable[[Any], None]


def names() -> list[str]:
    """Of the stored models."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        return sorted({name.split("/")[0] for name in archive.namelist()})


def read(name: str, part: str) -> bytes:
    with zipfile.ZipFile(ARCHIVE) as archive:
        return archive.read(f"{name}/{part}")


def program(name: str, folder: Path) -> Path:
    """A stored model as a trainer hands it over."""
    path = folder / "model.pt2"
    path.write_bytes(read(name, "model.pt2"))
    return path


def draft(name: str, folder: Path) -> Path:
    """What was drafted of a stored model, in folder/ranker."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        for member in archive.namelist():
            if member.startswith(f"{name}/draft/"):
                target = folder / "ranker" / member.removeprefix(f"{name}/draft/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(member))
    return folder / "ranker"


def record(name: str) -> dict[str, Any]:
    """options: of the import. columns: raw rows. scores: PyTorch's own."""
    found: dict[str, Any] = json.loads(read(name, "rows.json"))
    return found


def scores(folder: Path, columns: Mapping[str, list[Any]], rows: int) -> Any:
    """What a draft gives the first rows: feature assembly and engine, as a function runs them."""
    drafted = model.load(folder)
    (step,) = drafted.steps
    plan = FeaturePlan.compile(FeatureSpec(drafted.inputs, drafted.features), folder, {})
    session = open_session((folder / str(step.source)).read_bytes(), threads=1)
    wired = {one.name: step.inputs.get(one.name, one.name) for one in session.get_inputs()}
    engine = OnnxEngine(Step("onnx", "item", wired, {drafted.output.score: drafted.output.score}), session)
    tensors = plan.assemble_columns({name: values[:rows] for name, values in columns.items()}).tensors
    return np.asarray(engine.run(tensors)[drafted.output.score]).reshape(-1)


@functools.cache
def members(name: str) -> Mapping[str, bytes]:
    """Of a stored program's file."""
    with zipfile.ZipFile(io.BytesIO(read(name, "model.pt2"))) as archive:
        return {member: archive.read(member) for member in archive.namelist()}


def zipped(path: Path, contents: Mapping[str, bytes]) -> Path:
    """A zip archive of these members."""
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in contents.items():
            archive.writestr(member, content)
    return path


def altered(path: Path, name: str, edit: Edit, *, member: str = "models/model.json") -> Path:
    """A stored program of which one JSON is edited in place."""
    contents = dict(members(name))
    (place,) = [one for one in contents if one.endswith(member)]
    document = json.loads(contents[place])
    edit(document)
    return zipped(path, contents | {place: json.dumps(document).encode()})


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of each value that is neither a list nor a dict."""
    if isinstance(value, dict):
        return [leaf for key, one in value.items() for leaf in leaves(one, (*path, key))]
    if isinstance(value, list):
        return [leaf for i, one in enumerate(value) for leaf in leaves(one, (*path, i))]
    return [path]


def put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    """Set the value at a place."""
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = copy.deepcopy(value)
