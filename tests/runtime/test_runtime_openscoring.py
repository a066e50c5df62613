"""Openscoring's REST form against the native one, and what is wrong with one record, a batch or a table."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runtime_kit import MODEL, REQUEST, WEIGHTS, body_of, document, event, expected, json_of, write_bundle

from ranklet_runtime import scorer
from ranklet_runtime.dialects import openscoring_schema
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import from_document
from ranklet_runtime.served import Served

ONCE = {**REQUEST["user"], **REQUEST["context"]}
ROWS = [{**ONCE, **{name: column[i] for name, column in REQUEST["items"].items()}} for i in range(3)]
SCORES = expected(REQUEST)


def near(scores: Any) -> Any:
    return pytest.approx(scores, abs=1e-6)


def evaluate(body: Any, verb: str = "", **headers: str) -> dict[str, Any]:
    """An event that evaluates records."""
    sent = body if isinstance(body, str | bytes) else json.dumps(body)
    return event(f"/model/{MODEL}{verb}", sent, content_type="application/json", **headers)


def batch(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return evaluate({"requests": [{"id": f"r{i}", "arguments": row} for i, row in enumerate(rows)]}, "/batch")


def table(text: str | bytes, content_type: str | None = "text/plain", **query: str) -> dict[str, Any]:
    return {
        **event(f"/model/{MODEL}/csv", text, content_type=content_type),
        "queryStringParameters": query or None,
    }


def asked(path: str, method: str = "GET") -> dict[str, Any]:
    return event(path, method=method)


def message(answer: dict[str, Any], status: int) -> str:
    """The message of a refusal, which is all that there is of it."""
    assert answer["statusCode"] == status
    assert answer["headers"]["x-application"] == "Openscoring/2.2"
    (name, said), *more = json_of(answer).items()
    assert (name, more) == ("message", [])
    return str(said)


def read(answer: dict[str, Any], delimiter: str = ",") -> list[list[str]]:
    assert answer["statusCode"] == 200, answer
    assert answer["headers"]["content-type"] == "text/plain; charset=UTF-8"
    return list(csv.reader(io.StringIO(body_of(answer).decode(), newline=""), delimiter=delimiter))


@pytest.fixture
def telling(open_films: Callable[..., Function]) -> Function:
    """The model with a number and a word beside its score."""
    step = {**document()["steps"][0], "outputs": {"score": "score", "logit": "logit"}}
    return open_films(
        steps=[step],
        told={"margin": {"tensor": "logit"}, "where": {"tensor": "country", "labels": ["de", "fr"]}},
    )


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
    assert "inf" in message(films(evaluate({"arguments": rows[1]}), None), 422)


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


def test_a_table_gives_a_table(films: Function) -> None:
    names = list(ROWS[0])
    text = "\n".join([",".join(names), *(",".join(str(row[name]) for name in names) for row in ROWS)])
    header, *lines = read(films(table(text), None))
    assert header == ["score"]
    assert [float(line[0]) for line in lines] == near(SCORES)


@pytest.mark.parametrize("name", ["Id", "ID", "iD"])
def test_ids_in_a_tables_first_column_come_back(films: Function, name: str) -> None:
    text = f"{name};age;country;hour;id;price;rating\n" + "".join(
        f"r{i};31;fr;20;{row['id']};{row['price']};{row['rating']}\n" for i, row in enumerate(ROWS)
    )
    header, *lines = read(films(table(text), None), ";")
    assert header == [name, "score"]
    assert [line[0] for line in lines] == ["r0", "r1", "r2"]
    assert [float(line[1]) for line in lines] == near(SCORES)


def test_a_field_of_the_model_that_is_called_id_is_read_and_comes_back(films: Function) -> None:
    header, line = read(films(table("id,price,age\n10,2.5,31\n"), None))
    assert header == ["id", "score"]
    assert line[0] == "10"


def test_empty_cells_are_missing_values(films: Function) -> None:
    with_gap, without = (
        read(films(table(text), None))
        for text in ("id,price,age,rating\n10,2.5,31,\n10,1,31,2\n", "id,price,age,rating\n10,2.5,31,3\n10,1,31,2\n")
    )
    assert with_gap == without


def test_outputs_that_are_not_told_are_empty_cells(telling: Function) -> None:
    header, line = read(telling(table("id,price,age,country\n10,2.5,31,at\n"), None))
    assert header == ["id", "margin", "where", "score"]
    assert line[2] == ""


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"delimiterChar": "\t", "quoteChar": '"'}, 'id\tprice\tage\tcountry\n10\t2.5\t31\t"f""r"\n'),
        ({"delimiterChar": "\\t", "quoteChar": '\\"'}, 'id\tprice\tage\tcountry\n10\t2.5\t31\t"f""r"\n'),
        ({"delimiterChar": "|", "quoteChar": "\\'"}, "id|price|age|country\n10|2.5|31|'f\"r'\n"),
        ({"delimiterChar": "|"}, 'id|price|age|country\r\n10|2.5|31|"f""r"\r\n'),
        ({}, 'id\tprice\tage\tcountry\n10\t2.5\t31\t"f""r"\n'),
        ({}, 'id;price;age;country\n10;2.5;31;"f""r"\n'),
        ({}, 'id,price,age,country\n10,2.5,31,"f""r"\n'),
    ],
)
def test_format_is_the_querys_or_what_the_first_lines_show(films: Function, query: Any, text: str) -> None:
    delimiter = {"\\t": "\t"}.get(query.get("delimiterChar"), query.get("delimiterChar")) or text[2]
    _, line = read(films(table(text, **query), None), delimiter)
    wanted = expected({"user": {"age": 31, "country": 'f"r'}, "items": {"id": [10], "price": [2.5]}})
    assert float(line[1]) == near(wanted[0])


def test_a_table_of_one_column_has_no_delimiter_to_show(open_films: Callable[..., Function]) -> None:
    films = open_films(
        inputs={"price": {"side": "item", "type": "float"}},
        features={"price": {"kind": "dense", "of": ["price"]}},
        tables={},
        steps=[{**document()["steps"][0], "inputs": {"price": "price"}}],
        weights={"weights.npz": {"bias": [0.5], "w.price": [1.0]}},
        item_key=None,
    )
    header, *lines = read(films(table("price\n2.5\n1\n"), None))
    assert (header, len(lines)) == (["score"], 2)


@pytest.mark.parametrize("content_type", ["text/plain; charset=UTF-8", "text/csv", "application/csv", None])
def test_a_table_comes_under_several_types(films: Function, content_type: str | None) -> None:
    assert len(read(films(table(b"id,price,age\n10,2.5,31\n", content_type), None))) == 2


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (b"", 400, "the body is empty"),
        (b"\xff\xfe", 400, "the body is not valid UTF-8"),
        ("id,price,age\n10,2.5\n", 400, "$.lines[1]: 2 fields; the first line has 3"),
        ("id,price,id\n10,2.5,1\n", 400, "$.lines[0]: two columns have the same name"),
        ('id,price,age\n"10,2.5,31\n', 400, "the body is not valid CSV"),
        ("id,price,age\n10,2.5,31\n10,cheap,31\n", 400, "$.rows[1].price: a number is expected"),
        ("id,price,age\n10,,31\n", 400, "$.rows[0].price: a number is expected, not null"),
    ],
)
def test_a_table_with_something_wrong_is_refused_whole(films: Function, text: Any, status: int, said: str) -> None:
    assert message(films(table(text), None), status).startswith(said)


@pytest.mark.parametrize(
    "query",
    [
        {"delimiterChar": "ab"},
        {"delimiterChar": ""},
        {"delimiterChar": "\n"},
        {"delimiterChar": ",", "quoteChar": ","},
        {"delimiterChar": ",", "quoteChar": "ab"},
    ],
)
def test_characters_that_cannot_be_a_format_are_refused(films: Function, query: Any) -> None:
    assert "one delimiter and another quote" in message(films(table("id,price\n1,2\n", **query), None), 400)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain; charset=latin-1", "multipart/form-data"])
def test_a_table_of_another_type_is_refused(films: Function, content_type: str) -> None:
    assert "send text/plain" in message(films(table("id\n1\n", content_type), None), 415)


def test_a_table_without_rows_is_its_header(films: Function) -> None:
    assert read(films(table("Id,id,price,age\n"), None)) == [["Id", "score"]]


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


def test_models_are_listed_with_their_summary(films: Function) -> None:
    (one,) = json_of(films(asked("/model"), None))["responses"]
    assert one == {
        "id": MODEL,
        "miningFunction": "regression",
        "summary": "ranklet model: linear",
        "properties": {"model.version": "3"},
    }


def test_fields_are_described_with_types_and_values(films: Function, telling: Function) -> None:
    found = json_of(films(asked(f"/model/{MODEL}"), None))
    assert {field["id"]: field for field in found["schema"]["inputFields"]}["country"] == {
        "id": "country",
        "name": "of the user",
        "dataType": "string",
        "opType": "categorical",
        "values": ["at", "de", "fr"],
    }
    types = {field["id"]: (field["dataType"], field["opType"]) for field in found["schema"]["inputFields"]}
    assert types["price"] == ("double", "continuous")
    assert types["age"] == ("integer", "continuous")
    assert types["id"] == ("integer", "categorical")
    assert [field["id"] for field in found["schema"]["targetFields"]] == ["score"]
    assert "vector" in {field["id"] for field in found["schema"]["tensorFields"]}
    told = json_of(telling(asked(f"/{MODEL}/model/{MODEL}"), None))["schema"]
    assert [field["id"] for field in (*told["targetFields"], *told["outputFields"])] == ["margin", "where", "score"]
    assert told["outputFields"][0]["values"] == ["de", "fr"]


CHECKED = ["check", ["as", ["field", "price"], "integer"], {"whole": True, "intervals": [[0.5, None, "openClosed"]]},
           "error"]  # fmt: skip
VALID = ["check", ["field", "country"], {"valid": ["at", "fr"]}, "error"]


def test_what_expressions_check_is_what_fields_take() -> None:
    features = {
        **document()["features"],
        "price": {"kind": "expression", "of": ["price"], "options": {"expr": json.dumps(CHECKED)}},
        "country": {
            "kind": "expression",
            "of": ["country"],
            "options": {"expr": json.dumps(VALID), "vocabulary": ["at", "de", "fr"]},
        },
    }
    fields = openscoring_schema.schema(Served(from_document(document(features=features))))["inputFields"]
    by_name = {field["id"]: field for field in fields}
    assert by_name["price"]["values"] == ["(0.5, Infinity]"]
    assert (by_name["price"]["dataType"], by_name["price"]["opType"]) == ("integer", "continuous")
    assert by_name["country"]["values"] == ["at", "fr"]


def test_the_pmml_document_is_answered_where_a_bundle_has_one(films: Function, tmp_path: Path) -> None:
    assert "has no PMML document" in message(films(asked(f"/model/{MODEL}/pmml"), None), 404)
    bundle = write_bundle(tmp_path / "bundle")
    (bundle / "model.pmml").write_bytes(b"<PMML/>")
    answer = Function.open(bundle, {})(asked(f"/model/{MODEL}/pmml"), None)
    assert answer["headers"] == {"content-type": "application/xml", "x-application": "Openscoring/2.2"}
    assert body_of(answer) == b"<PMML/>"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("prefix", ["", f"/{MODEL}"])
def test_nobody_deploys_by_a_request(films: Function, method: str, prefix: str) -> None:
    assert "by the build" in message(films(asked(f"{prefix}/model/{MODEL}", method), None), 403)


def test_another_model_path_or_method_is_refused(films: Function) -> None:
    assert "no model 'other'" in message(films(asked("/model/other"), None), 404)
    assert "no model 'other'" in message(films(asked("/model/other/batch", "POST"), None), 404)
    answer = films(asked(f"/model/{MODEL}/batch"), None)
    assert (message(answer, 405), answer["headers"]["allow"]) == ("this path takes POST", "POST")
    assert films(asked(f"/model/{MODEL}/metrics"), None)["statusCode"] == 404


CELLS = st.sampled_from(["", "id", "price", "age", "1", "2.5", "x", '"', ",", ";", "\t", "\n", "\r\n", "\0", "é", "'"])
TEXTS = st.lists(CELLS, max_size=30).map("".join) | st.binary(max_size=40) | st.text(max_size=20)
FORMATS = st.sampled_from([",", ";", "\t", "\\t", '"', "", "ab", "é", "\r"]) | st.none()
QUERIES = (
    st.dictionaries(st.sampled_from(["delimiterChar", "quoteChar"]), FORMATS)
    | st.lists(st.text(max_size=2))
    | st.none()
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, query=QUERIES)
def test_any_table_is_answered(films: Function, text: Any, query: Any) -> None:
    sent = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    answer = films({**table(sent), "queryStringParameters": query}, None)
    assert answer["statusCode"] in (200, 400)
    if answer["statusCode"] == 400:
        message(answer, 400)
