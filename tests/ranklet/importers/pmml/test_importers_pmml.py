"""PMML files answer as JPMML does: its stored answers, of rows with missing, unknown and invalid values.

Where JPMML raises because an argument is missing, or a result is no number, ours is null: those rows must be served.
Where a value is invalid and JPMML never looks at it, ours is refused all the same, by the name of its field.
"""

from __future__ import annotations

from pathlib import Path

import pmml_kit as kit
import pytest

from ranklet.importers import pmml
from ranklet.importers.proposal import Wishes

NAMES = kit.names()


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_jpmml_does(name: str) -> None:
    stored = kit.stored(name)
    ours = kit.Ours(stored.text)
    for row in stored.refused:
        refusal = ours.refused(stored.rows, row)
        assert refusal is not None and refusal.name in stored.rows, row
    ours.answered(stored.rows, [row for row in stored.errors if row not in stored.refused])
    asked = [row for row in range(stored.count) if row not in stored.errors]
    found, rows, _ = ours.answered(stored.rows, asked)
    assert set(found) == set(stored.answers)
    assert len(rows) >= stored.count // 20, "most rows are refused"
    for field, wanted in stored.answers.items():
        for answer, row in zip(found[field], rows, strict=True):
            apart = kit.differs(answer, wanted[row], 1e-5 if ours.floats else 1e-9)
            assert apart is None, (
                field,
                row,
                wanted[row],
                answer,
                {one: given[row] for one, given in stored.rows.items()},
            )


def test_there_are_many_of_them() -> None:
    assert len(NAMES) >= 150
    assert all(kit.stored(name).count >= 200 for name in NAMES)


def test_the_file_itself_is_proposed(tmp_path: Path) -> None:
    path = tmp_path / "model.pmml"
    path.write_bytes(kit.stored("reg_logit").text)
    assert pmml.recognises(path, path.read_bytes()[:512])
    proposal = pmml.propose(path, Wishes())
    assert list(proposal.tell) == ["y"]
    assert proposal.nulls
