"""Long expressions of a draft stand in files beside model.toml, and are read as if they stood in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from ranklet import model
from ranklet.draft.expressions import LONG, WIDTH, apart
from ranklet.errors import ModelError
from ranklet.importers.proposal import Proposal

TABLE = ["map", [["field", "c"]], [[[f"word {at}"], at / 7] for at in range(500)], "double", None, {"a": ["é"] * 60}]


def text(value: Any) -> str:
    return orjson.dumps(value).decode()


def proposed(**exprs: Any) -> Proposal:
    lines: Mapping[str, Any] = {
        name: {"kind": "expression", "of": ["c"], "expr": text(one)} for name, one in exprs.items()
    }
    return Proposal(inputs={}, features=lines, steps=(), score="score")


def test_a_long_one_is_a_file_of_short_lines_and_a_short_one_stays() -> None:
    made = apart(proposed(long=TABLE, short=["field", "c"]))
    assert made.features["short"]["expr"] == '["field","c"]'
    assert made.features["long"]["expr"] == "expressions/long.json"
    content = made.files["expressions/long.json"]
    assert orjson.loads(content) == TABLE
    lines = content.decode().splitlines()
    assert len(lines) > 500
    assert max(map(len, lines)) <= WIDTH + 1
    assert len(text(TABLE)) > LONG


def folder_with(expr: str, folder: Path) -> Path:
    folder.mkdir()
    (folder / "model.toml").write_text(
        f'name = "{folder.name}"\n[inputs]\nc = {{ side = "item", type = "string", default = "" }}\n'
        f'[features]\nf = {{ kind = "expression", of = "c", expr = \'{expr}\' }}\n'
        '[[steps]]\nformat = "onnx"\nsource = "model.onnx"\n'
    )
    return folder


def test_it_is_read_as_if_it_stood_there(tmp_path: Path) -> None:
    folder = folder_with("expressions/long.json", tmp_path / "ranker")
    (folder / "expressions").mkdir()
    (folder / "expressions" / "long.json").write_bytes(apart(proposed(long=TABLE)).files["expressions/long.json"])
    assert model.load(folder).features["f"].options == {"expr": text(TABLE)}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.json", None, r"\$\.features\.f\.expr names gone\.json, which cannot be read as JSON: No such file"),
        ("bad.json", "[1,", r"names bad\.json, which cannot be read as JSON: "),
        ("../other.json", "[1]", r"names \.\./other\.json, outside the model's folder"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, content: str | None, message: str, tmp_path: Path) -> None:
    folder = folder_with(name, tmp_path / "ranker")
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(ModelError, match=message):
        model.load(folder)
