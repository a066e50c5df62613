"""What MLflow's own scoring code makes of a body, and of a broken one, beside what is made of it here."""

from __future__ import annotations

import json
import math
import warnings
from typing import Any

import pandas as pd
import pytest
from clients_kit import Row, shelf_rows, write_shelves

from ranklet.local.event_v2 import event_v2
from ranklet_runtime.function import Function

pytestmark = pytest.mark.oracle

JSON, CSV = "application/json", "text/csv"
SHELVES = {"comedy": 0.5, "drama": -0.5, "western": 1.0}


class Shelves:
    """The model by its definition, as a pyfunc model: it gets what MLflow read, and tells a data frame."""

    metadata = None

    def predict(self, data: Any) -> pd.DataFrame:
        frame = data if isinstance(data, dict) else pd.DataFrame(data)
        margins = [
            0.25 + 0.0625 * float(age) + SHELVES.get(str(shelf), 0.0) + 0.125 * size[0] - 0.25 * size[1]
            for age, shelf, size in zip(frame["age"], frame["shelf"], frame["size"], strict=True)
        ]
        scores = [1 / (1 + math.exp(-margin)) for margin in margins]
        genres = [str(shelf) or None for shelf in frame["shelf"]]
        return pd.DataFrame({"score": scores, "margin": margins, "genre": genres})


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Function:
    """The same model, served here."""
    return Function.open(write_shelves(tmp_path_factory.mktemp("served") / "shelves"), {})


def theirs(body: str, content_type: str) -> tuple[int, Any]:
    """Status and document of MLflow's scoring server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's own modules
        from mlflow.exceptions import MlflowException
        from mlflow.pyfunc.scoring_server import invocations

        try:
            answer = invocations(body, content_type, Shelves(), None)
        except MlflowException as error:
            return error.get_http_status_code(), json.loads(error.serialize_as_json())
    return answer.status, json.loads(answer.response) if answer.mimetype == JSON else answer.response


def ours(shelves: Function, body: str, content_type: str) -> tuple[int, Any]:
    """Status and document of the function."""
    sent = event_v2("POST", "/invocations", headers={"content-type": content_type}, body=body.encode())
    answer = shelves(sent, None)
    return answer["statusCode"], json.loads(answer["body"])


def written(row: Row) -> list[str]:
    frame = {"columns": list(row.rows[0]), "data": [list(one.values()) for one in row.rows]}
    repeated = {name: column * len(row.scores) if len(column) == 1 else column for name, column in row.columns.items()}
    documents = ({"dataframe_split": frame}, {"dataframe_records": row.rows}, {"instances": row.rows},
                 {"inputs": repeated}, {"inputs": row.rows},
                 {"dataframe_records": row.rows, "params": {"x": 1}})  # fmt: skip
    return [json.dumps(document) for document in documents]


@pytest.mark.parametrize("row", shelf_rows(), ids=["words", "a word missing"])
def test_answers_are_those_of_mlflow(shelves: Function, row: Row) -> None:
    for body in written(row):
        (status, mine), (wanted, its) = ours(shelves, body, JSON), theirs(body, JSON)
        assert status == wanted == 200
        assert mine.keys() == its.keys() == {"predictions"}
        for one, other in zip(mine["predictions"], its["predictions"], strict=True):
            assert list(one) == list(other)
            # pandas tells a text that is none as NaN, which is no JSON.
            assert one["genre"] == (None if pd.isna(other["genre"]) else other["genre"])
            assert [one["score"], one["margin"]] == pytest.approx([other["score"], other["margin"]], abs=1e-6)


BROKEN = [
    ("{", JSON),
    ("[]", JSON),
    ("{}", JSON),
    ('{"params": {}}', JSON),
    ('{"instances": [], "inputs": []}', JSON),
    ('{"dataframe_split": []}', JSON),
    ('{"dataframe_split": {"columns": []}}', JSON),
    ('{"dataframe_split": {"data": [], "x": 1}}', JSON),
    ('{"dataframe_split": {"columns": ["age"], "data": [[1, 2]]}}', JSON),
    ('{"dataframe_records": {}}', JSON),
    ('{"instances": [{"age": 1, "size": [1, 2]}]}', JSON),
    ('{"dataframe_records": [{"age": "x", "shelf": "drama", "size": [1, 2]}]}', JSON),
    ("", CSV),
    ("age\n1,2\n3\n", CSV),
    ("{}", "application/vnd.apache.parquet; charset=latin-1"),
    ("{}", "text/html"),
]


@pytest.mark.parametrize(("body", "content_type"), BROKEN)
def test_what_mlflow_refuses_is_refused_by_its_status_and_code(shelves: Function, body: str, content_type: str) -> None:
    (status, mine), (wanted, its) = ours(shelves, body, content_type), theirs(body, content_type)
    assert status == wanted
    # What it does not read is told in plain text there; here every refusal is a document.
    assert mine["error_code"] == (its["error_code"] if status == 400 else "BAD_REQUEST")
    assert mine["message"]
