"""The stages of a bundle, flat and in the order in which they run: pipelines within pipelines are taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ranklet.errors import ImportRefused
from ranklet.importers.mleap import forms
from ranklet.importers.mleap.attributes import Attributes
from ranklet.importers.mleap.bundle import Files
from ranklet.importers.mleap.forms import Form

MAX_DEPTH = 32
MAX_NODES = 10_000
PIPELINE = "pipeline"
_BY_PYTHON = re.compile(r"_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""How a name ends that the `mleap` package of Python gave; Spark's end in twelve digits."""


@dataclass(frozen=True)
class Node:
    """One stage. inputs, outputs: port → column. folder: of its files, with a slash behind it."""

    op: str
    name: str
    attributes: Attributes
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    folder: str
    files: Form

    @property
    def by_python(self) -> bool:
        """Whether Python's package wrote it, which lays out matrices otherwise."""
        return _BY_PYTHON.search(self.name) is not None

    def refuse(self, message: str) -> NoReturn:
        """Raise ImportRefused that names the stage."""
        self.attributes.refuse(message)


def read(files: Files) -> list[Node]:
    """All of them. Raises ImportRefused for what is no bundle, or one in a format that is not read."""
    left = MAX_NODES
    found = []
    for node in _nodes(forms.of(files), "root/", 0):
        found.append(node)
        if (left := left - 1) < 0:
            raise ImportRefused(f"the bundle has more than {MAX_NODES} stages")
    if not found:
        raise ImportRefused("the bundle has no stage")
    return found


def _nodes(files: Form, folder: str, depth: int) -> Iterator[Node]:
    if depth > MAX_DEPTH:
        raise ImportRefused(f"pipelines are nested deeper than {MAX_DEPTH}")
    one = _node(files, folder, files.model(folder), files.node(folder))
    if one.op != PIPELINE:
        yield one
        return
    names = one.attributes.texts("nodes")
    if len(set(names)) < len(names):
        one.refuse("names a stage twice; it is no exporter's")
    for name in names:
        if "/" in name or "\\" in name or ".." in name:
            one.refuse(f"has a stage {name[:80]!r}, which leads outside the bundle; it is no exporter's")
        yield from _nodes(files, f"{folder}{name}.node/", depth + 1)


def _node(files: Form, folder: str, model: Mapping[str, Any], node: Mapping[str, Any]) -> Node:
    op, name = model.get("op"), node.get("name")
    if not isinstance(op, str) or not isinstance(name, str):
        raise ImportRefused(f"{folder} has a model without op, or a node without name; export the model again")
    place = f"node {name[:80]!r} ({op[:40]})"
    given = model.get("attributes") or {}
    if isinstance(given, dict) and isinstance(given.get("attributes"), list):  # before 0.8
        given = {one.get("name"): one.get("value") for one in given["attributes"] if isinstance(one, dict)}
    if not isinstance(given, dict):
        raise ImportRefused(f"{place} has attributes that are no object; export the model again")
    shape = node.get("shape")
    ends = [_sockets(shape.get(end) if isinstance(shape, dict) else None, place) for end in ("inputs", "outputs")]
    return Node(op, name, Attributes(given, place), ends[0], ends[1], folder, files)


def model_of(node: Node, name: str) -> tuple[str, Attributes, str]:
    """A model within one, such as a tree of a forest: op, attributes and folder."""
    if "/" in name or "\\" in name or ".." in name:
        node.refuse(f"has a model {name[:80]!r}, which leads outside the bundle; it is no exporter's")
    folder = f"{node.folder}{name}/"
    found = node.files.model(folder)
    given = found.get("attributes") or {}
    if not isinstance(found.get("op"), str) or not isinstance(given, dict):
        node.refuse(f"has a model {name[:80]!r} without op; export the model again")
    return found["op"], Attributes(given, f"node {node.name[:80]!r}: model {name[:80]!r}"), folder


def _sockets(given: Any, place: str) -> dict[str, str]:
    """Port → column."""
    found: dict[str, str] = {}
    for one in given if isinstance(given, list) else ():
        column, port = (one.get("name"), one.get("port")) if isinstance(one, dict) else (None, None)
        if not isinstance(column, str) or not isinstance(port, str) or not column:
            raise ImportRefused(f"{place} has an end that is not one column with a port; it is not served")
        if port in found:
            raise ImportRefused(f"{place} has the port {port[:40]!r} twice; export the model again")
        found[port] = column
    return found
