"""What is wrong with a record fails that record; what is wrong with a body fails all."""

from collections.abc import Callable
from typing import Any

import pytest
from openscoring_kit import ROWS, SCORES, batch, evaluate, message, near, table
from runtime_kit import MODEL, WEIGHTS, document, event, json_of

from ranklet_runtime.function import Function


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"price": "cheap"}, "$.arguments.price: a number is expected, not the string 'cheap'"),
        ({"price": "1_000"}, "$.arguments.price: a number is expected, not the string '1_000'"),
        ({"price": None}, "$.arguments.price: a number is expected, not null, and the spec gives it no default"),
        ({"price": True}, "$.arguments.price: a number is expected"),
        ({"price": "NaN"}, "$.arguments.price: a finite number is expected"),
        ({"age": 3.5}, "$.arguments.age: an int is expected"),
        ({"age": None}, "$.arguments.age: "),
        ({"id": "9" * 40}, "$.arguments.id: an int beyond 64 bits"),
        ({"id": "9" * 5000}, "$.arguments.id: an int is expected"),
        ({"country": ["at"]}, "$.arguments.country: a string is expected, not a list"),
    ],
)
def test_a_wrong_value_is_named_alone_and_in_a_batch(films: Function, change: Any, said: str) -> None:
    wrong = {**ROWS[1], **change}
    assert message(films(evaluate({"arguments": wrong}), None), 400).startswith(said)
    answer = films(batch([ROWS[0], wrong, ROWS[2]]), None)
    assert answer["statusCode"] == 200
    first, second, third = json_of(answer)["responses"]
    assert first == {"id": "r0", "results": {"score": near(SCORES[0])}}
    assert second["id"] == "r1"
    assert second["message"].startswith(said)
    assert "results" not in second
    assert third == {"id": "r2", "results": {"score": near(SCORES[2])}}


@pytest.mark.parametrize("every", [1, 2, 3, 7, 50])
def test_many_bad_records_cost_few_looks_and_one_run(
    films: Function, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{**ROWS[i % 3], **({"price": "x"} if i % every == 0 else {})} for i in range(100)]
    bad = [i for i in range(100) if i % every == 0]
    looks, runs = [], []
    assemble = films.scorer._assemble
    monkeypatch.setattr(
        films.scorer, "_assemble", lambda some, until: looks.append(len(some.items["id"])) or assemble(some, until)
    )
    engine = films.scorer._engines[0] if films.scorer._engines else films.scorer._paths.last(1, {}, per_row=False)[0]
    run = engine.run
    monkeypatch.setattr(engine, "run", lambda tensors: runs.append(1) or run(tensors))
    responses = json_of(films(batch(rows), None))["responses"]
    assert [i for i, one in enumerate(responses) if "message" in one] == bad
    assert [one["results"]["score"] for one in responses if "results" in one] == near(
        [SCORES[i % 3] for i in range(100) if i not in bad]
    )
    assert len(runs) == (len(bad) < 100)
    assert len(looks) <= 2 * len(bad) + 3
    assert sum(looks) <= 100 * 9


def test_refused_records_are_counted(films: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[Any] = []
    monkeypatch.setattr(films.telemetry, "scored", lambda *numbers: counted.append(numbers))
    films(batch([{**ROWS[0], "price": "x"}, ROWS[1], {**ROWS[2], "id": None}]), None)
    assert counted == [(1, {}, {"RefusedRecords": 2})]


def test_what_all_records_share_is_wrong_for_all(films: Function) -> None:
    responses = json_of(films(batch([{**row, "age": "old"} for row in ROWS]), None))["responses"]
    assert [one["message"] for one in responses] == ["$.arguments.age: an int is expected, not the string 'old'"] * 3


def test_a_record_of_nothing_fails_alone(films: Function) -> None:
    body = {"requests": [{"arguments": ROWS[0]}, {}, {"id": "n", "arguments": None}]}
    first, second, third = json_of(films(evaluate(body, "/batch"), None))["responses"]
    assert first["results"]["score"] == near(SCORES[0])
    assert list(second) == ["message"]
    assert (third["id"], third["message"]) == ("n", second["message"])


def test_a_record_whose_score_is_not_finite_fails_alone(open_films: Callable[..., Function]) -> None:
    films = open_films(weights={"weights.npz": {**WEIGHTS, "w.price": [1e38]}}, steps=[
        {**document()["steps"][0], "outputs": {"logit": "score"}}])  # fmt: skip
    rows = [{**ROWS[0], "price": price} for price in (0.0, 1e30, 0.0)]
    first, second, third = json_of(films(batch(rows), None))["responses"]
    assert first["results"] == third["results"]
    assert second["message"] == "the model's score of these values is not finite; check their sizes"
    assert all("message" in one for one in json_of(films(batch(rows[1:2] * 2), None))["responses"])
    assert "inf" in message(films(evaluate({"arguments": rows[1]}), None), 400)


def test_vectors_and_lists_are_named_with_the_place_inside(open_films: Callable[..., Function]) -> None:
    films = open_films(
        inputs={**document()["inputs"], "price": {"side": "item", "type": "float", "length": 2}},
        weights={"weights.npz": {**WEIGHTS, "w.price": [1.0, 1.0]}},
    )
    rows = [{**ROWS[0], "price": price} for price in ([1.0, 2.0], [1.0, "x"], [1.0])]
    good, word, short = json_of(films(batch(rows), None))["responses"]
    assert "results" in good
    assert word["message"].startswith("$.arguments.price[1]: a number is expected")
    assert short["message"] == "$.arguments.price: a vector of 2 numbers is expected, got 1"


@pytest.mark.parametrize(
    ("verb", "body", "said"),
    [
        ("", "", "the body is empty"),
        ("", "{", "the body is not valid JSON"),
        ("", "NaN", "the body is not valid JSON"),
        ("", [], "the body must be an object"),
        ("", {}, "$.arguments: must be an object of named fields"),
        ("", {"arguments": None}, "$.arguments: must be an object of named fields"),
        ("", {"arguments": [1]}, "$.arguments: must be an object of named fields"),
        ("", {"id": [], "arguments": {}}, "$.id: an id must be a string"),
        ("/batch", [], "the body must be an object"),
        ("/batch", {}, "$.requests: the records are missing"),
        ("/batch", {"requests": {}}, "$.requests: the records are missing"),
        ("/batch", {"requests": [{}, 5]}, "$.requests[1]: a record must be an object"),
        ("/batch", {"requests": [{}, {"arguments": 5}]}, "$.requests[1].arguments: must be an object"),
        ("/batch", {"requests": [{"id": {}}]}, "$.requests[0].id: an id must be a string"),
        ("/batch", {"id": [], "requests": []}, "$.id: an id must be a string"),
    ],
)
def test_malformed_bodies_are_refused_whole(films: Function, verb: str, body: Any, said: str) -> None:
    assert message(films(evaluate(body, verb), None), 400).startswith(said)


@pytest.mark.parametrize("verb", ["", "/batch"])
def test_another_content_type_is_refused(films: Function, verb: str) -> None:
    answer = films(event(f"/model/{MODEL}{verb}", "{}", content_type="application/xml"), None)
    assert "send application/json" in message(answer, 415)


def test_more_records_than_the_model_takes_are_refused(open_films: Callable[..., Function]) -> None:
    films = open_films(limits={"items": 2})
    assert message(films(batch(ROWS), None), 413) == "$.requests: 3 records; this model takes 2 in one request"
    assert "this model takes 2" in message(films(table("id\n1\n2\n3\n"), None), 413)
