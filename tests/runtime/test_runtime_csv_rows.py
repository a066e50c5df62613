"""CSV as columns and back; whatever it is, it is read or refused."""

import csv
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet_runtime.dialects.csv_rows import column, records, write
from ranklet_runtime.errors import RequestFault

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


def table(width: int) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 4).flatmap(table), st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(['"', "'"]))
def test_what_pythons_writer_wrote_is_read_back(rows: list[list[str]], delimiter: str, quote: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quotechar=quote).writerows(rows)
    body = text.getvalue()
    if not body.startswith("\ufeff"):
        assert records(body.encode(), limit=10, delimiter=delimiter, quote=quote) == rows


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='",\n\r;1a\0 ', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        found = records(body, limit=5)
    except RequestFault as fault:
        assert 400 <= fault.status < 500
    else:
        assert len(found) <= 6
        assert len(set(map(len, found))) == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats() | st.none(), max_size=8))
def test_numbers_come_back_as_they_were(values: list[float | None]) -> None:
    cells = ["" if value is None else repr(value) for value in values]
    assert str(column("x", cells, "float")) == str(values)
    array = np.array([np.nan if value is None else value for value in values])
    lines = [row[0] for row in csv.reader(io.StringIO(write([array]).decode(), newline=""))]
    found = np.array(column("x", lines, "float"), float)
    assert np.array_equal(found, np.where(np.isfinite(array), array, np.nan), equal_nan=True)


@pytest.mark.parametrize(
    ("cells", "kind", "wanted"),
    [
        (["1", "-2", "+3", " 4 "], "int", [1, -2, 3, 4]),
        (["1.0", "", "-2.", " "], "int", [1, None, -2, None]),
        (["1e3", ".5", "-1.", "nan", ""], "float", [1000.0, 0.5, -1.0, None, None]),
        (["a", "", "NA"], "string", ["a", None, "NA"]),
        ([], "int", []),
    ],
)
def test_cells_are_values_of_their_kind(cells: list[str], kind: Any, wanted: list[Any]) -> None:
    found = column("x", cells, kind)
    assert [None if isinstance(value, float) and np.isnan(value) else value for value in found] == wanted


@pytest.mark.parametrize("cell", ["x", "1_0", "1.5", "0x10", "1e2", "--1", "١.x", "9" * 5000, "1." + "0" * 10 + "1"])
def test_no_int_is_refused_with_its_place(cell: str) -> None:
    with pytest.raises(RequestFault, match=r"^\$\.rows\[1\]\.x: an int is expected") as refused:
        column("x", ["1", cell], "int")
    assert len(str(refused.value)) < 150


def test_columns_are_written_with_header_quotes_and_another_delimiter() -> None:
    columns = [np.array([0.1, np.nan], np.float32), ["a;b", None], [True, 'say "x"']]
    assert write(columns, header=["s", "w", "x"], delimiter=";") == b's;w;x\n0.1;"a;b";true\n;;"say ""x"""\n'
    assert write([np.array([0.25, 0.1], np.float32)]) == b"0.25\n0.1\n"
    assert write([np.array([], np.float32)]) == b""


def test_text_without_quoting_is_read_as_it_stands() -> None:
    assert records(b'a"b,"c"\n', limit=2, quote="") == [['a"b', '"c"']]


@pytest.mark.parametrize(("delimiter", "quote"), [("", '"'), (",,", '"'), ("\n", '"'), (",", "''"), (",", ",")])
def test_delimiters_that_cannot_be_are_refused(delimiter: str, quote: str) -> None:
    with pytest.raises(RequestFault, match="one delimiter and another quote character"):
        records(b"a,b\n", limit=2, delimiter=delimiter, quote=quote)
