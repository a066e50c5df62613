"""TensorFlow Serving's REST form against the native one: same model, same scores."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from runtime_kit import MODEL, REQUEST, VECTORS, event, expected, json_of, predict

from ranklet_runtime.function import Function

ROW = {"age": 1, "id": 1, "price": 1}
SCORES = pytest.approx(expected(REQUEST), abs=1e-6)


def rows(request: dict[str, Any]) -> list[dict[str, Any]]:
    once = {**request["user"], **request.get("context", {})}
    names = request["items"]
    return [{**once, **dict(zip(names, values, strict=True))} for values in zip(*names.values(), strict=True)]


def columns(request: dict[str, Any]) -> dict[str, list[Any]]:
    once = {**request["user"], **request.get("context", {})}
    return {**{name: [value] for name, value in once.items()}, **request["items"]}


def test_rows_give_predictions(films: Function) -> None:
    assert json_of(films(predict({"instances": rows(REQUEST)}), None)) == {"predictions": SCORES}


def test_columns_give_outputs(films: Function) -> None:
    assert json_of(films(predict({"inputs": columns(REQUEST)}), None)) == {"outputs": SCORES}


def test_users_column_may_be_repeated_for_every_candidate(films: Function) -> None:
    repeated = {name: column * 3 if len(column) == 1 else column for name, column in columns(REQUEST).items()}
    assert json_of(films(predict({"inputs": repeated}), None)) == {"outputs": SCORES}


@pytest.mark.parametrize("form", ["instances", "inputs"])
def test_rows_of_different_users_are_scored_each_with_its_own(films: Function, form: str) -> None:
    candidate = {"price": [1.5], "rating": [2.0]}
    requests = [
        {"user": {"age": age, "country": country}, "context": {"hour": 1}, "items": {**candidate, "id": [key]}}
        for age, country, key in ((20, "at", 10), (30, "xx", 20), (40, "de", 99))
    ]
    table = [row for request in requests for row in rows(request)]
    body: Any = table if form == "instances" else {name: [row[name] for row in table] for name in table[0]}
    if form == "inputs":
        body["hour"] = [1]
    answer = json_of(films(predict({form: body}), None))
    assert next(iter(answer.values())) == pytest.approx([expected(request)[0] for request in requests], abs=1e-6)


def test_rows_may_leave_out_what_has_a_default(films: Function) -> None:
    table = rows(REQUEST)
    del table[1]["rating"]
    request = {**REQUEST, "items": {**REQUEST["items"], "rating": [4.5, 3.0, 1.0]}}
    assert json_of(films(predict({"instances": table}), None))["predictions"] == pytest.approx(
        expected(request), abs=1e-6
    )


def test_vectors_of_one_are_the_value(films: Function) -> None:
    boxed = [{name: [value] for name, value in row.items()} for row in rows(REQUEST)]
    assert json_of(films(predict({"instances": boxed}), None)) == {"predictions": SCORES}


def test_base64_strings_are_their_text(films: Function) -> None:
    table = [{**row, "country": {"b64": "ZnI="}} for row in rows(REQUEST)]
    assert json_of(films(predict({"instances": table}), None)) == {"predictions": SCORES}


def test_base64_strings_in_lists_are_their_texts(open_films: Callable[..., Function]) -> None:
    films = open_films(
        inputs={"tags": {"side": "item", "type": "string", "list": True}},
        features={"tags": {"kind": "bag", "of": ["tags"], "options": {"vocabulary": ["fr", "de"], "length": 2}}},
        tables={},
        steps=[{"engine": "linear", "rows": "item", "inputs": {"country": "tags"}, "outputs": {"score": "score"},
                "artefact": "tags.npz"}],
        item_key=None,
        weights={"tags.npz": {"bias": [0.0], "w.country": [1.0, 2.0, 4.0]}},
    )  # fmt: skip
    plain, encoded = [["fr", "de"], ["de"]], [[{"b64": "ZnI="}, "de"], [{"b64": "ZGU="}]]
    answers = [json_of(films(predict({"inputs": {"tags": tags}}), None)) for tags in (plain, encoded)]
    assert answers[0] == answers[1]
    assert answers[0]["outputs"][0] > answers[0]["outputs"][1]


@pytest.mark.parametrize("value", [{"b64": "/w=="}, {"b64": "!"}, {"b64": 5}, {"b65": "ZnI="}, {}])
def test_broken_base64_strings_are_refused(films: Function, value: Any) -> None:
    answer = films(predict({"instances": [{**row, "country": value} for row in rows(REQUEST)]}), None)
    assert answer["statusCode"] == 400


@pytest.mark.parametrize("body", [{"instances": []}, {"inputs": {"age": [31], "id": [], "price": []}}])
def test_no_candidates_give_no_scores(films: Function, body: Any) -> None:
    answer = films(predict(body), None)
    assert answer["statusCode"] == 200
    assert list(json_of(answer).values()) == [[]]


def test_bare_nan_is_legal_json_here(films: Function) -> None:
    table = [{**row, "rating": float("nan")} for row in rows(REQUEST)]
    body = json.dumps({"instances": table})
    assert "NaN" in body
    request = {**REQUEST, "items": {**REQUEST["items"], "rating": [3.0] * 3}}
    assert json_of(films(predict(body), None))["predictions"] == pytest.approx(expected(request), abs=1e-6)


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_bare_nan_where_it_is_forbidden_is_refused_with_its_place(films: Function, token: str) -> None:
    body = json.dumps({"instances": rows(REQUEST)}).replace("0.5", token)
    answer = films(predict(body), None)
    assert answer["statusCode"] == 400
    assert json_of(answer)["error"].startswith("$.instances[2].price: ")


@pytest.mark.parametrize("name", ["serving_default", "", None])
def test_default_signature_may_be_named(films: Function, name: str | None) -> None:
    answer = films(predict({"signature_name": name, "instances": rows(REQUEST)}), None)
    assert answer["statusCode"] == 200


def test_other_signature_is_refused_in_tf_servings_words(films: Function) -> None:
    answer = films(predict({"signature_name": "other", "instances": rows(REQUEST)}), None)
    assert answer["statusCode"] == 400
    assert json_of(answer) == {"error": 'Serving signature name: "other" not found in signature def'}


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-8"]
)
def test_types_that_its_clients_send_are_read(films: Function, content_type: str | None) -> None:
    body = json.dumps({"instances": rows(REQUEST)}).encode()
    answer = films(event(f"/v1/models/{MODEL}:predict", body, content_type=content_type), None)
    assert json_of(answer) == {"predictions": SCORES}


def test_what_was_defaulted_is_counted_in_a_header(films: Function) -> None:
    table = [{**row, "id": 99} for row in rows(REQUEST)]
    answer = films(predict({"instances": table}), None)
    assert answer["headers"]["x-ranklet-degraded"] == "missing_rows:films=3"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "exactly one"),
        ({"instances": [], "inputs": {}}, 400, "exactly one"),
        ([], 400, "is not object"),
        ({"instances": {}}, 400, "$.instances: must be a list"),
        ({"instances": "rows"}, 400, "$.instances: must be a list"),
        ({"instances": [1]}, 400, "$.instances[0]: a row must be an object"),
        ({"instances": [{"age": 1}, [1]]}, 400, "$.instances[1]: a row must be an object"),
        ({"instances": [{}]}, 400, "$.instances[0].age: missing"),
        ({"instances": [{"age": 1, "id": 1, "price": "x"}]}, 400, "$.instances[0].price: a number is expected"),
        ({"instances": [{"age": 1, "id": 1, "price": 1}, {"age": 1, "id": 1}]}, 400, "$.instances[1].price: "),
        ({"instances": [{**ROW, "age": True}, ROW]}, 400, "$.instances[0].age: an int is expected"),
        ({"instances": [{"age": 1.5, "id": 1, "price": 1}]}, 400, "$.instances[0].age: an int is expected"),
        ({"instances": [{"age": 1, "id": 1, "price": 1, "x": 1}]}, 400, "$.instances[0].x: not an input"),
        ({"instances": [{"age": 1, "id": 1, "price": [1, 2]}]}, 400, "$.instances[0].price: "),
        ({"inputs": []}, 400, "$.inputs: must be an object"),
        ({"inputs": {"age": 31, "id": [1], "price": [1]}}, 400, "$.inputs.age: must be a list"),
        ({"inputs": {"id": [1], "price": [1]}}, 400, "$.inputs.age: missing"),
        ({"inputs": {"age": ["x"], "id": [1], "price": [1]}}, 400, "$.inputs.age[0]: an int is expected"),
        ({"inputs": {"age": [1], "id": [1, 2], "price": [1, "x"]}}, 400, "$.inputs.price[1]: a number is expected"),
        ({"inputs": {"age": [1, 2, "x"], "id": [1] * 3, "price": [1] * 3}}, 400, "$.inputs.age[2]: an int"),
        ({"inputs": {"age": [1], "id": [1, 2], "price": [1]}}, 400, "$.inputs.price: 1 values"),
        ({"inputs": {"age": [1, 2], "id": [1, 2, 3], "price": [1, 2, 3]}}, 400, "$.inputs.id: 3 values"),
        ({"inputs": {"age": [1, 1], "id": [1, 2, 3], "price": [1, 2, 3]}}, 400, "$.inputs.id: 3 values"),
        ({"inputs": {"age": [1, 1, 1, 1], "id": [1, 2, 3], "price": [1, 2, 3]}}, 400, "$.inputs.id: 3 values"),
        ({"inputs": {"age": [], "id": [1], "price": [1]}}, 400, "$.inputs.id: 1 values"),
        ({"inputs": {"age": [1], "id": [10**30], "price": [1]}}, 400, "$.inputs.id[0]: "),
    ],
)  # fmt: skip
def test_bad_rows_and_columns_are_refused_with_their_place(films: Function, body: Any, status: int, said: str) -> None:
    answer = films(predict(body), None)
    assert (answer["statusCode"], json_of(answer).keys()) == (status, {"error"})
    assert said in json_of(answer)["error"]


def test_place_in_a_list_stands_behind_its_row(open_films: Callable[..., Function]) -> None:
    films = open_films(**LISTS)
    for bad, place in (
        ({"instances": [{"seen": [1], "tags": [1]}, {"seen": [1], "tags": [2, "x"]}]}, "$.instances[1].tags[1]"),
        ({"instances": [{"seen": [1, "x"], "tags": [1]}, {"seen": [1, "x"], "tags": [1]}]}, "$.instances[0].seen[1]"),
        ({"instances": [{"seen": [1], "tags": [1]}, {"seen": [3, "x"], "tags": [1]}]}, "$.instances[1].seen[1]"),
        ({"inputs": {"seen": [[1, "x"]], "tags": [[1], [2]]}}, "$.inputs.seen[0][1]"),
        ({"inputs": {"seen": [[1]], "tags": [[1], [2, "x"]]}}, "$.inputs.tags[1][1]"),
    ):
        answer = films(predict(bad), None)
        assert answer["statusCode"] == 400
        assert json_of(answer)["error"].startswith(f"{place}: ")


def test_history_of_the_request_is_read_once(open_films: Callable[..., Function]) -> None:
    films = open_films(**LISTS)
    forms = [
        {"instances": [{"seen": [10, 20], "tags": [10]}, {"seen": [10, 20], "tags": [20]}]},
        {"inputs": {"seen": [[10, 20]], "tags": [[10], [20]]}},
        {"inputs": {"seen": [[10, 20], [10, 20]], "tags": [[10], [20]]}},
    ]
    answers = [next(iter(json_of(films(predict(form), None)).values())) for form in forms]
    first, second = VECTORS[0], VECTORS[1]
    seen = [a + b for a, b in zip(first, second, strict=True)]
    wanted = [sum(a * b for a, b in zip(seen, tags, strict=True)) for tags in (first, second)]
    assert answers[0] == answers[1] == answers[2] == wanted


def test_model_of_one_input_takes_bare_values(open_films: Callable[..., Function]) -> None:
    films = open_films(
        inputs={"price": {"side": "item", "type": "float"}},
        features={"price": {"kind": "dense", "of": ["price"]}},
        tables={},
        steps=[
            {
                "engine": "dot",
                "rows": "item",
                "inputs": {"user": "price", "item": "price"},
                "outputs": {"logit": "score"},
            }
        ],
        item_key=None,
    )
    assert json_of(films(predict({"instances": [2.0, 3.0]}), None)) == {"predictions": [4.0, 9.0]}
    assert json_of(films(predict({"inputs": [2.0, 3.0]}), None)) == {"outputs": [4.0, 9.0]}


LISTS: dict[str, Any] = {
    "inputs": {
        "seen": {"side": "user", "type": "int", "list": True},
        "tags": {"side": "item", "type": "int", "list": True},
    },
    "features": {
        "seen": {"kind": "embedding", "of": ["seen"], "options": {"table": "films", "pool": "sum"}},
        "tags": {"kind": "embedding", "of": ["tags"], "options": {"table": "films", "pool": "sum"}},
    },
    "steps": [
        {"engine": "dot", "rows": "item", "inputs": {"user": "seen", "item": "tags"}, "outputs": {"logit": "score"}}
    ],
    "item_key": None,
}
