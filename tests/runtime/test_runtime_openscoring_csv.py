"""Openscoring's tables: formats, ids, empty cells, and what is wrong with one."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openscoring_kit import ROWS, SCORES, message, near, read, table
from runtime_kit import document, expected

from ranklet_runtime.function import Function


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
