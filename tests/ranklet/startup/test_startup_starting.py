"""A real start of a bundle under the stock runtime client, accounted for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ranklet.errors import LocalError
from ranklet.local.function import Function, Layer
from ranklet.local.runtime_client import base_python, runtime_folder
from ranklet.packaging.layers import SOURCES
from ranklet.startup.account import account
from ranklet.startup.starting import Place, start

OUT = SOURCES.parent / ".build"

HANDLER = """
import colorsys
def handler(event, context):
    import sched
    return {"statusCode": 200, "body": event["body"]}
"""


def place(folder: Path, code: str, **environment: str) -> Place:
    folder.mkdir()
    (folder / "entry.py").write_text(code)
    function = Function("entry", "entry.handler", folder, (), environment=environment, timeout_s=20.0)
    return Place(function, base_python(), runtime_folder(OUT / "runtime"))


def test_answer_and_its_cost_are_told(tmp_path: Path) -> None:
    found = start(place(tmp_path / "code", HANDLER), {"body": "x"})
    assert found.answer == {"statusCode": 200, "body": "x"}
    assert found.cpu_ms > 0 and found.wall_ms > 0 and found.traced is None


def test_account_names_every_module_with_who_asked_for_it(tmp_path: Path) -> None:
    found = account(place(tmp_path / "code", HANDLER), {"body": "x"}, starts=2)
    by = {one.name: one.by for one in found.modules}
    assert by["colorsys"] == "entry" and by["entry"] in ("", "client") and "sched" in by
    assert by["awslambdaric.lambda_runtime_client"] == "awslambdaric.__main__"
    assert {"python", "client", "imports"} <= set(found.phases)
    assert "colorsys" in found.loaded
    assert next(one for one in found.modules if one.name == "colorsys").bytes > 0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise ValueError('broken here')", "broken here"),
        ("def handler(event, context):\n    raise KeyError('lost')", "lost"),
        ("import os\nos._exit(3)", "it ended"),
    ],
)
def test_function_that_does_not_answer_says_why(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(LocalError, match=said):
        start(place(tmp_path / "code", code), {})
    with pytest.raises(LocalError, match=said):
        start(place(tmp_path / "traced", code), {}, traced=True)


def test_nothing_but_code_layers_and_client_is_on_the_path(tmp_path: Path) -> None:
    code = "import sys\ndef handler(event, context):\n    return sys.path"
    given = place(tmp_path / "code", code)
    (tmp_path / "layer" / "python").mkdir(parents=True)
    layered = Function("entry", "entry.handler", given.function.code, (Layer("one", tmp_path / "layer"),))
    for traced in (False, True):
        path = start(Place(layered, given.python, given.runtime), {}, traced=traced).answer
        assert path[:3] == [str(given.function.code), str(tmp_path / "layer" / "python"), str(given.runtime)]
        assert not [one for one in path if "site-packages" in one], json.dumps(path)
