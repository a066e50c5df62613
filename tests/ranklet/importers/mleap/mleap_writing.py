"""Bundles written by hand, as MLeap lays them out: stages and their files, in a zip."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DATE = (2020, 1, 1, 0, 0, 0)


@dataclass
class Stage:
    """inputs, outputs: port → column. files: below the stage's folder."""

    op: str
    name: str
    attributes: Mapping[str, Any]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)


def double(value: float) -> dict[str, Any]:
    return {"double": value}


def long(value: int) -> dict[str, Any]:
    return {"long": value}


def text(value: str) -> dict[str, Any]:
    return {"string": value}


def flag(value: bool) -> dict[str, Any]:
    """False is left out, as MLeap's writer does."""
    return {"boolean": True} if value else {}


def texts(values: Sequence[str]) -> dict[str, Any]:
    return {"type": "list", "string": list(values)}


def doubles(values: Sequence[float | None]) -> dict[str, Any]:
    return {"type": "list", "double": list(values)}


def longs(values: Sequence[int]) -> dict[str, Any]:
    return {"type": "list", "long": list(values)}


def ints(values: Sequence[int]) -> dict[str, Any]:
    return {"type": "list", "int": list(values)}


def vector(values: Sequence[float]) -> dict[str, Any]:
    return tensor(values, [len(values)])


def tensor(values: Sequence[float], sizes: Sequence[int]) -> dict[str, Any]:
    shape = {"dimensions": [{"size": size, "name": ""} for size in sizes]}
    return {"type": "tensor", "double": list(values), "shape": shape}


def factors(rows: Sequence[Sequence[float]]) -> dict[str, Any]:
    """A list of vectors of 32 bits."""
    shape = {"dimensions": [{"size": len(rows[0]), "name": ""}]}
    return {"type": "list", "tensor": [{"float": list(row), "shape": shape} for row in rows]}


def shapes(widths: Sequence[int | None]) -> dict[str, Any]:
    """None of a scalar."""
    found: list[dict[str, Any]] = []
    for width in widths:
        if width is None:
            found.append({"base": "scalar", "isNullable": False})
        else:
            sizes = {"dimensions": [{"size": width, "name": ""}]}
            found.append({"base": "tensor", "isNullable": False, "tensorShape": sizes})
    return {"type": "list", "data_shape": found}


def bundle(stages: Sequence[Stage], **head: Any) -> bytes:
    """A zip of a pipeline of them."""
    return zipped(files(stages, **head))


def files(stages: Sequence[Stage], **head: Any) -> dict[str, str]:
    """The files of a pipeline."""
    found = {"bundle.json": json.dumps({"uid": "1", "name": "test", "format": "json", "version": "0.25.0", **head})}
    root = Stage("pipeline", "pipeline", {"nodes": texts([one.name for one in stages])}, {}, {})
    for folder, one in (("root/", root), *((f"root/{one.name}.node/", one) for one in stages)):
        found[f"{folder}model.json"] = json.dumps({"op": one.op, "attributes": one.attributes})
        found[f"{folder}node.json"] = json.dumps({"name": one.name, "shape": _shape(one)})
        found |= {folder + name: content for name, content in one.files.items()}
    return found


def zipped(content: Mapping[str, str]) -> bytes:
    """The same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, one in content.items():
            archive.writestr(zipfile.ZipInfo(name, DATE), one, zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


def forest(trees: Sequence[tuple[str, str]], num_features: int, classes: int | None = None) -> dict[str, str]:
    """Files of an ensemble's trees: (op, lines of JSON) each."""
    found = {}
    counts = {} if classes is None else {"num_classes": long(classes)}
    for at, (op, lines) in enumerate(trees):
        model = {"op": op, "attributes": {"num_features": long(num_features), **counts}}
        found[f"tree{at}/model.json"] = json.dumps(model)
        found[f"tree{at}/tree.json"] = lines
    return found


def _shape(one: Stage) -> dict[str, Any]:
    ends = {"inputs": one.inputs, "outputs": one.outputs}
    return {end: [{"name": name, "port": port} for port, name in columns.items()] for end, columns in ends.items()}
