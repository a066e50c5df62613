"""What a deployed model is made of, as CycloneDX 1.6 (JSON): for who audits dependencies or asks where files come from.

Everything is known without a network: the layers' exact pins, the bundle's files with their hashes, and the licences
where a layer was built. No time stands in it and its serial number follows from its content, so that the same model
gives the same bytes. https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from email.parser import HeaderParser
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import orjson

from ranklet import certificate
from ranklet.deployable import Deployable
from ranklet.packaging import layers, pins
from ranklet.packaging.targets import Target, lambda_target

OURS = {"features": "ranklet-features", "inference": "ranklet-runtime"}
"""What the layers hold of our own."""


def document(deployable: Deployable, *, built: Path, sources: Path = layers.SOURCES) -> dict[str, Any]:
    """The document of a model with a proven bundle.

    built: where layers are built; without one there, licences are left out. Raises PackagingError for a pin that is
    not exact, BundleError for a bundle without a certificate.
    """
    target = lambda_target(deployable.model.function.architecture)
    needed = [name for name in layers.NAMES if name != "onnx" or deployable.uses_onnx]
    parts = [part for name in needed for part in _layer(name, target, sources, built)]
    model = _model(deployable)
    files = list(_files(certificate.files(deployable.bundle)))
    body = {
        "metadata": {"component": model, "tools": {"components": [_tool()]}},
        "components": [*files, *parts],
        "dependencies": [
            {"ref": model["bom-ref"], "dependsOn": [one["bom-ref"] for one in (*files, *parts)]},
            *({"ref": one["bom-ref"]} for one in (*files, *parts)),
        ],
    }
    serial = uuid.UUID(bytes=hashlib.sha256(orjson.dumps(body)).digest()[:16], version=4)
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", "version": 1, **body}


def _model(deployable: Deployable) -> dict[str, Any]:
    name, version = deployable.model.name, deployable.manifest.version
    sha256 = certificate.read(deployable.bundle).bundle
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{name}@{version}",
        "name": name,
        "version": version,
        **({"description": deployable.model.description} if deployable.model.description else {}),
        # That of the list of files, which is what the stack pins and the function compares.
        "properties": [{"name": "ranklet:bundle", "value": sha256}],
    }


def _files(listed: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, file in sorted(listed.items()):
        hashes = [{"alg": "SHA-256", "content": file.sha256}]
        yield {"type": "file", "bom-ref": f"file:{name}", "name": name, "hashes": hashes}


def _layer(name: str, target: Target, sources: Path, built: Path) -> Iterator[dict[str, Any]]:
    if name in OURS:
        own = _library(OURS[name], installed("ranklet"), name, "Apache-2.0")
        yield {**own, "bom-ref": f"ranklet:{OURS[name]}"}
    licences = dict(_licences((built / f"{name}-{target.name}" / "python").glob("*.dist-info/METADATA")))
    for pin in pins.read(sources / name / "requirements.txt", target):
        package, _, version = pin.partition("==")
        purl = f"pkg:pypi/{package.lower().replace('_', '-')}@{version}"
        yield {**_library(package, version, name, licences.get(purl)), "bom-ref": purl, "purl": purl}


def _library(package: str, version: str, layer: str, licence: str | None) -> dict[str, Any]:
    return {
        "type": "library",
        "name": package,
        "version": version,
        **({"licenses": [{"expression": licence}]} if licence else {}),
        "properties": [{"name": "ranklet:layer", "value": layer}],
    }


def _licences(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Package as purl → its licence as an SPDX expression, of those that state one (PEP 639)."""
    for path in files:
        said = HeaderParser().parsestr(path.read_text(encoding="utf-8"))
        if expression := said.get("License-Expression"):
            yield f"pkg:pypi/{said['Name'].lower().replace('_', '-')}@{said['Version']}", expression


def _tool() -> dict[str, Any]:
    return {"type": "application", "name": "ranklet", "version": installed("ranklet")}
