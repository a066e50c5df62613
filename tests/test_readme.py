"""README.md is documentation that runs: its commands, its tables and its whole way from a model to an endpoint."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ranklet.cli import COMMANDS
from ranklet.model import Model
from ranklet.node import executable
from ranklet_features.kinds import KINDS
from ranklet_runtime import errors
from ranklet_runtime.dialects import DIALECTS
from ranklet_runtime.engines import ENGINES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROUTES = {
    "native": ":rank`",
    "tfserving": ":predict`",
    "v2": "/infer`",
    "sagemaker": "`POST /endpoints/<model>/invocations`",
    "mlflow": "`GET /<model>/version`",
    "openscoring": "`POST /<model>/model/<model>`",
}
"""Dialect → what the table of clients says of it."""
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def test_the_first_two_commands_are_one_line_each_and_do_all_the_set_up() -> None:
    demo, tests = (block.strip() for block in BLOCKS[:2])
    for line in (demo, tests):
        assert "\n" not in line
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert demo.endswith(".venv/bin/ranklet demo")
    assert tests.endswith(".venv/bin/pytest")


def test_every_command_it_names_exists() -> None:
    named = set(re.findall(r"^ranklet ([a-z]+)|`ranklet ([a-z]+)", README, re.MULTILINE))
    assert {first or second for first, second in named} <= set(COMMANDS)


def test_every_file_it_links_to_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_it_names_every_engine_and_every_dialects_route() -> None:
    for engine in ENGINES:
        assert f"`{engine}`" in README, engine
    for dialect in DIALECTS:
        assert ROUTES[dialect] in README, dialect


def test_it_describes_every_kind_of_feature_and_every_table_of_model_toml() -> None:
    for kind in KINDS:
        assert f"| `{kind}` |" in README, kind
    for name in set(Model.__struct_fields__) - {"name", "version", "description", "kind"}:
        assert f"`[{name}]`" in README or f"`[[{name}]]`" in README or f"`[{name}.<name>]`" in README, name


def test_every_status_that_the_runtime_answers_is_explained() -> None:
    faults = [fault for fault in vars(errors).values() if isinstance(fault, type) and hasattr(fault, "status")]
    for status in {fault.status for fault in faults} - {500}:
        assert f"{status}" in README, status


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project whose layers are those that this checkout has built already."""
    (tmp_path / "functions").mkdir()
    shutil.copy(ROOT / "cdk.json", tmp_path)
    (ROOT / ".build" / "layers").mkdir(parents=True, exist_ok=True)
    (tmp_path / ".build").mkdir()
    (tmp_path / ".build" / "layers").symlink_to(ROOT / ".build" / "layers")
    return tmp_path


@contextlib.contextmanager
def _serving(command: str, project: Path, environment: dict[str, str]) -> Iterator[None]:
    with subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=project, env=environment) as server:
        try:
            yield
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=60)


def test_the_way_from_a_model_to_an_endpoint_works_as_written(project: Path) -> None:
    new, _import, build, serve = BLOCKS[2:6]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for block in (new, build):
        subprocess.run(["bash", "-ec", block], cwd=project, env=environment, check=True, timeout=300)
    command, call = serve.split("\n", 1)
    port = str(_free_port())
    with _serving(command.replace("8080", port), project, environment):
        call = call.replace("8080", port).replace("curl -s", "curl -s --fail --max-time 30")
        answer = _until_it_answers(call, project)
        _the_ways_of_calling_agree(port, project, environment)
    assert sorted(answer) == ["items", "scores"]
    assert len(answer["items"]) == 2
    assert set(answer["items"]) <= {10, 20, 30}
    assert answer["scores"] == sorted(answer["scores"], reverse=True)


def _the_ways_of_calling_agree(port: str, project: Path, environment: dict[str, str]) -> None:
    """Python, JavaScript and curl, as the README has them."""
    (curls,) = (block for block in BLOCKS if ":predict" in block)
    native, predicted, inferred = (
        _until_it_answers(f"curl --fail --max-time 30 {call}".replace("8080", port), project)
        for call in curls.split("curl ")[1:]
    )
    (python,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    check = "assert len(ranked) == len(ranked.items) == 20"
    (javascript,) = re.findall(r"```js\n(.*?)```", README, re.DOTALL)
    ran = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout
        for command in (
            [sys.executable, "-c", f"{python.replace('8080', port)}\n{check}"],
            [executable(), "--input-type=module", "--eval", javascript.replace("8080", port)],
        )
    ]
    scores = native["scores"]
    assert len(scores) == 3
    assert json.loads(ran[1])["scores"] == scores
    assert predicted["outputs"] == scores
    assert inferred["outputs"][0]["data"] == scores


def _until_it_answers(call: str, project: Path, *, tries: int = 240) -> dict[str, Any]:
    for _ in range(tries):
        done = subprocess.run(
            ["bash", "-c", call], cwd=project, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode == 0:
            answer: dict[str, Any] = json.loads(done.stdout)
            return answer
        time.sleep(0.5)
    raise AssertionError(f"no answer: {done.stdout} {done.stderr}")
