"""TensorFlow Serving beyond one column of scores: several outputs, examples, signatures, labels."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from runtime_kit import COUNTRIES, MODEL, REQUEST, body_of, document, event, expected, json_of, predict

from ranklet_runtime.dialects.tfserving_answers import classes, predictions, regressions
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import from_document
from ranklet_runtime.messages import RankResult
from ranklet_runtime.served import Served

SCORES = pytest.approx(expected(REQUEST), abs=1e-6)
SHARED = {**REQUEST["user"], **REQUEST["context"]}
EXAMPLES = [dict(zip(REQUEST["items"], values, strict=True)) for values in zip(*REQUEST["items"].values(), strict=True)]
COLUMNS = {**{name: [value] for name, value in SHARED.items()}, **REQUEST["items"]}
TOLD: dict[str, Any] = {
    "told": {
        "margin": {"tensor": "logit"},
        "home": {"tensor": "country", "labels": ["first", "second", "third"]},
        "home_bytes": {"tensor": "country", "labels": ["ä", "second", "third"]},
    }
}
STEP = {
    "engine": "linear",
    "rows": "item",
    "inputs": {name: name for name in ("age", "country", "hour", "price", "rating", "vector")},
    "outputs": {"score": "score", "logit": "logit"},
    "artefact": "weights.npz",
}


@pytest.fixture
def telling(open_films: Callable[..., Function]) -> Function:
    """The kit's model, which also tells its logit and words of its user's country."""
    return open_films(**TOLD, steps=[STEP])


def ask(films: Function, verb: str, body: Any, path: str = f"/v1/models/{MODEL}") -> dict[str, Any]:
    sent = body if isinstance(body, str | bytes) else json.dumps(body)
    return films(event(f"{path}:{verb}", sent, content_type="application/json"), None)


def test_several_outputs_are_objects_of_columns_or_of_rows(telling: Function) -> None:
    columns = json_of(telling(predict({"inputs": COLUMNS}), None))["outputs"]
    assert list(columns) == ["score", "margin", "home", "home_bytes"]
    assert columns["score"] == SCORES
    assert [1 / (1 + math.exp(-margin)) for margin in columns["margin"]] == SCORES
    # Codes count from 1, and "fr" is the kit's third country with the id 2.
    assert columns["home"] == ["second"] * 3
    assert columns["home_bytes"] == [{"b64": "c2Vjb25k"}] * 3
    rows = json_of(telling(predict({"instances": [{**SHARED, **row} for row in EXAMPLES]}), None))["predictions"]
    assert rows == [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_words_that_a_model_does_not_have_are_null_and_bytes_are_utf_8(telling: Function) -> None:
    home = {"at": (None, None), "de": ("first", {"b64": "w6Q="})}
    for country, wanted in home.items():
        told = json_of(telling(predict({"inputs": {**COLUMNS, "country": [country]}}), None))["outputs"]
        assert (told["home"][0], told["home_bytes"][0]) == wanted


@pytest.mark.parametrize("form", ["inputs", "instances"])
def test_no_candidates_have_no_outputs(telling: Function, form: str) -> None:
    body: Any = {"inputs": {name: [] for name in COLUMNS}} if form == "inputs" else {"instances": []}
    answer = json_of(telling(predict(body), None))
    assert answer in ({"predictions": []}, {"outputs": {name: [] for name in ("score", *TOLD["told"])}})


def served(**changes: Any) -> Served:
    return Served(from_document(document(**changes)))


def test_what_is_not_a_number_is_a_bare_token_and_floats_are_as_short_as_they_are() -> None:
    scores = np.array([0.1, np.nan, 1e-20, 3.0], np.float32)
    alone = RankResult(scores, {})
    assert predictions(alone, served(nulls=True), "outputs") == b'{"outputs":[0.1,NaN,1e-20,3.0]}'
    assert regressions(alone) == b'{"results":[0.1,NaN,1e-20,3.0]}'
    assert classes(alone, served()) == b'{"results":[[["",0.1]],[["",NaN]],[["",1e-20]],[["",3.0]]]}'
    wide = RankResult(scores[:3], {}, outputs={'a%"b': np.array([np.inf, -np.inf, 0.5]), "n": np.array([1, 2, 3])})
    assert predictions(wide, served(), "predictions") == (
        b'{"predictions":[{"score":0.1,"a%\\"b":Infinity,"n":1},{"score":NaN,"a%\\"b":-Infinity,"n":2},'
        b'{"score":1e-20,"a%\\"b":0.5,"n":3}]}'
    )
    assert predictions(wide, served(), "outputs") == (
        b'{"outputs":{"score":[0.1,NaN,1e-20],"a%\\"b":[Infinity,-Infinity,0.5],"n":[1,2,3]}}'
    )
    assert classes(wide, served()).startswith(b'{"results":[[["score",0.1],["a%\\"b",Infinity],["n",1]],')


def test_labels_that_are_equal_but_not_the_same_are_told_apart() -> None:
    mixed = RankResult(np.zeros(4, np.float32), {}, outputs={"label": [True, 1, 1.0, None]})
    assert json.loads(predictions(mixed, served(), "outputs"))["outputs"]["label"].__repr__() == "[True, 1, 1.0, None]"


def test_regress_gives_numbers_and_classify_pairs(films: Function, telling: Function) -> None:
    body = {"context": SHARED, "examples": EXAMPLES}
    assert json_of(ask(films, "regress", body)) == {"results": SCORES}
    pairs = [pair for (pair,) in json_of(ask(films, "classify", body))["results"]]
    assert [label for label, _ in pairs] == [""] * 3
    assert [score for _, score in pairs] == SCORES
    told = json_of(ask(telling, "classify", body))["results"]
    assert [[name for name, _ in pairs] for pairs in told] == [["score", "margin"]] * 3
    assert [pairs[0][1] for pairs in told] == SCORES


def test_examples_may_say_everything_themselves_each_for_its_own_user(films: Function) -> None:
    users = [{"age": 20, "country": "at", "hour": 1}, {"age": 30, "country": "xx", "hour": 2}, SHARED]
    body = {"examples": [{**user, **row} for user, row in zip(users, EXAMPLES, strict=True)]}
    wanted = []
    for at, user in enumerate(users):
        one = {"user": user, "context": {"hour": user["hour"]}, "items": REQUEST["items"]}
        wanted.append(expected(one)[at])
    assert json_of(ask(films, "regress", body))["results"] == pytest.approx(wanted, abs=1e-6)


def test_context_may_hold_an_items_value_and_an_example_overrides_it(films: Function) -> None:
    rows = [{name: value for name, value in row.items() if name != "rating"} for row in EXAMPLES]
    request = {**REQUEST, "items": {**REQUEST["items"], "rating": [1.5] * 3}}
    body = {"context": {**SHARED, "rating": 1.5}, "examples": rows}
    assert json_of(ask(films, "regress", body))["results"] == pytest.approx(expected(request), abs=1e-6)
    request["items"]["rating"] = [1.5, 0.25, 1.5]
    rows[1]["rating"] = 0.25
    assert json_of(ask(films, "regress", body))["results"] == pytest.approx(expected(request), abs=1e-6)


def test_examples_are_tf_examples(films: Function) -> None:
    rows = [{name: [value] for name, value in row.items()} for row in EXAMPLES]
    body = {"context": {**{name: [value] for name, value in SHARED.items()}, "country": {"b64": "ZnI="}}}
    assert json_of(ask(films, "regress", {**body, "examples": rows})) == {"results": SCORES}
    rows[1]["rating"] = []  # missing: the default is 3.0, as was sent
    assert json_of(ask(films, "regress", {**body, "examples": rows})) == {"results": SCORES}
    one = {"user": {**REQUEST["user"], "age": 1}, "context": REQUEST["context"], "items": REQUEST["items"]}
    body["context"]["age"] = True
    answer = json_of(ask(films, "regress", {**body, "examples": rows}))
    assert answer["results"] == pytest.approx(expected(one), abs=1e-6)


def test_context_is_computed_once_and_not_only_sent_once(films: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    score = films.scorer.score
    monkeypatch.setattr(films.scorer, "score", lambda asked, deadline: (seen.append(asked), score(asked))[1])
    for rows in (EXAMPLES, [{**SHARED, **row} for row in EXAMPLES]):
        ask(films, "regress", {"context": SHARED, "examples": rows})
    for asked in seen:
        assert (asked.per_row, dict(asked.user), dict(asked.context)) == (False, REQUEST["user"], REQUEST["context"])


LONELY: dict[str, Any] = {
    "inputs": {"age": {"side": "user", "type": "float"}},
    "features": {"age": {"kind": "dense", "of": ["age"]}},
    "tables": {},
    "steps": [
        {"engine": "dot", "rows": "user", "inputs": {"user": "age", "item": "age"}, "outputs": {"logit": "score"}}
    ],
    "item_key": None,
}


def test_a_model_of_users_alone_answers_each_row_equal_or_not(open_films: Callable[..., Function]) -> None:
    films = open_films(**LONELY)
    assert json_of(films(predict({"instances": [{"age": 2.0}] * 3}), None)) == {"predictions": [4.0] * 3}
    assert json_of(films(predict({"instances": [2.0, 3.0]}), None)) == {"predictions": [4.0, 9.0]}
    assert json_of(films(predict({"inputs": {"age": [2.0, 2.0]}}), None)) == {"outputs": [4.0, 4.0]}
    assert json_of(ask(films, "regress", {"examples": [{"age": 2.0}] * 2})) == {"results": [4.0, 4.0]}
    assert json_of(ask(films, "regress", {"context": {"age": 2.0}, "examples": [{}] * 2})) == {"results": [4.0, 4.0]}


def test_one_tensor_takes_bare_rows_where_the_features_are_several(open_films: Callable[..., Function]) -> None:
    films = open_films(
        inputs={name: {"side": "item", "type": "float"} for name in ("price", "rating")},
        features={"both": {"kind": "dense", "of": ["price", "rating"]}},
        tables={},
        steps=[
            {"engine": "dot", "rows": "item", "inputs": {"user": "both", "item": "both"}, "outputs": {"logit": "score"}}
        ],
        item_key=None,
    )
    wanted = [5.0, 25.0]
    rows = [[1.0, 2.0], [3.0, 4.0]]
    raw = [dict(zip(("price", "rating"), row, strict=True)) for row in rows]
    for body in (raw, rows, [{"both": row} for row in rows]):
        assert json_of(films(predict({"instances": body}), None)) == {"predictions": wanted}
    for columns in (rows, {"both": rows}, {"price": [1.0, 3.0], "rating": [2.0, 4.0]}):
        assert json_of(films(predict({"inputs": columns}), None)) == {"outputs": wanted}
    refused = films(predict({"signature_name": "serving_tensors", "instances": raw}), None)
    assert (refused["statusCode"], "not a tensor" in json_of(refused)["error"]) == (400, True)


def test_bare_base64_rows_are_texts_of_the_one_input(open_films: Callable[..., Function]) -> None:
    films = open_films(
        inputs={"country": {"side": "item", "type": "string"}},
        features={"country": {"kind": "category", "of": ["country"], "options": {"vocabulary": COUNTRIES}}},
        tables={},
        steps=[{**STEP, "inputs": {"country": "country"}, "artefact": "one.npz"}],
        item_key=None,
        weights={"one.npz": {"bias": [0.0], "w.country": [1.0, 2.0, 3.0, 4.0]}},
    )
    plain = json_of(films(predict({"instances": ["fr", "at"]}), None))
    assert json_of(films(predict({"instances": [{"b64": "ZnI="}, "at"]}), None)) == plain
    assert json_of(films(predict({"instances": [{"b64": "ZnI="}, {"b64": "YXQ="}]}), None)) == plain


TENSORS = {"age": [[31.0]], "country": [2], "hour": [[20.0]], "price": [[2.5], [4.0], [0.5]],
           "rating": [[4.5], [3.0], [1.0]], "vector": [[0.5, -1.0], [-0.75, 2.0], [1.5, 0.0]]}  # fmt: skip


def test_signatures_choose_between_features_and_tensors_and_names_decide_without(films: Function) -> None:
    for name in ("serving_tensors", "serving_default", "", None, "tensorflow/serving/predict"):
        answer = films(predict({"signature_name": name, "inputs": TENSORS}), None)
        assert json_of(answer) == {"outputs": SCORES}
    assert (
        "not a tensor"
        in json_of(films(predict({"signature_name": "serving_tensors", "inputs": COLUMNS}), None))["error"]
    )


def test_examples_may_hold_tensors(films: Function) -> None:
    context = {name: column[0] for name, column in TENSORS.items() if len(column) == 1}
    rows = [{name: TENSORS[name][at] for name in ("price", "rating", "vector")} for at in range(3)]
    assert json_of(ask(films, "regress", {"context": context, "examples": rows})) == {"results": SCORES}
    flat = [{**row, "price": row["price"][0]} for row in rows]
    assert json_of(ask(films, "regress", {"context": context, "examples": flat})) == {"results": SCORES}
    refused = json_of(ask(films, "regress", {"context": {**context, "country": 9}, "examples": rows}))
    assert refused["error"].startswith("$.context.country: an id from 0 to 3")


@pytest.mark.parametrize(
    ("verb", "names"),
    [
        ("classify", ["classification", "tensorflow/serving/classify", "serving_default"]),
        ("regress", ["regression", "tensorflow/serving/regress", ""]),
    ],
)
def test_classify_and_regress_have_signatures_of_their_own(films: Function, verb: str, names: list[str]) -> None:
    body = {"context": SHARED, "examples": EXAMPLES}
    for name in names:
        assert ask(films, verb, {**body, "signature_name": name})["statusCode"] == 200
    refused = ask(films, verb, {**body, "signature_name": "serving_tensors"})
    assert json_of(refused)["error"].endswith(
        f"method_name to be tensorflow/serving/{verb}. Was: tensorflow/serving/predict"
    )
    refused = ask(films, verb, {**body, "signature_name": "other"})
    assert json_of(refused) == {"error": 'Serving signature name: "other" not found in signature def'}


@pytest.mark.parametrize("name", [5, [], {}, True])
def test_a_signature_is_named_by_a_string(films: Function, name: Any) -> None:
    answer = films(predict({"signature_name": name, "inputs": COLUMNS}), None)
    assert json_of(answer) == {"error": "$.signature_name: 'signature_name' key must be a string value"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "is not object"),
        ({}, "$.examples: must be a list"),
        ({"examples": {}}, "$.examples: must be a list"),
        ({"examples": [1]}, "$.examples[0]: Example must be JSON object"),
        ({"examples": [{"id": 1}, [1]]}, "$.examples[1]: Example must be JSON object"),
        ({"examples": [{}], "context": [1]}, "$.context: must be an object"),
        ({"examples": [{}], "context": "x"}, "$.context: must be an object"),
        ({"examples": [{"id": 1, "price": 1}], "context": {"age": "x"}}, "$.context.age: an int is expected"),
        ({"examples": [{"id": 1, "price": "x"}], "context": {"age": 1}}, "$.examples[0].price: a number is expected"),
        ({"examples": [{"id": 1}] * 2, "context": {"age": 1, "price": "x"}}, "$.context.price: a number is expected"),
        ({"examples": [{"id": 1, "price": [1, 2]}], "context": {"age": 1}}, "$.examples[0].price: "),
        ({"examples": [{"id": 1, "price": 1, "x": 1}], "context": {"age": 1}}, "$.examples[0].x: not an input"),
        ({"examples": [{"id": 1, "price": 1}], "context": {"age": 1, "x": 1}}, "$.context.x: not an input"),
        ({"examples": [{"id": 1, "price": 1}]}, "$.examples[0].age: missing"),
        ({"examples": [{"id": 1, "price": 1, "country": {"b64": "/w=="}}], "context": {"age": 1}}, "base64 of UTF-8"),
        ({"examples": [{}, {}]}, "$.examples[0].age: missing"),
        ({"examples": [{}, {}], "context": {}}, "$.examples[0].age: missing"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["classify", "regress"])
def test_bad_examples_are_refused_with_their_place(films: Function, verb: str, body: Any, said: str) -> None:
    answer = ask(films, verb, body)
    assert (answer["statusCode"], json_of(answer).keys()) == (400, {"error"})
    assert said in json_of(answer)["error"]


def test_too_many_examples_are_refused(open_films: Callable[..., Function]) -> None:
    films = open_films(limits={"items": 2})
    answer = ask(films, "classify", {"context": SHARED, "examples": EXAMPLES})
    assert (answer["statusCode"], json_of(answer)["error"]) == (413, "$.examples: 3 rows; this model takes 2")
    assert json_of(ask(films, "classify", {"examples": []})) == {"results": []}


@pytest.mark.parametrize("verb", ["predict", "classify", "regress"])
@pytest.mark.parametrize("prefix", ["", f"/{MODEL}"])
def test_every_verb_has_versions_and_labels(films: Function, verb: str, prefix: str) -> None:
    body = {"inputs": COLUMNS} if verb == "predict" else {"context": SHARED, "examples": EXAMPLES}
    for version in ("", "/versions/3", "/versions/0"):
        answer = ask(films, verb, body, f"{prefix}/v1/models/{MODEL}{version}")
        assert answer["statusCode"] == 200
    for other, said in (("/versions/4", "no version '4'"), ("/labels/stable", "no version of 'films' is labelled")):
        answer = ask(films, verb, body, f"{prefix}/v1/models/{MODEL}{other}")
        assert (answer["statusCode"], json_of(answer)["error"].startswith(said)) == (404, True)


@pytest.mark.parametrize("rest", ["", "/metadata"])
def test_other_versions_and_labels_are_not_found(films: Function, rest: str) -> None:
    for other in ("/versions/4", "/labels/stable"):
        assert films(event(f"/v1/models/{MODEL}{other}{rest}", method="GET"), None)["statusCode"] == 404


def test_what_was_defaulted_is_counted_whatever_the_verb(films: Function) -> None:
    body = {"context": SHARED, "examples": [{**row, "id": 99} for row in EXAMPLES]}
    for verb in ("classify", "regress"):
        assert ask(films, verb, body)["headers"]["x-ranklet-degraded"] == "missing_rows:films=3"


def test_answers_are_json_text(telling: Function) -> None:
    assert body_of(ask(telling, "regress", {"context": SHARED, "examples": EXAMPLES})).startswith(b'{"results":[0.')
