"""Which paths a function answers, and what it says of those it does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from runtime_kit import MODEL, REQUEST, document, event, json_of, rank, write_bundle

from ranklet_runtime.errors import ManifestError, RequestFault
from ranklet_runtime.function import Function

SCORING = [f"/v1/models/{MODEL}{version}:{verb}" for version in ("", "/versions/3") for verb in ("rank", "predict")]
STATUS = [f"/v1/models/{MODEL}", f"/v1/models/{MODEL}/versions/3"]


@pytest.mark.parametrize("prefix", ["", f"/{MODEL}"])
@pytest.mark.parametrize("path", SCORING)
def test_scoring_paths_answer_with_and_without_the_prefix(films: Function, prefix: str, path: str) -> None:
    user = {name: [value] for name, value in REQUEST["user"].items()}
    body = {"inputs": {**user, **REQUEST["items"]}} if path.endswith("predict") else REQUEST
    answer = films({**rank(body), "rawPath": prefix + path}, None)
    assert answer["statusCode"] == 200
    assert len(next(iter(json_of(answer).values()))) == 3


@pytest.mark.parametrize("prefix", ["", f"/{MODEL}"])
@pytest.mark.parametrize("path", STATUS)
def test_status_is_tf_servings_and_says_ready(films: Function, prefix: str, path: str) -> None:
    assert json_of(films(event(prefix + path, method="GET"), None)) == {
        "model_version_status": [
            {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ],
        "ready": True,
    }


@pytest.mark.parametrize("path", [f"/{MODEL}", f"/{MODEL}/"])
def test_the_models_own_prefix_shows_a_sign_of_life(films: Function, path: str) -> None:
    assert json_of(films(event(path, method="GET"), None)) == {"status": "alive"}
    assert films(event(path, "{}"), None)["headers"]["allow"] == "GET"
    assert films(event("/", method="GET"), None)["statusCode"] == 404


@pytest.mark.parametrize("path", [f"/{MODEL}/ping", f"/{MODEL}/health", "/ping"])
def test_health_names_model_and_version(films: Function, path: str) -> None:
    answer = films(event(path, method="GET"), None)
    assert answer["statusCode"] == 200
    assert json_of(answer) == {"status": "ok", "model": MODEL, "version": "3"}


def test_version_zero_is_whichever_is_served(films: Function) -> None:
    assert films(event(f"/v1/models/{MODEL}/versions/0", method="GET"), None)["statusCode"] == 200


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/models/other:rank", "no model 'other' here; this function serves 'films'"),
        ("/v1/models/other:predict", "no model 'other'"),
        (f"/{MODEL}/v1/models/other:rank", "no model 'other'"),
        (f"/v1/models/{MODEL}/versions/4:rank", "no version '4' of 'films'; version '3' is served"),
        (f"/v1/models/{MODEL}/versions/03:predict", "no version '03'"),
        (f"/v1/models/{MODEL}/versions/x:predict", "no version 'x'"),
        (f"/v1/models/{MODEL}:explain", "no such path"),
        (f"/v1/models/{MODEL}:", "no such path"),
        (f"/v1/models/{MODEL}/labels/stable:predict", "no version of 'films' is labelled 'stable'"),
        (f"/v1/models/{MODEL}:rank/", "no such path"),
        ("/other/v1/models/films:rank", "no such path"),
        ("/v1/models", "no such path"),
        ("/", "no such path"),
        ("", "no such path"),
        ("/../../etc/passwd", "no such path"),
    ],
)
def test_unknown_paths_models_versions_and_verbs_are_not_found(films: Function, path: str, said: str) -> None:
    answer = films({**rank(REQUEST), "rawPath": path}, None)
    assert answer["statusCode"] == 404
    assert json_of(answer)["error"].startswith(said)


def test_unknown_path_is_told_what_there_is(films: Function) -> None:
    error = json_of(films(event("/nothing", method="GET"), None))["error"]
    assert "POST /v1/models/films:rank" in error
    assert "GET /v1/models/films" in error


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "BREW"])
def test_wrong_method_is_told_the_right_one(films: Function, method: str) -> None:
    answer = films({**rank(REQUEST, method=method)}, None)
    assert answer["statusCode"] == 405
    assert answer["headers"]["allow"] == "POST"


def test_allow_lists_what_all_dialects_take(films: Function) -> None:
    assert films(event(f"/v1/models/{MODEL}", "{}"), None)["headers"]["allow"] == "GET"


def test_long_names_are_cut_in_answers(films: Function) -> None:
    answer = films(event(f"/v1/models/{'x' * 100_000}:rank", "{}"), None)
    assert answer["statusCode"] == 404
    assert len(answer["body"]) < 1000


def test_dialect_that_the_manifest_does_not_name_is_not_served(open_films: Callable[..., Function]) -> None:
    films = open_films(dialects=["tfserving"])
    assert films(rank(REQUEST), None)["statusCode"] == 404
    assert films(event(f"/v1/models/{MODEL}", method="GET"), None)["statusCode"] == 200


def test_unknown_dialect_is_refused_when_the_function_opens(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", document(dialects=["native", "carrier-pigeon"]))
    with pytest.raises(ManifestError, match=r"carrier-pigeon.*native.*tfserving"):
        Function.open(bundle, {})


@pytest.mark.parametrize("name", ["v1", "ping", "models", "health"])
def test_model_may_be_named_like_a_part_of_a_path(tmp_path: Path, name: str) -> None:
    films = Function.open(write_bundle(tmp_path / "bundle", document(model=name)), {})
    for path in (f"/v1/models/{name}:rank", f"/{name}/v1/models/{name}:rank"):
        assert films({**rank(REQUEST), "rawPath": path}, None)["statusCode"] == 200
    for path in (f"/{name}/ping", "/ping", f"/{name}/health"):
        assert films(event(path, method="GET"), None)["statusCode"] == 200


@pytest.mark.parametrize("path", [f"/v1/models/{MODEL}:rank", f"/v1/models/{MODEL}:predict", "/nothing"])
def test_faults_take_the_shape_of_the_dialect_that_owns_the_path(films: Function, path: str) -> None:
    shape: dict[str, Any] = json_of(films({**rank("{"), "rawPath": path}, None))
    assert shape.keys() == {"error"}


def test_a_route_never_raises_anything_but_a_request_fault(films: Function) -> None:
    for path in ("(", "/(?P<model>x)", "\ud800", "\x00", "/v1/models/\n:rank"):
        with pytest.raises(RequestFault):
            films._router.resolve("GET", path)
        films._router.nearest(path)


@pytest.mark.parametrize(
    ("path", "key"),
    [(f"/v1/models/{MODEL}:predict", "error"), (f"/model/{MODEL}", "message"), ("/invocations", "error_code")],
)
@pytest.mark.parametrize("size", [10, 9_000_000])
def test_a_body_that_cannot_be_read_is_refused_in_the_shape_of_its_path(
    films: Function, path: str, key: str, size: int
) -> None:
    sent = {**event(path, content_type="application/json"), "body": "*" * size, "isBase64Encoded": True}
    answer = films(sent, None)
    assert answer["statusCode"] == (400 if size == 10 else 413)
    assert key in json_of(answer)
