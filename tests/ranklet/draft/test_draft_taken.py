"""Golden candidates that the model itself refuses are left out, and a note says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ranklet import model
from ranklet.draft.taken import taken

TOML = """
name = "ranker"
[inputs]
age = { side = "user", type = "float", nan = "allow" }
price = { side = "item", type = "float", nan = "allow" }
[features]
a = { kind = "expression", of = "age", expr = '["require",["field","age"]]' }
p = { kind = "expression", of = "price", expr = '["require",["field","price"]]' }
[[steps]]
format = "onnx"
source = "model.onnx"
"""


@pytest.fixture
def described(tmp_path: Path) -> model.Model:
    folder = tmp_path / "ranker"
    folder.mkdir()
    (folder / "model.toml").write_text(TOML)
    return model.load(folder)


def asked(age: float | None, *prices: float | None) -> tuple[dict[str, Any], dict[str, Any], dict[str, list[Any]]]:
    return {"age": age}, {}, {"price": list(prices)}


@pytest.mark.parametrize(
    ("given", "kept", "note"),
    [
        ([asked(1, 2, 3)], [asked(1, 2, 3)], None),
        ([asked(1, None, 3, None, 5)], [asked(1, 3, 5)], "2 golden candidates were left out"),
        ([asked(None, 2, 3), asked(1, 4)], [asked(1, 4)], "a golden candidate was left out"),
        ([asked(1, None), asked(1, 4)], [asked(1, 4)], "a golden candidate was left out"),
        ([asked(None, 2)], [], "a golden candidate was left out"),
    ],
)
def test_what_is_refused_is_left_out(
    given: list[Any], kept: list[Any], note: str | None, described: model.Model, tmp_path: Path
) -> None:
    found, told = taken(given, described, tmp_path)
    assert found == kept
    assert bool(told) == (note is not None)
    assert note is None or note in told[0]


def test_what_was_asked_is_not_changed(described: model.Model, tmp_path: Path) -> None:
    given = [asked(1, None, 3)]
    taken(given, described, tmp_path)
    assert given == [asked(1, None, 3)]
