"""What is asked of KServe's V1 client for a golden request, and how its answer is read."""

from __future__ import annotations

from typing import Any

import pytest
from clients_kit import Row


def bodies(row: Row) -> dict[str, dict[str, Any]]:
    """The request in both forms, by key."""
    return {"instances": {"instances": row.rows}, "inputs": {"inputs": row.columns}}


def check(answer: dict[str, Any], row: Row) -> None:
    """Assert that the answer has the golden scores, and all that the model tells."""
    ((key, told),) = answer.items()
    if row.outputs and key == "predictions":
        told = {name: [one[name] for one in told] for name in told[0]}
    scores = told["score"] if row.outputs else told
    assert scores == pytest.approx(row.scores, abs=1e-6)
    if row.outputs:
        assert told["genre"] == row.outputs["genre"]
        assert told["margin"] == pytest.approx(row.outputs["margin"], abs=1e-6)
