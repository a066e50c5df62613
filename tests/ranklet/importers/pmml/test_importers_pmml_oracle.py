"""PMML files answer as JPMML does, asked anew with other rows. Needs Java 17: `python tests/oracles.py pmml`."""

from __future__ import annotations

import shutil
from typing import Any

import make_models
import pmml_fields
import pmml_kit as kit
import pmml_networks
import pmml_points
import pmml_rows
import pmml_rules
import pmml_segments
import pmml_trees
import pytest

pytestmark = pytest.mark.oracle
PARTS = (pmml_fields, pmml_networks, pmml_points, pmml_segments, pmml_trees)
FILES = {name: text for part in PARTS for name, text in part.files()}


@pytest.fixture(scope="module")
def backend() -> Any:
    """Java, once."""
    if shutil.which("java") is None:
        pytest.skip("no java on the PATH")
    return pytest.importorskip("jpmml_evaluator.jpype").JPypeBackend()


@pytest.mark.parametrize("name", FILES)
def test_it_answers_as_jpmml_does_now(name: str, backend: Any) -> None:
    rows = pmml_rows.drawn(FILES[name], f"{name} anew", missing=0.15, count=60)
    answers = make_models.asked(FILES[name], rows, backend)
    errors = answers["errors"]
    ours = kit.Ours(FILES[name].encode())
    hidden = kit.hidden(FILES[name])
    found, asked, _ = ours.answered(rows, [row for row in range(60) if row not in errors])
    for field, wanted in answers["columns"].items():
        if field in hidden:
            continue
        for answer, row in zip(found[field], asked, strict=True):
            told = kit.BEYOND.get(wanted[row], wanted[row])
            assert kit.differs(answer, told, 1e-9) is None, (field, row, told, answer)


def test_the_parts_are_of_the_rules() -> None:
    assert set(FILES) <= {name for name, _ in pmml_rules.files()}
