"""The list of what a model ships: valid CycloneDX, whole, and the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from cdk_project import ROOT, write_bundle, write_model
from click.testing import CliRunner
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from ranklet import certificate, sbom
from ranklet.cli import ranklet
from ranklet.deployable import Deployable, ready
from ranklet.errors import PackagingError
from ranklet.project import Project

NUMPY = """
Metadata-Version: 2.4
Name: numpy
Version: 2.5.5
License-Expression: BSD-3-Clause
"""


def made(project: Project, name: str, *, engine: str = "linear", more: str = "") -> Deployable:
    folder = write_model(project, name, format="onnx" if engine == "onnx" else "numpy", more=more)
    write_bundle(project, name, engine=engine)
    return ready(project, folder, build=lambda place: place)


def by_ref(document: dict[str, Any]) -> dict[str, Any]:
    return {one["bom-ref"]: one for one in document["components"]}


@pytest.mark.parametrize("engine", ["linear", "onnx"])
def test_document_is_valid_cyclonedx(project: Project, tmp_path: Path, engine: str) -> None:
    document = sbom.document(made(project, "films", engine=engine), built=tmp_path)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None


def test_files_of_the_bundle_stand_in_it_with_their_hashes(project: Project, tmp_path: Path) -> None:
    deployable = made(project, "films")
    document = sbom.document(deployable, built=tmp_path)
    listed = certificate.files(deployable.bundle)
    found = {one["name"]: one["hashes"] for one in document["components"] if one["type"] == "file"}
    assert found == {name: [{"alg": "SHA-256", "content": file.sha256}] for name, file in listed.items()}
    (pinned,) = document["metadata"]["component"]["properties"]
    assert pinned["value"] == certificate.digest(deployable.bundle)


def test_packages_are_the_pins_of_the_layers_that_the_function_has(project: Project, tmp_path: Path) -> None:
    plain = by_ref(sbom.document(made(project, "films"), built=tmp_path))
    onnx = by_ref(sbom.document(made(project, "towers", engine="onnx"), built=tmp_path))
    assert {"ranklet:ranklet-features", "ranklet:ranklet-runtime"} < set(plain)
    (numpy,) = [ref for ref in plain if ref.startswith("pkg:pypi/numpy@")]
    assert f"=={numpy.partition('@')[2]};" in (ROOT / "layers" / "features" / "requirements.txt").read_text()
    assert {ref.partition("@")[0] for ref in set(onnx) - set(plain) if ref.startswith("pkg:")} == {
        "pkg:pypi/onnxruntime"
    }


def test_licence_of_a_built_layer_is_told(project: Project, tmp_path: Path) -> None:
    deployable = made(project, "films", more='[function]\narchitecture = "arm64"\n')
    (numpy,) = [ref for ref in by_ref(sbom.document(deployable, built=tmp_path)) if "numpy" in ref]
    version = numpy.partition("@")[2]
    folder = tmp_path / "features-python3.13-manylinux_2_28_aarch64" / "python" / f"numpy-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(NUMPY.replace("2.5.5", version).lstrip())
    found = by_ref(sbom.document(deployable, built=tmp_path))
    assert found[numpy]["licenses"] == [{"expression": "BSD-3-Clause"}]
    assert "licenses" not in next(one for ref, one in found.items() if "orjson" in ref)


def test_same_model_gives_the_same_bytes_and_another_one_others(project: Project, tmp_path: Path) -> None:
    deployable = made(project, "films")
    first, again = (orjson.dumps(sbom.document(deployable, built=tmp_path)) for _ in range(2))
    assert first == again
    (deployable.bundle / "weights.npz").write_bytes(b"\x01" * 64)
    assert orjson.loads(first)["serialNumber"] != sbom.document(deployable, built=tmp_path)["serialNumber"]


def test_pin_that_is_not_exact_is_refused(project: Project, tmp_path: Path) -> None:
    for name in ("features", "inference"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "requirements.txt").write_text("numpy>=2\n")
    with pytest.raises(PackagingError, match="is not exact"):
        sbom.document(made(project, "films"), built=tmp_path, sources=tmp_path)


def test_command_writes_it(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(project, "films")
    monkeypatch.chdir(project.root)
    shown = CliRunner().invoke(ranklet, ["sbom", "films"])
    assert (shown.exit_code, json.loads(shown.stdout)["specVersion"]) == (0, "1.6")
    CliRunner().invoke(ranklet, ["sbom", "films", "--out", str(tmp_path / "films.cdx.json")])
    assert (tmp_path / "films.cdx.json").read_text() == shown.stdout
