"""The README's JavaScript, run by node: it knows the model's OpenAPI document and nothing else."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from clients_kit import Row

from ranklet.node import executable

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
(SNIPPET,) = re.findall(r"```js\n(.*?)```", README, re.DOTALL)
ENVIRONMENT = {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}


def _run(url: str, model: str, request: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    code = SNIPPET.replace("http://localhost:8080", url).replace("my-ranker", model)
    code, count = re.subn(
        r"const request = \{.*?\};\n", lambda _: f"const request = {json.dumps(request)};\n", code, flags=re.DOTALL
    )
    assert count == 1
    return subprocess.run(
        [executable(), "--input-type=module", "--eval", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=ENVIRONMENT,
    )


def test_it_finds_its_way_by_the_document_and_gets_the_golden_scores(served: str, golden: list[Row]) -> None:
    for row in golden[:2] + golden[-1:]:
        done = _run(served, row.model, {"user": row.user, "context": row.context, "items": row.items})
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["scores"] == pytest.approx(list(row.scores), abs=1e-6)
        assert answer.get("outputs", {}).get("genre") == row.outputs.get("genre")


def test_it_throws_the_servers_words(served: str) -> None:
    done = _run(served, "films", {"user": {"age": "old"}, "items": {"id": [10], "price": [1]}})
    assert done.returncode == 1
    assert "400 $.user.age" in done.stderr
