"""Every event, through the real handler's body on a freshly built bundle."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from ranklet import pipeline
from ranklet.local.dynamodb import LocalDynamo
from ranklet_runtime.function import Function

MODELS = ("movie-deepfm", "movie-din", "movie-ftrl", "movie-gbdt-pmml", "movie-two-tower")
CASES = (
    "bad-body",
    "base64-body",
    "happy",
    "new-user",
    "tfserving-columns",
    "tfserving-rows",
    "unknown-item",
)
MORE = {"movie-two-tower": ("stored-user",)}
"""Cases of some models alone."""

EVERY = [(model, case) for model in MODELS for case in (*CASES, *MORE.get(model, ()))]


@pytest.fixture(scope="module", params=MODELS)
def served(request, root: Path, tmp_path_factory) -> Iterator[tuple[str, Function]]:
    """A model's name and its function, its tables in a DynamoDB wire server."""
    out = tmp_path_factory.mktemp("build")
    built = pipeline.build(root / "functions" / request.param, out=out)
    with LocalDynamo() as server:
        for table in (out / "tables").glob("*/"):
            server.load(table)
        function = Function.open(
            built.folder,
            {
                "AWS_ENDPOINT_URL_DYNAMODB": server.endpoint,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
            },
        )
        yield request.param, function
        function.scorer.close()


@pytest.fixture
def answer(served: tuple[str, Function], root: Path):
    """The case's name → (status, the answer's document)."""
    name, function = served

    def call(case: str) -> tuple[int, Any]:
        reply = function(_event(root, name, case), None)
        body = reply["body"]
        document = msgpack.unpackb(base64.b64decode(body)) if reply["isBase64Encoded"] else json.loads(body)
        return reply["statusCode"], document

    return call


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_every_case(model: str, root: Path) -> None:
    assert sorted(path.stem for path in (root / "events" / model).iterdir()) == sorted(
        case for name, case in EVERY if name == model
    )


@pytest.mark.parametrize(("model", "case"), EVERY)
def test_an_event_is_what_an_http_api_sends(model: str, case: str, root: Path) -> None:
    event = _event(root, model, case)
    context = event["requestContext"]
    raw = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
    assert event["version"] == "2.0"
    assert int(event["headers"]["content-length"]) == len(raw)
    assert all(name == name.lower() for name in event["headers"])
    assert context["http"]["path"] == event["rawPath"]
    assert context["routeKey"] == event["routeKey"]
    assert context["stage"] == "$default"
    path = f"/v1/models/{model}:{'predict' if case.startswith('tfserving') else 'rank'}"
    if "pathParameters" in event:
        assert event["pathParameters"] == {"proxy": path[1:]}
        assert (event["rawPath"], event["routeKey"]) == (f"/{model}{path}", f"ANY /{model}/{{proxy+}}")
    else:
        assert (event["rawPath"], event["routeKey"]) == (path, f"ANY {path}")


@pytest.mark.parametrize("case", ["happy", "new-user"])
def test_five_of_ten_best_first(answer, case: str) -> None:
    status, document = answer(case)
    assert status == 200
    assert len(set(document["items"])) == 5
    assert document["scores"] == sorted(document["scores"], reverse=True)
    assert "degraded" not in document


def test_unknown_films_are_scored_and_counted_where_a_table_lacks_them(answer, served) -> None:
    status, document = answer("unknown-item")
    assert status == 200
    scores = document["scores"]
    assert len(scores) == 6
    assert scores[1] == scores[3] == scores[4] == scores[5] != scores[0]
    tables = {
        "movie-deepfm": "item-rows",
        "movie-din": "item-rows",
        "movie-gbdt-pmml": "films",
        "movie-two-tower": "movies",
    }
    degraded = {f"missing_rows:{tables[served[0]]}": 4} if served[0] in tables else None
    assert document.get("degraded") == degraded


def test_a_cut_off_body_is_refused(answer) -> None:
    status, document = answer("bad-body")
    assert status == 400
    assert "not valid JSON" in document["error"]


def test_msgpack_in_base64_is_answered_as_json_is(answer) -> None:
    _, happy = answer("happy")
    status, packed = answer("base64-body")
    assert status == 200
    scores = np.frombuffer(packed["scores"]["data"], packed["scores"]["dtype"])
    items = np.frombuffer(packed["items"]["data"], packed["items"]["dtype"])
    assert items.tolist() == happy["items"]
    np.testing.assert_allclose(scores, happy["scores"], rtol=1e-6)


def test_tensorflow_servings_forms_agree_with_the_native_one(answer) -> None:
    _, happy = answer("happy")
    (status, rows), (other, columns) = answer("tfserving-rows"), answer("tfserving-columns")
    assert status == other == 200
    assert rows["predictions"] == pytest.approx(columns["outputs"], rel=1e-6)
    assert sorted(rows["predictions"], reverse=True)[:5] == pytest.approx(happy["scores"], rel=1e-6)


def _event(root: Path, model: str, case: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((root / "events" / model / f"{case}.json").read_text(encoding="utf-8"))
    return document
