"""What MLflow's client is asked to send for a golden row, and what it must make of the answer."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from clients_kit import Row


def asked(row: Row) -> dict[str, Any]:
    """Data for `invoke` by name: a data frame, and the documents that callers write themselves."""
    found: dict[str, Any] = {
        "frame": pd.DataFrame(row.rows),
        "records": json.dumps({"dataframe_records": row.rows}),
        "instances": json.dumps({"instances": row.rows}),
        "inputs": json.dumps({"inputs": row.columns}),
        "list": row.rows,
    }
    return found


def predictions(answer: Any, row: Row) -> None:
    """Hold a PredictionsResponse to the golden scores, as the data frame that callers take."""
    frame = answer.get_predictions()
    scores = frame["score"] if "score" in frame.columns else frame[0]
    assert scores.tolist() == pytest.approx(row.scores, abs=1e-6)
    for name, column in row.outputs.items():
        told = [None if pd.isna(value) else value for value in frame[name]]
        assert told == (pytest.approx(column, abs=1e-6) if name == "margin" else column)
