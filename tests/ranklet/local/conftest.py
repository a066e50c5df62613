"""Functions of the handlers beside this file, the runtime client's folder, and a hand-written cloud assembly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from local_helpers import (
    HANDLERS,
    copy_handlers,
    model_template,
    shared_layer,
    shared_template,
    write_manifest,
    write_stack,
)

from ranklet.local.environment import Launch
from ranklet.local.function import Function
from ranklet.local.logs import LogLine
from ranklet.local.runtime_client import runtime_folder


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the runtime client, made once."""
    return runtime_folder(tmp_path_factory.mktemp("runtime"))


@pytest.fixture
def lines() -> list[LogLine]:
    """What was logged so far."""
    return []


Launcher = Callable[..., Launch]


@pytest.fixture
def launch(runtime: Path, lines: list[LogLine]) -> Launcher:
    """Make a launch of `module.handler` from the handlers folder; keywords are the function's fields."""

    def make(handler: str, **fields: Any) -> Launch:
        function = Function(**{"name": "tiny", "handler": handler, "code": HANDLERS, "timeout_s": 10.0, **fields})
        return Launch(function, runtime, log=lines.append)

    return make


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """A cloud assembly with a shared stack (API stage, one layer) and the stacks `first` and `second`."""
    folder = tmp_path / "cdk.out"
    shared_layer(folder)
    write_stack(folder, "shared", shared_template())
    write_stack(folder, "first", model_template("first", "tiny.proxy"), assets={"code.zip": "asset.code"})
    write_stack(folder, "second", model_template("second", "tiny.importing"), assets={"code.zip": "asset.code"})
    copy_handlers(folder / "asset.code")
    write_manifest(folder, ["shared", "first", "second"])
    return folder
