"""Openscoring's records and batches against the native form: same model, same scores."""

from collections.abc import Callable
from typing import Any

import pytest
from openscoring_kit import ROWS, SCORES, asked, batch, evaluate, near, read, table
from runtime_kit import MODEL, REQUEST, document, expected, json_of

from ranklet_runtime import scorer
from ranklet_runtime.function import Function


def test_a_record_gives_results_and_keeps_its_id(films: Function) -> None:
    answer = films(evaluate({"id": "record-001", "arguments": ROWS[1]}), None)
    assert json_of(answer) == {"id": "record-001", "results": {"score": near(SCORES[1])}}
    assert answer["headers"]["x-application"] == "Openscoring/2.2"


@pytest.mark.parametrize(("sent", "told"), [("a", "a"), (5, "5"), (1.5, "1.5"), (True, "true"), ("", "")])
def test_ids_are_texts(films: Function, sent: Any, told: str) -> None:
    assert json_of(films(evaluate({"id": sent, "arguments": ROWS[0]}), None))["id"] == told


@pytest.mark.parametrize("body", [{"arguments": ROWS[0]}, {"id": None, "arguments": ROWS[0]}])
def test_a_record_without_an_id_is_answered_without(films: Function, body: Any) -> None:
    assert list(json_of(films(evaluate(body), None))) == ["results"]


def test_a_batch_gives_a_response_for_each_record(films: Function) -> None:
    body = {"id": "all", "requests": [{"id": "a", "arguments": ROWS[0]}, {"arguments": ROWS[1]}]}
    assert json_of(films(evaluate(body, "/batch"), None)) == {
        "id": "all",
        "responses": [
            {"id": "a", "results": {"score": near(SCORES[0])}},
            {"results": {"score": near(SCORES[1])}},
        ],
    }


def test_an_empty_batch_has_no_responses(films: Function) -> None:
    assert json_of(films(evaluate({"requests": []}, "/batch"), None)) == {"responses": []}


def test_outputs_come_by_name_in_their_order_and_the_score_last(telling: Function) -> None:
    (one, two) = json_of(telling(batch([ROWS[0], {**ROWS[1], "country": "at"}]), None))["responses"]
    assert list(one["results"]) == ["margin", "where", "score"]
    assert (one["results"]["where"], two["results"]["where"]) == ("fr", None)
    assert one["results"]["score"] == near(SCORES[0])


def test_a_model_of_words_alone_has_no_score_among_its_results(open_films: Callable[..., Function]) -> None:
    films = open_films(ranks=False, nulls=True, told={"where": {"tensor": "country", "labels": ["de", "fr"]}})
    answer = json_of(films(batch(ROWS[:2]), None))
    assert [one["results"] for one in answer["responses"]] == [{"where": "fr"}, {"where": "fr"}]
    assert read(films(table("Id,id,price,age,country\na,10,1,31,de\n"), None)) == [["Id", "where"], ["a", "de"]]
    schema = json_of(films(asked(f"/model/{MODEL}"), None))["schema"]
    assert [field["id"] for field in schema["targetFields"]] == ["where"]
    assert schema["outputFields"] == []


def test_records_of_different_users_are_scored_each_with_its_own(films: Function) -> None:
    rows = [{**ROWS[0], "age": 20, "country": "at"}, {**ROWS[1], "age": 50}, ROWS[2]]
    requests = [
        {
            "user": {"age": row["age"], "country": row["country"]},
            "context": REQUEST["context"],
            "items": {name: [row[name]] for name in REQUEST["items"]},
        }
        for row in rows
    ]
    found = [one["results"]["score"] for one in json_of(films(batch(rows), None))["responses"]]
    assert found == near([expected(one)[0] for one in requests])


def test_records_of_one_user_are_one_request_of_that_user(films: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = scorer.Scorer.score

    def score(self: Any, request: Any, **options: Any) -> Any:
        seen.append((request.per_row, dict(request.user)))
        return real(self, request, **options)

    monkeypatch.setattr(scorer.Scorer, "score", score)
    films(batch(ROWS), None)
    films(batch([ROWS[0], {**ROWS[1], "age": 9}]), None)
    assert seen == [(False, REQUEST["user"]), (True, {"age": [31, 9], "country": ["fr", "fr"]})]


def test_arguments_that_no_field_is_called_are_passed_over(films: Function) -> None:
    rows = [{**row, "Species": "setosa", "": None} for row in ROWS]
    assert [one["results"]["score"] for one in json_of(films(batch(rows), None))["responses"]] == near(SCORES)


def test_what_a_record_leaves_out_has_its_default(films: Function) -> None:
    rows = [{name: value for name, value in row.items() if name != "rating"} for row in ROWS]
    items = {**REQUEST["items"], "rating": [3.0] * 3}
    wanted = expected({**REQUEST, "items": items})
    assert [one["results"]["score"] for one in json_of(films(batch(rows), None))["responses"]] == near(wanted)
    rows[1]["rating"] = REQUEST["items"]["rating"][1]
    assert [one["results"]["score"] for one in json_of(films(batch(rows), None))["responses"]] == near(wanted)


@pytest.mark.parametrize(
    "change",
    [
        {"price": "2.5", "age": "31", "id": "10"},
        {"price": " 2.5 ", "age": 31.0, "id": "10.0"},
        {"price": "25e-1", "age": "+31"},
    ],
)
def test_texts_that_are_numbers_are_numbers(films: Function, change: Any) -> None:
    answer = films(evaluate({"arguments": {**ROWS[0], **change}}), None)
    assert json_of(answer)["results"]["score"] == near(SCORES[0])


@pytest.mark.parametrize(("value", "word"), [(True, "true"), (False, "false"), (7, "7"), (7.0, "7.0")])
def test_values_of_a_text_field_are_texts_as_java_writes_them(
    open_films: Callable[..., Function], value: Any, word: str
) -> None:
    inputs, features = document()["inputs"], document()["features"]
    features["country"] = {"kind": "category", "of": ["country"], "options": {"vocabulary": ["at", word, "fr"]}}
    films = open_films(inputs=inputs, features=features)
    found = [json_of(films(evaluate({"arguments": {**ROWS[0], "country": one}}), None)) for one in (value, word)]
    assert found[0] == found[1]
    assert found[0] != json_of(films(evaluate({"arguments": {**ROWS[0], "country": "none"}}), None))


def test_what_was_defaulted_is_counted_in_a_header(films: Function) -> None:
    rows = [{**ROWS[0], "id": 99}, ROWS[1]]
    assert films(batch(rows), None)["headers"]["x-ranklet-degraded"] == "missing_rows:films=1"
    answer = films(table("id,price,age\n99,1,31\n"), None)
    assert answer["headers"]["x-ranklet-degraded"] == "missing_rows:films=1"


@pytest.mark.parametrize("age", [31.0, [31.0], "31"])
def test_a_client_may_send_the_models_tensors(films: Function, age: Any) -> None:
    tensors = {"age": age, "country": 2, "hour": 20.0, "vector": [0.5, -1.0]}
    rows = [{**tensors, "price": 2.5, "rating": 4.5}, {**tensors, "price": 4.0, "rating": 4.5, "more": 1}]
    answer = json_of(films(batch(rows), None))
    request = {**REQUEST, "items": {"id": [10, 10], "price": [2.5, 4.0], "rating": [4.5, 4.5]}}
    assert [one["results"]["score"] for one in answer["responses"]] == near(expected(request))
