"""The app as `cdk` runs it: a process of its own, without credentials, without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cdk_project import ROOT, stub_layers, write_bundle, write_model

from ranklet import app, certificate
from ranklet.project import Project

DRIVER = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from cdk_project import never, stub_layers
from ranklet import app
from ranklet.project import Project
app.synthesise(Project(Path({root!r})), out=Path({out!r}), build=never, layer=stub_layers(Path({layers!r})))
"""


def without_network() -> list[str]:
    """The words that take the network away from a command; none where the system does not allow it."""
    words = [shutil.which("unshare") or "", "--net", "--map-root-user"]
    if words[0] and subprocess.run([*words, "true"], capture_output=True).returncode == 0:
        return words
    return []


def stripped(tmp_path: Path) -> dict[str, str]:
    """An environment with nothing but a PATH without node, and an empty home."""
    return {"PATH": "/usr/sbin:/sbin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}


def test_synthesises_off_line_without_credentials_and_passes_the_cdks_own_validation(
    project: Project, tmp_path: Path
) -> None:
    write_model(project, "films", format="onnx")
    write_bundle(project, "films", engine="onnx")
    out = tmp_path / "cdk.out"
    script = DRIVER.format(
        tests=str(Path(__file__).parent), root=str(project.root), out=str(out), layers=str(tmp_path / "layers")
    )
    # CDK_VALIDATION is not set here, so the CDK checks the templates itself.
    done = subprocess.run(
        [*without_network(), sys.executable, "-c", script],
        env=stripped(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (out / "films.template.json").is_file()
    assert json.loads((out / "validation-report.json").read_text())["pluginReports"] == []
    artifacts = json.loads((out / "manifest.json").read_text())["artifacts"]
    assert artifacts["films"]["environment"] == "aws://unknown-account/unknown-region"
    assert not [one for one in artifacts.values() if "missing" in one]


def test_missing_bundle_is_built_by_the_real_pipeline(project: Project, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "functions" / "movie-ftrl", project.functions / "movie-ftrl")
    app.synthesise(project, out=tmp_path / "cdk.out", layer=stub_layers(tmp_path / "layers"))
    assert certificate.verify(project.bundle("movie-ftrl")).rows > 0
    assert (tmp_path / "cdk.out" / "movie-ftrl.template.json").is_file()


def test_app_of_cdk_json_is_this_module() -> None:
    document = json.loads((ROOT / "cdk.json").read_text())
    assert document["app"] == "python -m ranklet.app"


def run_app(folder: Path) -> subprocess.CompletedProcess[str]:
    """What `app` of cdk.json runs, in a project's folder."""
    return subprocess.run(
        [sys.executable, "-m", "ranklet.app"], cwd=folder, env={**os.environ}, capture_output=True, text=True
    )


def test_outside_of_a_project_one_message_and_the_errors_own_code(tmp_path: Path) -> None:
    done = run_app(tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "ranklet: not inside a ranklet project" in done.stderr
    assert "Traceback" not in done.stderr


def test_refused_bundle_ends_the_app_with_its_code(project: Project) -> None:
    write_model(project, "films")
    bundle = write_bundle(project, "films")
    (bundle / "certificate.json").unlink()
    done = run_app(project.root)
    assert done.returncode == 5
    assert "has no certificate.json" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["{", "[]"])
def test_broken_cdk_json_is_named(project: Project, text: str) -> None:
    write_model(project, "films")
    write_bundle(project, "films")
    (project.root / "cdk.json").write_text(text)
    done = run_app(project.root)
    assert done.returncode == 2
    assert "cdk.json: " in done.stderr and "Traceback" not in done.stderr
