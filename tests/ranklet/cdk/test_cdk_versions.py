"""When a function gets a new version, and that nothing else changes a template."""

from __future__ import annotations

from pathlib import Path

import pytest
from cdk_project import Assembly, Synthesise, prove, write_bundle, write_model

from ranklet.project import Project


@pytest.fixture
def bundle(project: Project) -> Path:
    write_model(project, "films")
    return write_bundle(project, "films")


def version(assembly: Assembly) -> str:
    return assembly.logical("films", "AWS::Lambda::Version")


def files(assembly: Assembly) -> dict[str, bytes]:
    """The assembly's own files: all templates and lists of assets, and which assets there are."""
    return {path.name: path.read_bytes() if path.is_file() else b"" for path in assembly.folder.iterdir()}


def test_two_syntheses_are_equal(bundle: Path, synthesise: Synthesise) -> None:
    assert files(synthesise()) == files(synthesise())


def test_another_bundle_makes_another_version(bundle: Path, synthesise: Synthesise) -> None:
    before = version(synthesise())
    (bundle / "weights.npz").write_bytes(b"\x01")
    prove(bundle)
    assert version(synthesise()) != before


@pytest.mark.parametrize("layer", ["features", "inference"])
def test_another_content_of_a_layer_makes_another_version(
    bundle: Path, synthesise: Synthesise, tmp_path: Path, layer: str
) -> None:
    """The layer's ARN is a token, equal before and after: without more, a new layer would stay without effect."""
    before = version(synthesise())
    (tmp_path / "layers" / f"{layer}-x86_64" / "python" / f"stub_{layer}" / "more.py").write_text("")
    assert version(synthesise()) != before


def test_a_layer_that_the_function_does_not_have_makes_none(
    bundle: Path, synthesise: Synthesise, tmp_path: Path
) -> None:
    before = synthesise()
    (tmp_path / "layers" / "onnx-x86_64" / "python" / "stub_onnx" / "more.py").write_text("")
    after = synthesise()
    assert after.template("films") == before.template("films")
    assert after.template("ranklet-shared") != before.template("ranklet-shared")


def test_capacity_alone_makes_no_new_version(bundle: Path, project: Project, synthesise: Synthesise) -> None:
    before = version(synthesise())
    path = project.functions / "films" / "model.toml"
    path.write_text(path.read_text() + '[warmth]\nkind = "provisioned"\ncount = 3\n')
    prove(bundle)
    assert version(synthesise()) == before
