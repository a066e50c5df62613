"""The files of a cloud assembly (`cdk.out`): which stacks there are, their templates, and where each asset lies.

https://docs.aws.amazon.com/cdk/v2/guide/deploy.html#deploy-how-synth; the manifest's types are those of
`@aws-cdk/cloud-assembly-schema`. Only what a deployment would upload is read, never the construct tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ranklet.errors import LocalError

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Stack:
    """One stack: its name, its template, and the local path of each asset by its key in the bucket."""

    name: str
    template: Json
    assets: Mapping[str, Path]

    @property
    def resources(self) -> Mapping[str, Json]:
        """Logical id → resource."""
        resources: Mapping[str, Json] = self.template.get("Resources", {})
        return resources

    def of_type(self, kind: str) -> list[tuple[str, Json]]:
        """Logical ids and properties of the resources of a type."""
        return [
            (logical, resource.get("Properties", {}))
            for logical, resource in self.resources.items()
            if resource.get("Type") == kind
        ]


def read_assembly(folder: Path) -> tuple[Stack, ...]:
    """All stacks of an assembly. Raises LocalError when the folder is none."""
    manifest = _load(folder / "manifest.json")
    artifacts = [(name, artifact) for name, artifact in manifest.get("artifacts", {}).items()]
    assets: dict[str, Path] = {}
    for _, artifact in artifacts:
        if artifact.get("type") == "cdk:asset-manifest":
            assets |= _assets(folder, artifact["properties"]["file"])
    return tuple(
        Stack(
            name=artifact["properties"].get("stackName", name),
            template=_load(folder / artifact["properties"]["templateFile"]),
            assets=assets,
        )
        for name, artifact in artifacts
        if artifact.get("type") == "aws:cloudformation:stack"
    )


def _assets(folder: Path, file: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for asset in _load(folder / file).get("files", {}).values():
        path = asset.get("source", {}).get("path")
        for destination in asset.get("destinations", {}).values() if path else ():
            found[destination["objectKey"]] = (folder / path).resolve()
    return found


def _load(path: Path) -> Json:
    try:
        document = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise LocalError(f"no {path}: a cloud assembly is what `cdk synth` writes; synthesise first") from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise LocalError(f"cannot read {path}: {error}") from error
    if not isinstance(document, dict):
        raise LocalError(f"{path} is not a JSON object; synthesise again")
    return document
