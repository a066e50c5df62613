"""What every dialect owes, whichever it is. A further one adds a line to EXAMPLES."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from runtime_kit import MODEL, REQUEST, body_of, document, event, expected

from ranklet_features.errors import InputError
from ranklet_runtime import errors
from ranklet_runtime.dialects import DIALECTS, open_dialect
from ranklet_runtime.dialects.base import Call
from ranklet_runtime.errors import RequestFault
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import from_document
from ranklet_runtime.messages import HttpRequest, RankResult
from ranklet_runtime.served import Served


class Example(NamedTuple):
    """How one asks a dialect for the scores of the kit's request, and where they stand in its answer."""

    dialect: str
    path: str
    body: bytes
    scores: Callable[[bytes], list[float]]


def tensor(name: str, values: list[Any]) -> dict[str, Any]:
    """A column as V2 writes it."""
    datatype = {int: "INT64", float: "FP64", str: "BYTES"}[type(values[0])]
    return {"name": name, "datatype": datatype, "shape": [len(values)], "data": values}


COLUMNS = {**{name: [value] for name, value in {**REQUEST["user"], **REQUEST["context"]}.items()}, **REQUEST["items"]}
ROWS = [{**REQUEST["user"], **REQUEST["context"], **{name: column[i] for name, column in REQUEST["items"].items()}}
        for i in range(3)]  # fmt: skip
EXAMPLES = [
    Example("native", "/v1/models/{model}:rank", json.dumps(REQUEST).encode(), lambda body: json.loads(body)["scores"]),
    Example(
        "tfserving",
        "/v1/models/{model}:predict",
        json.dumps({"inputs": COLUMNS}).encode(),
        lambda body: json.loads(body)["outputs"],
    ),
    Example(
        "v2",
        "/v2/models/{model}/infer",
        json.dumps({"inputs": [tensor(name, values) for name, values in COLUMNS.items()]}).encode(),
        lambda body: json.loads(body)["outputs"][0]["data"],
    ),
    Example(
        "openscoring",
        "/model/{model}/batch",
        json.dumps({"requests": [{"id": "a", "arguments": row} for row in ROWS]}).encode(),
        lambda body: [one["results"]["score"] for one in json.loads(body)["responses"]],
    ),
    *(
        Example(name, path, json.dumps({"instances": ROWS}).encode(), lambda body: json.loads(body)["predictions"])
        for name, path in (("sagemaker", "/invocations"), ("mlflow", "/{model}/invocations"))
    ),
]
REFUSED = {
    ("openscoring", "GET", "/model/{model}/pmml"),  # no bundle has one of itself
    ("openscoring", "PUT", "/model/{model}"),
    ("openscoring", "DELETE", "/model/{model}"),
}
SERVED = Served(from_document(document()))
FAULTS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RequestFault) and kind is not RequestFault
]
every_dialect = pytest.mark.parametrize("name", DIALECTS)
every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.dialect)


def test_every_dialect_has_an_example() -> None:
    assert {example.dialect for example in EXAMPLES} == set(DIALECTS)
    assert set(document()["dialects"]) == set(DIALECTS)


@every_dialect
def test_routes_are_patterns_the_router_knows(name: str) -> None:
    for route in open_dialect(name).routes:
        assert re.fullmatch(r"[A-Z]+", route.method)
        assert re.fullmatch(r"(/([a-z0-9.-]+|\{(model|version|label)\})(:[a-z]+)?)*/?", route.path), route


@every_example
def test_scores_are_the_models(films: Function, example: Example) -> None:
    for content_type in ("application/json", None):
        sent = event(example.path.format(model=MODEL), example.body, content_type=content_type)
        assert example.scores(body_of(films(sent, None))) == pytest.approx(expected(REQUEST), abs=1e-6)


@every_example
def test_decoding_raises_nothing_but_faults_of_the_caller(example: Example) -> None:
    dialect = open_dialect(example.dialect)
    call = Call(dialect.routes[0], MODEL, None)
    bodies = [b"", b"{}", b"[]", b"null", b"\xff", b"\x00", b'"', example.body[:-1], example.body * 2]
    for body in [*bodies, example.body.replace(b"[", b"{"), example.body.replace(b"]", b"")]:
        with pytest.raises(RequestFault) as refused:
            dialect.decode(HttpRequest("POST", "/", {}, body), call, SERVED)
        assert 400 <= refused.value.status < 500


@every_dialect
@pytest.mark.parametrize("kind", FAULTS)
def test_faults_are_json_with_their_status_and_message(name: str, kind: type[RequestFault]) -> None:
    dialect = open_dialect(name)
    for message, path in (
        ("what is wrong", "$.a[3]"),
        ("lone \ud800", None),
        ("long " * 100_000, "$." + "x" * 100_000),
    ):
        response = dialect.fault(kind(message, path=path), HttpRequest("POST", "/", {}, b""))
        # Protocols that do not know 422 call shapes that disagree an invalid argument.
        assert response.status in (kind.status, 400 if kind.status == 422 else kind.status)
        assert response.content_type == "application/json"
        assert len(response.body) < 5000
        assert (path or message)[:5] in json.dumps(json.loads(response.body), ensure_ascii=False)


@every_example
@pytest.mark.parametrize("side", ["user", "context", "item"])
@pytest.mark.parametrize("index", [(), (0,), (2,), (2, 5)])
def test_places_are_paths(example: Example, side: str, index: tuple[int, ...]) -> None:
    dialect = open_dialect(example.dialect)
    call = Call(dialect.routes[0], MODEL, None)
    asked = dialect.decode(HttpRequest("POST", "/", {}, example.body), call, SERVED)
    place = dialect.place(InputError(side, "price", "wrong", index=index), asked)
    assert re.fullmatch(r"\$(\.[a-z]+(\[\d+\])*)+", place)
    assert "price" in place
    numbers = [int(number) for number in re.findall(r"\d+", place)]
    assert tuple(numbers[len(numbers) - len(index) :]) == index


@every_example
@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_was_defaulted_is_told(example: Example, count: int) -> None:
    dialect = open_dialect(example.dialect)
    call = Call(dialect.routes[0], MODEL, None)
    request = HttpRequest("POST", "/", {}, example.body)
    asked = dialect.decode(request, call, SERVED)
    scores = np.linspace(0, 1, count, dtype=np.float32)
    for degraded in ({}, {"missing_rows:films": 2}):
        response = dialect.encode(RankResult(scores, degraded), asked=asked, request=request, call=call, served=SERVED)
        assert response.status == 200
        assert example.scores(response.body) == scores.tolist()
        told = response.body.decode() + str(dict(response.headers))
        assert ("missing_rows:films" in told) == bool(degraded)


@every_dialect
def test_routes_that_do_not_score_are_described(name: str, tmp_path: Path) -> None:
    dialect = open_dialect(name)
    (tmp_path / "openapi.json").write_text("{}")
    served = Served(SERVED.manifest, folder=tmp_path)
    for route in (route for route in dialect.routes if not route.scores):
        request, call = HttpRequest(route.method, "/", {}, b""), Call(route, MODEL, None)
        if (name, route.method, route.path) in REFUSED:
            with pytest.raises(RequestFault) as refused:
                dialect.describe(request, call, served)
            assert 400 <= refused.value.status < 500
            continue
        response = dialect.describe(request, call, served)
        assert response.status == 200
        assert response.content_type == "text/plain" or isinstance(json.loads(response.body), dict)


def test_dialects_hold_no_state() -> None:
    for name in DIALECTS:
        held: Any = vars(open_dialect(name))
        assert held == {}
