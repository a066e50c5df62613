"""The header by which a browser shows a REST API's answer to a page."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from ranklet_runtime.origins import shown

ANSWER: dict[str, Any] = {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": "{}"}
TWO = {"https://a.example", "https://b.example"}


@pytest.mark.parametrize("name", ["Origin", "origin"])
def test_origin_that_is_allowed_may_read_the_answer(name: str) -> None:
    answer = shown(ANSWER, {"headers": {name: "https://b.example"}}, TWO)
    assert answer["headers"] == {
        "content-type": "application/json",
        "vary": "origin",
        "access-control-allow-origin": "https://b.example",
    }
    assert (answer["statusCode"], answer["body"]) == (200, "{}")
    assert "vary" not in ANSWER["headers"]


@pytest.mark.parametrize("event", [{"headers": {"origin": "https://c.example"}}, {"headers": None}, {}, None, []])
def test_any_other_may_not(event: Any) -> None:
    assert "access-control-allow-origin" not in shown(ANSWER, event, TWO)["headers"]


def test_every_origin_may_where_all_are_allowed() -> None:
    assert shown(ANSWER, {}, {"*"})["headers"]["access-control-allow-origin"] == "*"


def test_entry_point_of_functions_imports_none_of_it() -> None:
    script = "import sys, ranklet_runtime.function; print('ranklet_runtime.origins' in sys.modules)"
    environ = {key: value for key, value in os.environ.items() if key != "RANKLET_ORIGINS"}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
