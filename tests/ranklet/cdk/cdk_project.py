"""Writing a project of tiny models with proven bundles and stub layers, and reading what its synthesis gives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ranklet import certificate, freshness, releasing
from ranklet.certificate import Certificate
from ranklet.golden import Golden
from ranklet.model import load
from ranklet.project import Project

ROOT = Path(__file__).resolve().parents[3]

MODEL = """
name = "{name}"
version = 3
description = "Ranks films"

[inputs.age]
side = "user"

[inputs.movie_id]
side = "item"
type = "int"

[features.age]
kind = "dense"
of = "age"

[[steps]]
format = "{format}"
source = "export/model.bin"
{engine}

{more}
"""


GOLDEN = [Golden({"age": 1}, {}, {"movie_id": [1, 2]}, (0.25 + row / 100, 0.5)) for row in range(40)]
"""Requests with a trainer's scores."""


def manifest(name: str, *, engine: str, tables: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest.json of the first format, as the build writes it."""
    return {
        "format": 1,
        "model": name,
        "version": "3",
        "inputs": {"age": {"side": "user"}, "movie_id": {"side": "item", "type": "int"}},
        "features": {"age": {"kind": "dense", "of": ["age"]}},
        "tables": tables,
        "steps": [{"engine": engine, "rows": "item", "inputs": {"x": "age"}, "outputs": {"y": "score"}}],
        "score": "score",
        "dialects": ["native", "tfserving"],
        "limits": {"items": 10},
        "threads": 2,
    }


def table(name: str, *, placement: str, version: str = "0a1b2c") -> dict[str, Any]:
    """A table as a manifest pins it."""
    return {
        "name": name,
        "physical": f"ranklet-{name}-{version}",
        "version": version,
        "key": "int",
        "dim": 4,
        "rows": 10,
        "placement": placement,
    }


def stage(project: Project, name: str, *, rows: int, version: str = "5eed") -> dict[str, Any]:
    """A resident table that is fetched, as a build stages it; returns what the manifest pins."""
    pinned = table(name, placement="resident", version=version) | {"rows": rows}
    folder = project.build / "tables" / pinned["physical"]
    folder.mkdir(parents=True)
    with (folder / "vectors.npy").open("wb") as file:
        file.truncate(rows * 16)
    (folder / "keys.npy").write_bytes(b"\x00" * 80)
    return pinned | {"snapshot": {"vectors.npy": "0" * 64, "keys.npy": "1" * 64}}


def write_bundle(
    project: Project, name: str, *, engine: str = "linear", tables: Mapping[str, Any] | None = None
) -> Path:
    """A bundle with its certificate, as the pipeline leaves one."""
    bundle = project.bundle(name)
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").write_text(json.dumps(manifest(name, engine=engine, tables=tables or {})))
    (bundle / "weights.npz").write_bytes(b"\x00" * 64)
    prove(bundle)
    return bundle


def write_hook(project: Project, name: str) -> None:
    """What the hook asks that CodeDeploy asks, as the pipeline leaves it beside a bundle."""
    folder = project.build / releasing.HOOKS / name
    releasing.write(load(project.functions / name), GOLDEN, certificate.read(project.bundle(name)), folder)


def prove(bundle: Path) -> None:
    """Certify what is there now."""
    certificate.write(Certificate(certificate.digest(bundle), 5, 1e-6, {"native-json": 1e-9}), bundle)
    freshness.mark(bundle, freshness.digest(bundle.parents[2] / "functions" / bundle.name))


def write_model(project: Project, name: str, *, format: str = "numpy", more: str = "") -> Path:
    """A model's folder with its model.toml; `more` adds tables to it."""
    folder = project.functions / name
    folder.mkdir(parents=True)
    engine = 'engine = "linear"' if format == "numpy" else ""
    (folder / "model.toml").write_text(MODEL.format(name=name, format=format, engine=engine, more=more))
    return folder


def stub_layers(root: Path) -> Callable[[str, str], Path]:
    """A layer builder whose layers hold one module."""

    def layer(name: str, architecture: str) -> Path:
        package = root / f"{name}-{architecture}" / "python" / f"stub_{name}"
        if not package.is_dir():
            package.mkdir(parents=True)
            (package / "__init__.py").write_text(f"ARCHITECTURE = {architecture!r}\n")
        return root / f"{name}-{architecture}"

    return layer


def never(folder: Path) -> object:
    """The builder where none may be called."""
    raise AssertionError(f"{folder} was built although its bundle was there")


@dataclass(frozen=True)
class Assembly:
    """A cloud assembly on disk. Resources are found by what they are, never by their logical ids."""

    folder: Path
    cache: dict[str, Any] = field(default_factory=dict)

    def template(self, stack: str) -> dict[str, Any]:
        """One stack's template."""
        if stack not in self.cache:
            self.cache[stack] = json.loads((self.folder / f"{stack}.template.json").read_text())
        return dict(self.cache[stack])

    def resources(self, stack: str, kind: str) -> list[dict[str, Any]]:
        """All resources of a type (`AWS::…`)."""
        return [one for one in self.template(stack)["Resources"].values() if one["Type"] == kind]

    def properties(self, stack: str, kind: str) -> list[dict[str, Any]]:
        """The properties of all resources of a type."""
        return [one["Properties"] for one in self.resources(stack, kind)]

    def only(self, stack: str, kind: str) -> dict[str, Any]:
        """The properties of the one resource of a type."""
        (one,) = self.properties(stack, kind)
        return one

    def text(self, stack: str, value: Any) -> str:
        """A template's expression as text: references in braces, `${…}` for pseudo parameters and attributes."""
        match value:
            case str():
                return value
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(self.text(stack, part) for part in parts)
            case {"Ref": name}:
                parameter = self.template(stack).get("Parameters", {}).get(name, {})
                return f"{{{parameter.get('Default', self.kind(stack, name))}}}"
            case {"Fn::GetAtt": [name, attribute]}:
                return f"{{{self.kind(stack, name)}.{attribute}}}"
        raise AssertionError(f"no text for {value}")

    def kind(self, stack: str, name: str) -> str:
        """The type of the resource with a logical id; a pseudo parameter is its own."""
        return str(self.template(stack)["Resources"].get(name, {"Type": name})["Type"])

    def logical(self, stack: str, kind: str) -> str:
        """The logical id of the one resource of a type."""
        (name,) = [name for name, one in self.template(stack)["Resources"].items() if one["Type"] == kind]
        return name


Synthesise = Callable[..., Assembly]


def new_project(root: Path) -> Project:
    """An empty project with the real cdk.json."""
    (root / "functions").mkdir(parents=True)
    shutil.copy(ROOT / "cdk.json", root / "cdk.json")
    return Project(root)


FUNCTION = """
[function]
memory = 2048
timeout = 7
reserved = 9
log_days = 14
architecture = "arm64"

[warmth]
kind = "provisioned"
count = 4
"""

JWT = """
[api]
auth = "jwt"
[api.jwt]
issuer = "https://issuer.example"
audience = ["ranking", "batch"]
"""
