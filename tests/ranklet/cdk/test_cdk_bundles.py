"""What may be deployed: a bundle that is there, or is built now, and is proven as it lies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cdk_project import Assembly, Synthesise, prove, write_bundle, write_model

from ranklet import certificate
from ranklet.deployable import TAKEN
from ranklet.errors import BundleError, ModelError, PackagingError
from ranklet.packaging import sizes
from ranklet.project import Project


@pytest.fixture
def bundle(project: Project) -> Path:
    write_model(project, "films")
    return write_bundle(project, "films")


def stacks(assembly: Assembly) -> set[str]:
    artifacts = json.loads((assembly.folder / "manifest.json").read_text())["artifacts"]
    return {name for name, one in artifacts.items() if one["type"] == "aws:cloudformation:stack"}


def test_missing_bundle_is_built_once_and_others_are_left(
    project: Project, synthesise: Synthesise, bundle: Path
) -> None:
    folder = write_model(project, "towers", format="onnx")
    built: list[Path] = []

    def build(which: Path) -> object:
        built.append(which)
        return write_bundle(project, which.name, engine="onnx")

    assert stacks(synthesise(build=build)) == {"ranklet-shared", "films", "towers"}
    assert built == [folder]
    assert stacks(synthesise()) == {"ranklet-shared", "films", "towers"}


def test_failing_build_ends_the_synthesis(project: Project, synthesise: Synthesise) -> None:
    write_model(project, "films")

    def build(which: Path) -> object:
        raise ModelError("no weights")

    with pytest.raises(ModelError, match="no weights"):
        synthesise(build=build)


def test_bundle_without_certificate_is_refused(bundle: Path, synthesise: Synthesise) -> None:
    (bundle / certificate.FILE).unlink()
    with pytest.raises(BundleError, match=r"has no certificate\.json"):
        synthesise()


def test_bundle_that_was_changed_after_its_proof_is_refused(bundle: Path, synthesise: Synthesise) -> None:
    (bundle / "weights.npz").write_bytes(b"\x01" * 64)
    with pytest.raises(BundleError, match="changed after it was proven"):
        synthesise()


@pytest.mark.parametrize("edit", ["version = 3 -> version = 4", "Ranks films -> Ranks all films"])
def test_bundle_older_than_its_folder_is_built_anew(
    bundle: Path, project: Project, synthesise: Synthesise, edit: str
) -> None:
    path = project.functions / "films" / "model.toml"
    path.write_text(path.read_text().replace(*edit.split(" -> ")))
    built: list[Path] = []

    def build(which: Path) -> object:
        built.append(which)
        shutil.rmtree(bundle)
        folder = write_bundle(project, "films")
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"3"', f'"{4 if "version" in edit else 3}"'))
        prove(folder)
        return folder

    synthesise(build=build)
    synthesise()
    assert built == [path.parent]


def test_bundle_with_a_manifest_of_another_format_is_refused(bundle: Path, synthesise: Synthesise) -> None:
    (bundle / "manifest.json").write_text('{"format": 99}')
    prove(bundle)
    with pytest.raises(BundleError, match="has format 99"):
        synthesise()


def test_choice_of_models_leaves_the_others_alone(project: Project, synthesise: Synthesise, bundle: Path) -> None:
    write_model(project, "towers")
    write_model(project, "waves")
    write_bundle(project, "waves")
    assert stacks(synthesise({"models": "films, waves"})) == {"ranklet-shared", "films", "waves"}


def test_choice_of_an_unknown_model_is_refused(bundle: Path, synthesise: Synthesise) -> None:
    with pytest.raises(ModelError, match="no model nobody"):
        synthesise({"models": "nobody"})


@pytest.mark.parametrize("name", TAKEN)
def test_name_that_would_hide_others_is_refused(project: Project, synthesise: Synthesise, name: str) -> None:
    write_model(project, name)
    with pytest.raises(ModelError, match=f"name '{name}' is taken"):
        synthesise()


def test_more_provisioned_than_reserved_is_refused(project: Project, synthesise: Synthesise) -> None:
    write_model(project, "films", more='[warmth]\nkind = "provisioned"\ncount = 5\n[function]\nreserved = 4\n')
    with pytest.raises(ModelError, match="count = 5 is above"):
        synthesise()


def test_package_above_lambdas_limit_is_refused(bundle: Path, synthesise: Synthesise) -> None:
    (bundle / "tables").mkdir()
    with (bundle / "tables" / "item.npy").open("wb") as file:
        file.truncate(sizes.LIMIT)
    prove(bundle)
    with pytest.raises(PackagingError, match=r"largest file is tables/item\.npy in films"):
        synthesise()


def test_words_and_code_in_the_folder_do_not_make_a_bundle_stale(
    bundle: Path, project: Project, synthesise: Synthesise
) -> None:
    (project.functions / "films" / "README.md").write_text("What it ranks")
    (project.functions / "films" / "train.py").write_text("print()")
    synthesise()
