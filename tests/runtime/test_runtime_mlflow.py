"""MLflow's scoring server, by itself and where SageMaker's dialect answers its path: same bodies, same answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from invocations_kit import COLUMNS, CSV, HEADER, INPUTS, JSON, ROWS, SCORES, TABLE, ask, npy
from packaging.version import Version
from runtime_kit import MODEL, REQUEST, body_of, event, expected, json_of

from ranklet_runtime.function import Function

Open = Callable[..., Function]
SPLIT = {"columns": list(INPUTS), "data": TABLE}
NAN = float("nan")


@pytest.fixture(params=["alone", "beside SageMaker"])
def either(request: pytest.FixtureRequest, films: Function, open_films: Open) -> Function:
    """The kit's model, speaking MLflow's protocol alone or all of them."""
    return open_films(dialects=["mlflow"]) if request.param == "alone" else films


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ({"dataframe_split": SPLIT}, JSON),
        ({"dataframe_split": {**SPLIT, "index": [7, 8, 9]}}, JSON),
        ({"dataframe_split": {"data": TABLE}}, JSON),
        ({"dataframe_split": {"columns": list(range(6)), "data": TABLE}}, JSON),
        ({"dataframe_records": ROWS}, JSON),
        ({"instances": ROWS}, JSON),
        ({"instances": TABLE}, JSON),
        ({"inputs": COLUMNS}, JSON),
        ({"inputs": {**COLUMNS, "age": 31, "country": ["fr"], "hour": 20}}, JSON),
        ({"inputs": ROWS}, JSON),
        ({"inputs": TABLE}, JSON),
        ({"inputs": [[31.0, "fr", 20.0, *row[3:]] for row in TABLE]}, JSON),
        ({"dataframe_records": ROWS, "params": {"temperature": 0.5}}, JSON),
        ({"dataframe_records": ROWS, "params": None, "client_request_id": "7"}, "application/json; charset=UTF-8"),
        (HEADER + CSV, "text/csv"),
        (HEADER + CSV, "text/csv; charset=utf-8"),
    ],
)
def test_every_body_gives_predictions(either: Function, body: Any, content_type: str) -> None:
    for path in ("/invocations", f"/{MODEL}/invocations"):
        assert json_of(ask(either, body, content_type, path=path)) == {"predictions": SCORES}


def test_gaps_of_data_frames_are_missing_values(either: Function) -> None:
    frame = {
        "columns": ["age", "country", "id", "price", "rating"],
        "data": [[31.0, NAN, 10.0, 2.5, 4.5], [31.0, None, 30.0, 4.0, NAN], [31.0, NAN, 40.0, 0.5, None]],
    }
    without = {**REQUEST, "user": {"age": 31}, "context": {}, "items": {**REQUEST["items"], "rating": [4.5, 3.0, 3.0]}}
    answer = json_of(ask(either, json.dumps({"dataframe_split": frame})))
    assert answer["predictions"] == pytest.approx(expected(without), abs=1e-6)


def test_nan_within_a_text_is_a_text(either: Function) -> None:
    rows = [{**row, "country": "NaN"} for row in ROWS]
    unknown = expected({**REQUEST, "user": {"age": 31, "country": "??"}})
    assert json_of(ask(either, {"dataframe_records": rows})) == {"predictions": pytest.approx(unknown, abs=1e-6)}


def test_several_outputs_are_objects_by_name(open_films: Open) -> None:
    step = {
        "engine": "linear",
        "rows": "item",
        "inputs": {name: name for name in ("age", "country", "hour", "price", "rating", "vector")},
        "outputs": {"score": "score", "logit": "logit"},
        "artefact": "weights.npz",
    }
    films = open_films(steps=[step], told={"margin": {"tensor": "logit"}}, dialects=["mlflow"])
    predictions = json_of(ask(films, {"dataframe_split": SPLIT}))["predictions"]
    assert [row["score"] for row in predictions] == SCORES
    assert all(row.keys() == {"score", "margin"} for row in predictions)


def test_an_empty_frame_has_no_predictions(either: Function) -> None:
    for frame in ({**SPLIT, "data": []}, {"data": []}):
        assert json_of(ask(either, {"dataframe_split": frame})) == {"predictions": []}
    assert json_of(ask(either, HEADER, "text/csv")) == {"predictions": []}


@pytest.mark.parametrize("path", ["/ping", "/health"])
def test_health_is_answered(either: Function, path: str) -> None:
    assert either(event(path, method="GET"), None)["statusCode"] == 200


def test_the_version_is_text_that_packaging_reads_and_no_release_of_mlflow(either: Function) -> None:
    answer = either(event("/version", method="GET"), None)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "text/plain")
    version = Version(body_of(answer).decode())
    assert (version.major, version.local) == (3, "ranklet")


MALFORMED: list[tuple[Any, str, int, str]] = [
    (b"", JSON, 400, "the body is empty"),
    (b"\xff", JSON, 400, "not valid JSON"),
    (b'{"dataframe_split": NaN', JSON, 400, "not valid JSON"),
    ([], JSON, 400, "exactly one of `instances`, `inputs`, `dataframe_split`, `dataframe_records`"),
    ({"params": {}}, JSON, 400, "exactly one of"),
    ({"dataframe_split": SPLIT, "dataframe_records": ROWS}, JSON, 400, "exactly one of"),
    ({"dataframe_split": TABLE}, JSON, 400, "$.dataframe_split: must be an object with `data`"),
    ({"dataframe_split": {"columns": []}}, JSON, 400, "$.dataframe_split: must be an object with `data`"),
    ({"dataframe_split": {**SPLIT, "dtypes": []}}, JSON, 400, "$.dataframe_split: must be an object with `data`"),
    ({"dataframe_split": {**SPLIT, "data": 5}}, JSON, 400, "$.dataframe_split.data: must be a list of rows"),
    ({"dataframe_split": {**SPLIT, "data": [5]}}, JSON, 400, "$.dataframe_split.data[0]: rows must be lists"),
    ({"dataframe_split": {**SPLIT, "data": [TABLE[0], []]}}, JSON, 400, "$.dataframe_split.data[1]: rows must be"),
    ({"dataframe_split": {**SPLIT, "columns": 5}}, JSON, 400, "$.dataframe_split.columns: must be a list of names"),
    ({"dataframe_split": {**SPLIT, "columns": [1, 2]}}, JSON, 400, "$.dataframe_split.columns: must be a list"),
    ({"dataframe_split": {**SPLIT, "columns": ["a"]}}, JSON, 400, "$.dataframe_split.columns: 1 names for 6 columns"),
    ({"dataframe_split": {**SPLIT, "columns": ["age"] * 6}}, JSON, 400, "'age' is there twice"),
    ({"dataframe_split": {**SPLIT, "columns": [*INPUTS[:5], "x"]}}, JSON, 400, "not an input of this model"),
    ({"dataframe_split": {"data": [[1]]}}, JSON, 400, "1 columns without names"),
    ({"dataframe_split": {"data": [[]]}}, JSON, 400, "0 columns without names"),
    ({"dataframe_split": {**SPLIT, "data": TABLE * 700}}, JSON, 413, "2100 rows"),
    ({"dataframe_records": SPLIT}, JSON, 400, "$.dataframe_records: must be a list of rows, not an object"),
    ({"dataframe_records": [5]}, JSON, 400, "$.dataframe_records[0]: a row must be an object"),
    ({"dataframe_records": [{**ROWS[0], "price": "x"}]}, JSON, 400, "$.dataframe_records[0].price: a number"),
    ({"dataframe_split": {**SPLIT, "data": [[*row[:4], "x", 1] for row in TABLE]}}, JSON, 400,
     "$.dataframe_split.data[0].price: a number"),
    (b"", "text/csv", 400, "the body is empty"),
    ("age,price\n1,x\n", "text/csv", 400, "$.rows[0].price: a number is expected"),
    (npy([1.0]), "application/vnd.apache.parquet", 415, "is not read here; send application/json"),
    ({"inputs": COLUMNS}, "application/json; charset=latin-1", 415, "charset=latin-1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "content_type", "status", "said"), MALFORMED, ids=[str(i) for i in range(len(MALFORMED))]
)
def test_malformed_bodies_are_refused(either: Function, body: Any, content_type: str, status: int, said: str) -> None:
    answer = ask(either, body, content_type)
    document = json_of(answer)
    assert answer["statusCode"] == status
    assert document.keys() == {"error_code", "message"}
    assert document["error_code"] == "BAD_REQUEST"
    assert said in document["message"]


def test_alone_it_takes_the_first_line_of_csv_for_a_header(open_films: Open) -> None:
    answer = ask(open_films(dialects=["mlflow"]), CSV, "text/csv")
    assert answer["statusCode"] == 400
    assert "not an input of this model" in json_of(answer)["message"]


def test_unknown_columns_are_ignored_where_the_manifest_says_so(open_films: Open) -> None:
    films = open_films(surplus="ignore")
    table = "user_id," + HEADER + "".join(f"x{line}\n" for line in ("," + row for row in CSV.splitlines()))
    assert json_of(ask(films, table, "text/csv")) == {"predictions": SCORES}
    assert json_of(ask(films, {"dataframe_records": [{**row, "user_id": "x"} for row in ROWS]})) == {
        "predictions": SCORES
    }


def test_what_is_not_there_has_mlflows_names(open_films: Open) -> None:
    films = open_films(dialects=["mlflow"])
    answer = films(event("/version/x", method="GET"), None)
    assert (answer["statusCode"], json_of(answer)["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    answer = films(event("/invocations", method="GET"), None)
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, "POST")
