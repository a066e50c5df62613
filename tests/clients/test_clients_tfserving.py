"""Clients of TensorFlow Serving, unmodified: OpenVINO's, and whoever posts JSON."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import numpy as np
import pytest
from clients_kit import COUNTRIES, VECTORS, Row
from ovmsclient import make_http_client
from ovmsclient.tfs_compat.base.errors import InvalidInputError, ModelNotFoundError

WITHIN = {"abs": 1e-6}


def call(url: str, body: Any = None, content_type: str | None = "application/json") -> Any:
    """What is answered to a GET, or to a POST of the body, as `curl` would send it."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data)
    if data is not None and content_type:
        request.add_header("Content-Type", content_type)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def bases(served: str, model: str) -> tuple[str, str]:
    """The model's own prefix, and the fleet's."""
    return f"{served}/{model}", served


def test_rows_columns_and_examples_give_the_golden_scores(served: str, golden: list[Row]) -> None:
    for row in golden:
        for base in bases(served, row.model):
            url = f"{base}/v1/models/{row.model}"
            scores = [pytest.approx(score, **WITHIN) for score in row.scores]
            body = {"context": row.once, "examples": [_own(row, at) for at in range(len(scores))]}
            assert call(f"{url}:regress", body) == {"results": scores}
            assert [pairs[0][1] for pairs in call(f"{url}/versions/3:classify", body)["results"]] == scores
            columns = call(f"{url}:predict", {"inputs": row.columns}, "application/x-www-form-urlencoded")["outputs"]
            rows = call(f"{url}/versions/0:predict", {"instances": row.rows}, None)["predictions"]
            if not row.outputs:
                assert columns == rows == scores
                continue
            assert columns["score"] == [one["score"] for one in rows] == scores
            assert columns["genre"] == [one["genre"] for one in rows] == row.outputs["genre"]
            assert columns["margin"] == pytest.approx(row.outputs["margin"], **WITHIN)


def _own(row: Row, at: int) -> dict[str, Any]:
    return {name: column[at] for name, column in row.items.items()}


def test_the_models_own_tensors_give_the_golden_scores(served: str, golden: list[Row]) -> None:
    for row in (row for row in golden if row.model == "films"):
        country = row.user["country"]
        tensors = {
            "age": [[float(row.user["age"])]],
            "country": [COUNTRIES.index(country) if country in COUNTRIES else len(COUNTRIES)],
            "hour": [[float(row.context["hour"])]],
            "price": [[price] for price in row.items["price"]],
            "rating": [[rating] for rating in row.items["rating"]],
            "vector": [list(VECTORS.get(key, (0.0, 0.0))) for key in row.items["id"]],
        }
        for signature in ({}, {"signature_name": "serving_tensors"}):
            answer = call(f"{served}/films/v1/models/films:predict", {**signature, "inputs": tensors})
            assert answer["outputs"] == pytest.approx(row.scores, **WITHIN)


def test_status_metadata_and_signs_of_life(served: str) -> None:
    version = {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for base in bases(served, "films"):
        for path in ("", "/versions/3"):
            assert call(f"{base}/v1/models/films{path}")["model_version_status"] == [version]
            document = call(f"{base}/v1/models/films{path}/metadata")
            assert document["model_spec"] == {"name": "films", "signature_name": "", "version": "3"}
            assert set(document["metadata"]["signature_def"]["signature_def"]) == {
                "serving_default",
                "serving_tensors",
                "classification",
                "regression",
            }
    for path in ("/films", "/films/"):
        assert call(f"{served}{path}") == {"status": "alive"}


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("films:predict", {"inputs": {}, "instances": []}, 400, "exactly one"),
        ("films:predict", {"signature_name": "other", "inputs": {}}, 400, "not found in signature def"),
        ("films:predict", {"inputs": {"age": [1], "id": [1, 2], "price": [1]}}, 400, "$.inputs.price: 1 values"),
        ("films/versions/7:predict", {"inputs": {}}, 404, "no version '7'"),
        ("films/versions/7", None, 404, "no version '7'"),
    ],
)
def test_errors_are_one_line_of_json(served: str, path: str, body: Any, status: int, said: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        call(f"{served}/films/v1/models/{path}", body)
    with refused.value as answer:
        document = json.load(answer)
    assert (answer.status, list(document)) == (status, ["error"])
    assert said in document["error"]


def test_openvinos_client_predicts(served: str, golden: list[Row]) -> None:
    for row in golden:
        client = make_http_client(f"{served.removeprefix('http://')}/{row.model}")
        with client.session:
            for inputs in (row.columns, {name: np.array(column) for name, column in row.columns.items()}):
                answer = client.predict(inputs, row.model)
                scores = answer["score"] if row.outputs else answer
                assert scores == pytest.approx(np.array(row.scores), **WITHIN)
                if row.outputs:
                    assert answer["genre"].tolist() == row.outputs["genre"]


def test_openvinos_client_sends_bytes_scalars_and_versions(served: str, golden: list[Row]) -> None:
    row = golden[0]
    inputs = {**row.columns, "age": row.user["age"], "country": np.array([row.user["country"].encode()])}
    client = make_http_client(f"{served.removeprefix('http://')}/films")
    with client.session:
        assert client.predict(inputs, "films", 3) == pytest.approx(np.array(row.scores), **WITHIN)
        assert client.get_model_status("films") == {3: {"state": "AVAILABLE", "error_code": 0, "error_message": ""}}
        assert client.get_model_status("films", 3)[3]["state"] == "AVAILABLE"


def test_openvinos_client_reads_metadata(served: str) -> None:
    client = make_http_client(f"{served.removeprefix('http://')}/shelves")
    with client.session:
        assert client.get_model_metadata("shelves") == {
            "inputs": {
                "age": {"dtype": "DT_DOUBLE", "shape": [-1]},
                "shelf": {"dtype": "DT_STRING", "shape": [-1]},
                "size": {"dtype": "DT_DOUBLE", "shape": [-1, 2]},
            },
            "outputs": {
                "score": {"dtype": "DT_FLOAT", "shape": [-1]},
                "margin": {"dtype": "DT_DOUBLE", "shape": [-1]},
                "genre": {"dtype": "DT_STRING", "shape": [-1]},
            },
            "model_version": 3,
        }
        assert client.get_model_metadata("shelves", 3)["model_spec"]["version"] == "3"


def test_openvinos_client_tells_its_callers_what_was_wrong(served: str, golden: list[Row]) -> None:
    client = make_http_client(f"{served.removeprefix('http://')}/films")
    with client.session:
        with pytest.raises(InvalidInputError, match=r"\$\.inputs\.age: missing"):
            client.predict(dict(golden[0].items), "films")
        with pytest.raises(InvalidInputError, match="2 values"):
            client.predict({**golden[0].columns, "price": [1.0, 2.0]}, "films")
        for ask in (client.get_model_status, client.get_model_metadata):
            with pytest.raises(ModelNotFoundError, match="no version '9'"):
                ask("films", 9)
