"""The folder of the runtime client: the stock files, what they require, and nothing else."""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path

import pytest

from ranklet.errors import LocalError
from ranklet.local import runtime_client
from ranklet.local.runtime_client import base_python, runtime_folder


def test_folder_holds_the_client_and_its_requirements_alone(runtime: Path) -> None:
    packages = {path.name.split("-")[0].split(".")[0] for path in runtime.iterdir()} - {"__pycache__"}
    assert packages == {"awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py"}


def test_files_are_those_that_were_installed(runtime: Path) -> None:
    for file in importlib.metadata.files("awslambdaric") or ():
        if file.suffix in (".py", ".so"):
            assert (runtime / file).read_bytes() == file.read_binary()


def test_name_tells_versions_and_interpreter(runtime: Path) -> None:
    version = importlib.metadata.version("awslambdaric")
    assert runtime.name.startswith(f"awslambdaric-{version}-simplejson-")
    assert "cpython-3" in runtime.name


def test_client_is_imported_by_the_bare_interpreter_without_compiling(runtime: Path) -> None:
    code = "import awslambdaric.bootstrap, simplejson, sys; print(awslambdaric.bootstrap.__cached__)"
    out = subprocess.run(
        [base_python(), "-S", "-s", "-P", "-B", "-c", code],
        env={"PYTHONPATH": str(runtime)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    cached = Path(out.strip())
    assert cached.parent.parent == runtime / "awslambdaric"
    assert cached.read_bytes()[4] == 1  # hash-based, and not checked against the source


def test_second_use_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = runtime_folder(tmp_path)
    (first / "mark").touch()
    assert runtime_folder(tmp_path) == first
    assert (first / "mark").exists()
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_absent_client_is_told_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_client, "CLIENT", "no-such-client")
    with pytest.raises(LocalError, match="no-such-client is not installed"):
        runtime_folder(tmp_path)
