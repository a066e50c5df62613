"""SageMaker's two sides: each body gives the model's scores, each malformed one the error that its clients expect."""

import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from invocations_kit import (
    CLIENT,
    COLUMNS,
    CSV,
    HEADER,
    INPUTS,
    JSON,
    JSONLINES,
    LINES,
    NPY,
    NUMBERS,
    ROWS,
    SCORES,
    TABLE,
    ask,
    npy,
)
from runtime_kit import MODEL, REQUEST, WEIGHTS, body_of, event, expected, json_of

from ranklet_runtime.function import Function

Open = Callable[..., Function]
STRUCTURED = np.array(
    [tuple(row) for row in TABLE],
    [("age", "<i4"), ("country", "<U2"), ("hour", "<i8"), ("id", ">i8"), ("price", "<f4"), ("rating", "<f8")],
)
OTHER_ORDER = "id,price,rating,age,country,hour\n" + "".join(
    f'"{row["id"]}",{row["price"]},{row["rating"]},31,"fr",20\n' for row in ROWS
)
BYTES = STRUCTURED.astype([("age", "<i4"), ("country", "S2"), *STRUCTURED.dtype.descr[2:]])


@pytest.fixture
def numbers(open_films: Open) -> Function:
    """The kit's model without its words."""
    names = ("bias", "w.age", "w.price", "w.vector")
    return open_films(weights={"numbers.npz": {name: WEIGHTS[name] for name in names}}, **NUMBERS)


@pytest.mark.parametrize("path", ["/invocations", CLIENT, f"/{MODEL}/invocations", f"/{MODEL}{CLIENT}"])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ({"instances": ROWS}, JSON),
        ({"instances": ROWS}, None),
        ({"instances": ROWS}, "application/octet-stream"),
        ({"instances": TABLE}, JSON),
        ({"inputs": COLUMNS}, JSON),
        ({"inputs": {**COLUMNS, "age": [31], "country": "fr", "hour": 20}}, JSON),
        ({"inputs": ROWS}, JSON),
        ({"instances": [{name: [value] for name, value in row.items()} for row in ROWS]}, JSON),
        ({"instances": [{**row, "country": {"b64": "ZnI="}} for row in ROWS]}, JSON),
        (CSV, "text/csv"),
        (HEADER + CSV, "text/csv; charset=utf-8"),
        (HEADER + CSV, "text/csv; header=present"),
        (CSV, "text/csv; label_size=0"),
        ("\ufeff" + CSV.replace("\n", "\r\n"), "text/csv"),
        (OTHER_ORDER, "text/csv"),
        (npy(STRUCTURED), NPY),
        (npy(BYTES), NPY),
        (npy(STRUCTURED), None),
    ],
    ids=str,
)  # fmt: skip
def test_every_body_gives_predictions(films: Function, path: str, body: Any, content_type: str | None) -> None:
    assert json_of(ask(films, body, content_type, path=path)) == {"predictions": SCORES}


def test_lines_are_answered_by_lines(films: Function) -> None:
    for body in (LINES, LINES + "\n\n", LINES.replace("\n", "\r\n"), "\n".join(map(json.dumps, TABLE))):
        answer = ask(films, body, JSONLINES)
        assert answer["headers"]["content-type"] == JSONLINES
        rows = [json.loads(line) for line in body_of(answer).splitlines()]
        assert [row.pop("score") for row in rows] == SCORES
        assert rows == [{}] * 3


@pytest.mark.parametrize(
    "box",
    [
        lambda values: {"features": values},
        lambda values: {"data": {"features": values}},
        lambda values: {"data": {"features": {"values": values}}, "configuration": {}},
    ],
)
def test_rows_of_sagemakers_own_algorithms_are_answered_as_by_them(films: Function, box: Callable[..., Any]) -> None:
    rows = [box(row) for row in TABLE]
    found = json_of(ask(films, {"instances": rows}))["predictions"]
    assert [row.pop("score") for row in found] == SCORES
    assert found == [{}] * 3
    lines = body_of(ask(films, "\n".join(map(json.dumps, rows)), JSONLINES)).splitlines()
    assert [json.loads(line)["score"] for line in lines] == SCORES
    assert list(map(float, body_of(ask(films, {"instances": rows}, accept="text/csv")).split())) == SCORES


def test_accept_decides_the_form_of_the_answer(films: Function) -> None:
    body = {"instances": ROWS}
    lines = body_of(ask(films, body, accept=JSONLINES)).splitlines()
    assert [json.loads(line)["score"] for line in lines] == SCORES
    assert list(map(float, body_of(ask(films, body, accept="text/csv")).split())) == SCORES
    assert np.load(io.BytesIO(body_of(ask(films, body, accept=NPY)))).tolist() == SCORES
    assert json_of(ask(films, LINES, JSONLINES, accept=JSON)) == {"predictions": SCORES}
    for accept in ("*/*", "image/png", "text/html, */*;q=0.8", ""):
        assert json_of(ask(films, body, accept=accept)) == {"predictions": SCORES}


def test_the_native_form_is_answered_as_itself(films: Function) -> None:
    answer = json_of(ask(films, {**REQUEST, "top_k": 1}, path=CLIENT))
    best = max(expected(REQUEST))
    assert answer == {"items": [REQUEST["items"]["id"][expected(REQUEST).index(best)]], "scores": [pytest.approx(best)]}
    refused = json_of(ask(films, {**REQUEST, "items": {**REQUEST["items"], "price": [1, "x", 2]}}))
    assert "$.items.price[1]" in refused["message"]


def test_rows_of_several_users_are_scored_each_with_its_own(films: Function) -> None:
    rows = [{**ROWS[0], "age": 20}, {**ROWS[1], "country": "de"}]
    wanted = [
        expected({"user": {"age": row["age"], "country": row["country"]}, "context": {"hour": 20},
                  "items": {name: [row[name]] for name in ("id", "price", "rating")}})[0]
        for row in rows
    ]  # fmt: skip
    table = "".join(",".join(str(row[name]) for name in INPUTS) + "\n" for row in rows)
    assert json_of(ask(films, table, "text/csv"))["predictions"] == pytest.approx(wanted, abs=1e-6)


def test_empty_fields_of_csv_are_missing(films: Function) -> None:
    without = {**REQUEST, "user": {"age": 31}, "context": {}, "items": {**REQUEST["items"], "rating": [4.5, 3.0, 3.0]}}
    table = '31,,,10,2.5,4.5\n31,"", ,30,4,\n31,,,40.0,0.5,\n'
    assert json_of(ask(films, table, "text/csv"))["predictions"] == pytest.approx(expected(without), abs=1e-6)


def test_quoted_fields_hold_commas_quotes_and_line_ends(films: Function) -> None:
    # An unknown country is every other country, whatever it is called.
    table = '31,"x,""y""\r\nz",20,10,2.5,4.5\r\n31,??,20,10,2.5,4.5\r\n'
    first, second = json_of(ask(films, table, "text/csv"))["predictions"]
    assert first == second


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<i8", "<i2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_numbers_are_columns_in_the_declared_order(numbers: Function, dtype: str, order: Any) -> None:
    table = np.array([[31, 10, 2], [31, 30, 4], [31, 99, -7]], dtype, order=order)
    native = {"user": {"age": 31}, "items": {"id": [10, 30, 99], "price": [2, 4, -7]}}
    wanted = json_of(numbers(event(f"/v1/models/{MODEL}:rank", json.dumps(native).encode()), None))["scores"]
    assert json_of(ask(numbers, npy(table), NPY)) == {"predictions": wanted}
    assert json_of(ask(numbers, {"instances": table.tolist()})) == {"predictions": wanted}


def test_an_array_of_one_dimension_is_the_only_input(open_films: Open) -> None:
    price = {
        "inputs": {"price": {"side": "item", "type": "float"}},
        "features": {"price": {"kind": "dense", "of": ["price"]}},
        "steps": [{**NUMBERS["steps"][0], "inputs": {"price": "price"}, "artefact": "price.npz"}],
        "item_key": None,
    }
    films = open_films(weights={"price.npz": {"bias": [0.0], "w.price": [0.5]}}, **price)
    wanted = {"predictions": pytest.approx([1 / (1 + math.exp(-1)), 0.5], abs=1e-6)}
    for body, kind in ((npy([2.0, 0.0]), NPY), ("2\n0\n", "text/csv"), ({"instances": [2, 0]}, JSON),
                       ({"instances": [[2], [0]]}, JSON), ({"inputs": [2, 0]}, JSON), ("price\n2\n0", "text/csv"),
                       ("2\n0", JSONLINES)):  # fmt: skip
        answer = ask(films, body, kind, accept=JSON)
        assert json_of(answer) == wanted, body


def test_a_vector_takes_as_many_columns_as_it_is_long(open_films: Open) -> None:
    look = {
        "inputs": {"price": {"side": "item", "type": "float"}, "look": {"side": "item", "type": "float", "length": 2}},
        "features": {name: {"kind": "dense", "of": [name]} for name in ("price", "look")},
        "steps": [{**NUMBERS["steps"][0], "inputs": {"price": "price", "look": "look"}, "artefact": "look.npz"}],
        "item_key": None,
    }
    films = open_films(weights={"look.npz": {"bias": [0.0], "w.price": [1.0], "w.look": [2.0, -1.0]}}, **look)
    wanted = {"predictions": pytest.approx([1 / (1 + math.exp(-(1 + 1.0 - 4)))], abs=1e-6)}
    for body, kind in (("1,0.5,4\n", "text/csv"), (npy([[1, 0.5, 4]]), NPY), ({"instances": [[1, 0.5, 4]]}, JSON),
                       ({"instances": [{"price": 1, "look": [0.5, 4]}]}, JSON)):  # fmt: skip
        assert json_of(ask(films, body, kind)) == wanted
    assert "several values a row" in json_of(ask(films, "price,look\n1,2\n", "text/csv"))["message"]


def test_the_models_own_tensors_are_taken_by_their_names(films: Function) -> None:
    tensors = {
        "age": [31.0] * 3, "country": [2] * 3, "hour": [20.0] * 3, "price": [2.5, 4, 0.5], "rating": [4.5, 3, 1],
        "vector": [[0.5, -1.0], [-0.75, 2.0], [1.5, 0.0]],
    }  # fmt: skip
    assert json_of(ask(films, {"inputs": tensors})) == {"predictions": SCORES}
    rows = [dict(zip(tensors, values, strict=True)) for values in zip(*tensors.values(), strict=True)]
    assert json_of(ask(films, {"instances": rows})) == {"predictions": SCORES}


def test_outputs_beside_the_score_are_told_by_name(open_films: Open) -> None:
    films = open_films(
        steps=[{**_step(), "outputs": {"score": "score", "logit": "logit"}}],
        told={"margin": {"tensor": "logit"}, "land": {"tensor": "country", "labels": ["at, \"", "de"]}},
    )  # fmt: skip
    rows = [{**ROWS[0], "country": country} for country in ("at", "de", "fr")]
    wanted = json_of(ask(films, {"instances": rows}))["predictions"]
    assert [list(row) for row in wanted] == [["score", "margin", "land"]] * 3
    assert [row["land"] for row in wanted] == [None, 'at, "', "de"]
    lines = body_of(ask(films, {"instances": rows}, accept=JSONLINES)).splitlines()
    assert list(map(json.loads, lines)) == wanted
    table = body_of(ask(films, {"instances": rows}, accept="text/csv")).decode().splitlines()
    assert [line.split(",", 2)[2] for line in table] == ["", '"at, """', "de"]
    assert [float(line.split(",")[0]) for line in table] == [row["score"] for row in wanted]
    assert np.load(io.BytesIO(body_of(ask(films, {"instances": rows}, accept=NPY)))).shape == (3,)


def test_scores_that_the_model_does_not_have_are_null_and_empty_fields(open_films: Open) -> None:
    films = open_films(
        inputs={"price": {"side": "item", "type": "float", "nan": "allow"}},
        features={"price": {"kind": "dense", "of": ["price"]}},
        steps=[{**_step(), "inputs": {"price": "price"}, "artefact": "price.npz"}],
        weights={"price.npz": {"bias": [0.0], "w.price": [1.0]}},
        item_key=None,
        nulls=True,
    )
    assert json_of(ask(films, "0\nnan\n", "text/csv")) == {"predictions": [0.5, None]}
    assert body_of(ask(films, {"instances": [0, None]}, accept="text/csv")) == b'0.5\n""\n'
    assert body_of(ask(films, "0\nNaN\n", JSONLINES)) == b'{"score":0.5}\n{"score":null}\n'


def test_what_was_defaulted_is_counted_in_a_header(films: Function) -> None:
    answer = ask(films, {"instances": [{**ROWS[0], "id": 99}]}, path=CLIENT)
    assert answer["headers"]["x-ranklet-degraded"] == "missing_rows:films=1"


def test_no_rows_give_no_predictions(films: Function) -> None:
    for body, kind in (({"instances": []}, JSON), ({"inputs": []}, JSON), (HEADER, "text/csv"),
                       (npy(STRUCTURED[:0]), NPY), (npy(np.zeros((0, 6))), NPY),
                       ({"inputs": {name: [] for name in INPUTS}}, JSON)):  # fmt: skip
        assert json_of(ask(films, body, kind)) == {"predictions": []}, body
        assert body_of(ask(films, body, kind, accept="text/csv")) == b""


def test_the_client_is_told_the_variant_and_its_own_attributes(films: Function) -> None:
    for variant in ({}, {"x_amzn_sagemaker_target_variant": "3"}):
        answer = ask(films, {"instances": ROWS}, path=CLIENT, x_amzn_sagemaker_custom_attributes="trace=7", **variant)
        assert answer["headers"]["x-amzn-invoked-production-variant"] == next(iter(variant.values()), "AllTraffic")
        assert answer["headers"]["x-amzn-sagemaker-custom-attributes"] == "trace=7"
    for attributes in ("ä", "x" * 1025, "a\nb"):
        answer = ask(films, {"instances": ROWS}, path=CLIENT, x_amzn_sagemaker_custom_attributes=attributes)
        assert "x-amzn-sagemaker-custom-attributes" not in answer["headers"]
    assert "x-amzn-invoked-production-variant" not in ask(films, {"instances": ROWS})["headers"]


def test_ping_is_answered(films: Function) -> None:
    assert films(event("/ping", method="GET"), None)["statusCode"] == 200


MALFORMED: list[tuple[Any, str | None, int, str]] = [
    (b"", JSON, 400, "the body is empty"),
    (b"{", JSON, 400, "not valid JSON"),
    (b"[" * 20_000 + b"NaN", JSON, 400, "not valid JSON"),
    ([], JSON, 400, "exactly one of `instances`"),
    ({}, JSON, 400, "exactly one of `instances`"),
    ({"instances": ROWS, "inputs": COLUMNS}, JSON, 400, "exactly one of `instances`"),
    ({"instances": {}}, JSON, 400, "$.instances: must be a list of rows, not an object"),
    ({"instances": "x"}, JSON, 400, "$.instances: must be a list of rows, not a string"),
    ({"instances": [ROWS[0], 5]}, JSON, 400, "$.instances[1]: a row must be an object of named features, not a number"),
    ({"instances": [ROWS[0], TABLE[0]]}, JSON, 400, "$.instances[0]: a row must be an object"),
    ({"instances": [1, 2]}, JSON, 400, "$.instances[0]: a row must be an object"),
    ({"instances": [[1, 2], [1]]}, JSON, 400, "$.instances[1]: rows must be lists of one length; this is 1 values"),
    ({"instances": [[1, 2], [3, 4]]}, JSON, 400, "in order: age, country, hour, id, price, rating"),
    ({"instances": [{"features": [1]}]}, JSON, 400, "1 columns without names"),
    ({"instances": [{"features": 1}]}, JSON, 400, "$.instances[0]: a row must be an object"),
    ({"instances": [{"data": {"features": {"values": [1]}}}]}, JSON, 400, "1 columns without names"),
    ({"instances": [{"data": {"features": {"keys": [0], "values": [1]}}}]}, JSON, 400, "$.instances[0]: features must"),
    ({"instances": [{"data": {"x": [1]}}]}, JSON, 400, "not an input of this model"),
    ({"instances": [{"features": [1]}, {"x": 1}]}, JSON, 400, "not an input of this model"),
    ({"instances": [{"features": ["x", *row[1:]]} for row in TABLE]}, JSON, 400, "$.instances[0].age: an int"),
    ({"instances": [ROWS[0], {**ROWS[1], "price": "x"}]}, JSON, 400, "$.instances[1].price: a number is expected"),
    ({"instances": [{**ROWS[0], "id": 1.5}]}, JSON, 400, "$.instances[0].id: an int is expected, not the float 1.5"),
    ({"instances": [{**ROWS[0], "country": {"b64": "?"}}]}, JSON, 400, "base64 of UTF-8 text"),
    ({"instances": [{"price": 1}]}, JSON, 400, "missing"),
    ({"instances": [ROWS[0]] * 2001}, JSON, 413, "2001 rows; this model takes 2000"),
    ({"inputs": 5}, JSON, 400, "$.inputs: must be a list of rows"),
    ({"inputs": {**COLUMNS, "price": {}}}, JSON, 400, "$.inputs.price: must be a list"),
    ({"inputs": {**COLUMNS, "price": [1, 2]}}, JSON, 422, "$.inputs.price: 2 values"),
    ({"inputs": {**COLUMNS, "price": [1, None, 2]}}, JSON, 400, "$.inputs.price[1]"),
    ({"inputs": {**COLUMNS, "age": [None] * 3}}, JSON, 400, "$.inputs.age"),
    ({"inputs": {name: column * 700 for name, column in COLUMNS.items()}}, JSON, 413, "2100 candidates"),
    (b"", JSONLINES, 400, "the body is empty"),
    (LINES + "\n{", JSONLINES, 400, "$.lines[3]: this line is not valid JSON"),
    (LINES + "\n{} {}", JSONLINES, 400, "$.lines[3]: this line is not valid JSON"),
    (LINES + "\n5", JSONLINES, 400, "$.lines[3]: a row must be an object"),
    (LINES.replace("2.5", '"x"'), JSONLINES, 400, "$.lines[0].price: a number is expected"),
    ("{}\n" * 2001, JSONLINES, 413, "2001 rows"),
    (b"", "text/csv", 400, "the body is empty"),
    (b"\n\n", "text/csv", 400, "the body is empty"),
    (b"\xff", "text/csv", 400, "not valid UTF-8"),
    (CSV + '31,"fr', "text/csv", 400, "not valid CSV"),
    (CSV + '31,"fr"x,1,1,1,1', "text/csv", 400, "not valid CSV"),
    (CSV + "1,2\n", "text/csv", 400, "$.lines[3]: 2 fields; the first line has 6"),
    (CSV.replace("2.5", "x"), "text/csv", 400, "$.rows[0].price: a number is expected, not the text 'x'"),
    (HEADER + CSV.replace("30", "3_0"), "text/csv", 400, "$.rows[1].id: an int is expected, not the text '3_0'"),
    (HEADER + CSV.replace("30", "30.5"), "text/csv", 400, "$.rows[1].id: an int is expected"),
    (HEADER + CSV.replace("31", ""), "text/csv", 400, "$.rows[0].age"),
    (HEADER.replace("age", "id") + CSV, "text/csv", 400, "'id' is there twice"),
    (HEADER.replace("age", "sex") + CSV, "text/csv", 400, "not an input of this model"),
    (HEADER + CSV, "text/csv; header=absent", 400, "$.rows[0].age: an int is expected, not the text 'age'"),
    (CSV, "text/csv; header=present", 400, "not an input of this model"),
    ("1,2\n3,4\n", "text/csv", 400, "2 columns without names; this model's inputs are, in order: age, country"),
    ('"' + "a" * 200_000, "text/csv", 400, "not valid CSV"),
    (CSV * 667, "text/csv", 413, "2001 rows"),
    (CSV * 700, "text/csv", 413, "more than 2000 rows"),
    (b"", NPY, 400, "not an .npy file"),
    (npy([[1.0]])[:20], NPY, 400, "cut off"),
    (npy([[1.0]])[:-1], NPY, 400, "7 bytes of values; the header says 8"),
    (npy([[1.0]]) + b"x", NPY, 400, "9 bytes of values"),
    (npy(1.0), NPY, 400, "an array of rows is expected"),
    (npy(np.zeros((1, 2, 3))), NPY, 400, "not one of 3 dimensions"),
    (npy(np.zeros((2, 5))), NPY, 400, "5 columns without names"),
    (npy(np.zeros((2001, 6))), NPY, 413, "2001 rows"),
    (npy(np.array([[None]], object)), NPY, 400, "Python objects are not read"),
    (npy(STRUCTURED.reshape(3, 1)), NPY, 400, "one dimension"),
    (npy(BYTES.copy()).replace(b"fr", b"\xff\xff"), NPY, 400, "not UTF-8"),
    (npy(STRUCTURED[["age", "id"]]), NPY, 400, "missing"),
    (npy(np.zeros(3, [("id", "<M8[s]")])), NPY, 400, "$.rows"),
    ({"instances": ROWS}, "application/x-recordio-protobuf", 415, "is not read here; send application/json"),
    ({"instances": ROWS}, "text/csv; charset=latin-1", 415, "charset=latin-1"),
]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "said"), MALFORMED, ids=[str(i) for i in range(len(MALFORMED))]
)
def test_malformed_bodies_are_refused_on_both_sides(
    films: Function, body: Any, content_type: str, status: int, said: str
) -> None:
    container = ask(films, body, content_type)
    document = json_of(container)
    assert (container["statusCode"], document["error_code"]) == (status, "BAD_REQUEST")
    assert said in document["message"]
    client = ask(films, body, content_type, path=CLIENT)
    found = json_of(client)
    assert (client["statusCode"], client["headers"]["x-amzn-errortype"]) == (424, "ModelError")
    assert (found["OriginalStatusCode"], found["OriginalMessage"]) == (status, document["message"])


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"x_amzn_sagemaker_target_variant": "blue"}, "'blue' is no target variant here; there is 3, AllTraffic"),
        ({"x_amzn_sagemaker_target_model": "other.tar.gz"}, "'other.tar.gz' is no target model here"),
        ({"x_amzn_sagemaker_inference_component": "other"}, "no inference component here"),
        ({"x_amzn_sagemaker_target_container_hostname": "a"}, "no containers to choose from"),
        ({"x_amzn_sagemaker_enable_explanations": "`true`"}, "nothing is explained"),
        ({"x_amzn_sagemaker_session_id": "NEW_SESSION"}, "no sessions"),
    ],
)
def test_what_is_not_here_is_a_validation_error(films: Function, headers: dict[str, str], said: str) -> None:
    answer = ask(films, {"instances": ROWS}, path=CLIENT, **headers)
    assert (answer["statusCode"], answer["headers"]["x-amzn-errortype"]) == (400, "ValidationError")
    assert said in json_of(answer)["Message"]
    assert ask(films, {"instances": ROWS}, **headers)["statusCode"] == 200


@pytest.mark.parametrize("operation", ["invocations-response-stream", "async-invocations"])
def test_streams_and_asynchronous_calls_are_refused(films: Function, operation: str) -> None:
    answer = ask(films, {"instances": ROWS}, path=f"/endpoints/{MODEL}/{operation}")
    assert (answer["statusCode"], json_of(answer)["__type"]) == (400, "ValidationError")
    assert "use InvokeEndpoint" in json_of(answer)["Message"]


def test_unknown_endpoints_and_wrong_methods_are_validation_errors(films: Function) -> None:
    answer = ask(films, {"instances": ROWS}, path=f"/{MODEL}/endpoints/other/invocations")
    assert (answer["statusCode"], json_of(answer)["__type"]) == (400, "ValidationError")
    assert "no model 'other' here" in json_of(answer)["Message"]
    answer = films(event(CLIENT, method="GET"), None)
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, "POST")


def _step() -> dict[str, Any]:
    names = ("age", "country", "hour", "price", "rating", "vector")
    return {**NUMBERS["steps"][0], "inputs": {name: name for name in names}, "artefact": "weights.npz"}
