"""What would give a wrong row, or none, is refused with file and line or row."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables_kit import gathered

from ranklet.errors import TableError

CSV = {"source": "t.csv", "vector_columns": ("v*",)}
CELLS = {"source": "t.csv"}
JSON = {"source": "t.jsonl"}
W2V = {"source": "t.vec"}
GLOVE = {"source": "t.vec", "format": "glove"}
COLON = {"source": "t.vec", "format": "colon"}
PARQUET = {"source": "t.parquet"}


@pytest.mark.parametrize(
    ("text", "fields", "message"),
    [
        ("key,v0,v1\n1,1,2\n2,1,x\n", CSV, r"column 'v1' on line 3 of t\.csv is 'x', no number"),
        ("key,v0,v1\n1,1,\n", CSV, r"column 'v1' on line 2 of t\.csv is '', no number"),
        ("key,v0,v1\n1,1,1_0\n", CSV, r"column 'v1' on line 2 of t\.csv is '1_0', no number"),
        ("key,v0,v1\n1,1,2\n\n2,nan,2\n", CSV, r"line 4 of t\.csv holds a NaN"),
        ("key,v0,v1\n1,1,1e39\n", CSV, r"line 2 of t\.csv holds a number beyond float32"),
        ("key,v0,v1\n1,1,1e999\n", CSV, r"line 2 of t\.csv holds a NaN or an infinity"),
        ("key,v0,v1\n1,1\n", CSV, r"line 2 of t\.csv has 2 cells, its header 3"),
        ("key,v0,v1\n1,1,2,3\n", CSV, r"line 2 of t\.csv has 4 cells, its header 3"),
        ("key,v0,v0\n1,1,2\n", CSV, r"t\.csv has the column 'v0' more than once"),
        ("key,v0,v10,v2\n1,1,2,3\n", CSV, "do not stand in the order of their numbers"),
        ("id,v0\n1,1\n", CSV, r"t\.csv has no column 'key'; its columns: id, v0"),
        ("key,w\n1,1\n", CSV, r"t\.csv has no column 'v\*'"),
        ("key,v0\n1.0,1\n", CSV, r"the key on line 2 of t\.csv is '1\.0'"),
        ("key,v0\n 1,1\n", CSV, r"the key on line 2 of t\.csv is ' 1'"),
        ("key,v0\n٣,1\n", CSV, r"the key on line 2 of t\.csv is '٣'"),
        ("key,v0\n9223372036854775808,1\n", CSV, r"the key on line 2"),
        ("key,v0\n1,1\n2,1\n1,1\n", CSV, r"key '1' stands on more than one row: line 2 of t\.csv and line 4 of t\.csv"),
        ("key,v0\n", CSV, "its source holds no row"),
        ("", CSV, r"t\.csv has no column 'key'"),
        ('key,v0\n"1,1\n', CSV, r"cannot read t\.csv"),
        ("key,vector\n1,1 2\n2,1 2 3\n", CELLS, r"line 3 of t\.csv has 3 numbers, line 2 of t\.csv has 2"),
        ("key,vector\n1,1 2\n2,1 b\n", CELLS, r"number 1 of 'vector' on line 3 of t\.csv is 'b', no number"),
        ('{"key": 1, "vector": [1, 2]}\n{"key": 2}\n', JSON, r"line 2 of t\.jsonl has no 'vector'"),
        ('{"key": 1, "vector": [1, 2]}\n\n{"key": 2,\n', JSON, r"line 3 of t\.jsonl is no JSON"),
        ("[1, 2]\n", JSON, r"line 1 of t\.jsonl is no object"),
        ('{"key": 1, "vector": [1, NaN]}\n', JSON, r"line 1 of t\.jsonl is no JSON"),
        ('{"key": 1, "vector": [1, null]}\n', JSON, r"number 1 of 'vector' on line 1 of t\.jsonl is None"),
        ('{"key": 1, "vector": [1, true]}\n', JSON, r"number 1 of 'vector' on line 1 of t\.jsonl is True"),
        ('{"key": 1, "vector": {"a": 1}}\n', JSON, r"column 'vector' on line 1 of t\.jsonl is .* no list of numbers"),
        ('{"key": 1, "vector": []}\n', JSON, r"line 1 of t\.jsonl has no numbers"),
        ('{"key": 1.0, "vector": [1]}\n', JSON, r"the key on line 1 of t\.jsonl is 1\.0"),
        ('{"key": true, "vector": [1]}\n', JSON, r"the key on line 1 of t\.jsonl is True"),
        ('{"key": null, "vector": [1]}\n', JSON, r"the key on line 1 of t\.jsonl is None"),
        ('{"key": 5, "vector": [1]}\n', {**JSON, "key": "string"}, r"the key on line 1 .* is 5; text is needed"),
        ('{"key": "", "vector": [1]}\n', {**JSON, "key": "string"}, r"the key on line 1 of t\.jsonl is empty"),
        ('{"key": "__ranklet__", "vector": [1]}\n', {**JSON, "key": "string"}, "line 1 .* reserved"),
        ("1 1\n1 1 2\n", W2V, r"line 2 of t\.vec has 2 numbers after its key, line 1 says 1"),
        ("2 2\na 1 2\n3 1 2\n", W2V, r"the key on line 2 of t\.vec is 'a'"),
        ("2 2\n1 1 2\n\n", W2V, r"line 3 of t\.vec has 0 numbers"),
        ("3 2\n1 1 2\n2 1 2\n", W2V, r"says 3 rows on line 1 and has 2; it was cut off"),
        ("1 2\n1 1 2\n2 1 2\n", W2V, r"says 1 rows on line 1 and has 2"),
        (
            "1 1 2\n",
            W2V,
            r"line 1 of t\.vec must be `rows dim`; for lines without it, as GloVe's, say format = .glove.",
        ),
        ("2 999999999999\n1 1 2\n", W2V, r"line 1 of t\.vec says 999999999999 numbers a row"),
        ("2 0\n1\n2\n", W2V, r"line 1 of t\.vec says 0 numbers a row"),
        ("1 1 2\n2 1\n", GLOVE, r"line 2 of t\.vec has 1 numbers after its key, line 1 says 2"),
        ("1\n", GLOVE, r"line 1 of t\.vec says 0 numbers a row"),
        ("", GLOVE, r"line 1 of t\.vec says -1 numbers a row"),
        ("a 1 2\n", GLOVE, r"the key on line 1 of t\.vec is 'a'"),
        ("1:1 2\n2:1\n", COLON, r"line 2 of t\.vec has 1 numbers"),
        ("1:1 2\n:1 2\n", COLON, r"line 2 of t\.vec has 2 numbers after its key"),
        ("1:1 2\n2 1 2\n", COLON, r"line 2 of t\.vec has 3 numbers"),
        ("1:1,2\n2:1,,x\n", COLON, r"line 2 of t\.vec: could not convert"),
        ("1:1,2\n2:1,1_0\n", COLON, r"line 2 of t\.vec: '1_0' is no number"),
        ("1:1,2\n1:1,2\n", COLON, r"key '1' stands on more than one row: line 1 of t\.vec and line 2 of t\.vec"),
        ("3 2\n1:1,2\n", COLON, r"says 3 rows on line 1 and has 1"),
        ("1 2\n", COLON, r"says 1 rows on line 1 and has 0"),
        ("2 2\n1 1 2\n2 1 x\n", W2V, r"line 3 of t\.vec: could not convert"),
        ("2 2\n1 1 2\n2 1 inf\n", W2V, r"line 3 of t\.vec holds a NaN or an infinity"),
        ("1 2\n2 1 1_0\n", W2V, r"line 2 of t\.vec: '1_0' is no number"),
    ],
)
def test_a_text_that_is_wrong_is_refused_with_its_line(
    tmp_path: Path, text: str, fields: dict[str, Any], message: str
) -> None:
    (tmp_path / fields["source"]).write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=message):
        gathered(tmp_path, **fields)


@pytest.mark.parametrize("name", ["t.csv", "t.vec"])
def test_text_that_is_not_utf8_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"key,v0\n\xff,1\n" if name == "t.csv" else b"1 1\n\xff 1\n")
    with pytest.raises(TableError, match=r"cannot read t\.csv|line 2 of t\.vec"):
        gathered(tmp_path, source=name, key="string", **({"vector_columns": ("v0",)} if name == "t.csv" else {}))


@pytest.mark.parametrize(
    ("columns", "fields", "message"),
    [
        ({"key": [1, 2], "vector": [[1.0, 2.0], [1.0]]}, {}, r"row 1 of t\.parquet has 1 numbers, row 0 .* has 2"),
        ({"key": [1, 2], "vector": [[1.0, 2.0], None]}, {}, r"column 'vector' on row 1 of t\.parquet is None"),
        ({"key": [1, 2], "vector": [[1.0, 2.0], [1.0, None]]}, {}, r"number 1 of 'vector' on row 1"),
        ({"key": [1, 2], "vector": [[1.0], [float("nan")]]}, {}, r"row 1 of t\.parquet holds a NaN"),
        ({"key": [1, None], "vector": [[1.0], [2.0]]}, {}, r"the key on row 1 of t\.parquet is None"),
        ({"key": [1.0, 2.0], "vector": [[1.0], [2.0]]}, {}, r"the key on row 0 of t\.parquet is .*1\.0"),
        ({"key": [1, 2], "vector": [[1.0], [2.0]]}, {"key": "string"}, r'holds int64; key = "string" needs text'),
        ({"key": [7, 7], "vector": [[1.0], [2.0]]}, {}, r"row 0 of t\.parquet and row 1 of t\.parquet"),
        ({"key": [1, 2], "a": [1.0, None]}, {"vector_columns": ("a",)}, r"column 'a' on row 1 of t\.parquet is None"),
        ({"key": [1, 2], "a": ["x", "y"]}, {"vector_columns": ("a",)}, r"column 'a' on row 0 of t\.parquet is 'x'"),
        ({"key": [1, 2], "a": [1.0, 2.0]}, {}, r"t\.parquet has no column 'vector'; its columns: key, a"),
    ],
)
def test_a_parquet_file_that_is_wrong_is_refused_with_its_row(
    tmp_path: Path, columns: dict[str, Any], fields: dict[str, Any], message: str
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(TableError, match=message):
        gathered(tmp_path, **PARQUET, **fields)


def test_a_later_row_group_of_another_width_is_refused(tmp_path: Path) -> None:
    table = pa.table({"key": [1, 2], "vector": [[1.0, 2.0], [1.0]]})
    with pq.ParquetWriter(tmp_path / "t.parquet", table.schema) as writer:
        for row in range(2):
            writer.write_table(table.slice(row, 1))
    with pytest.raises(TableError, match=r"row 1 of t\.parquet has 1 numbers"):
        gathered(tmp_path, **PARQUET)


def test_what_is_no_parquet_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR0 and more")
    with pytest.raises(TableError, match=r"table t: cannot read t\.parquet"):
        gathered(tmp_path, **PARQUET)


def test_without_pyarrow_the_line_to_install_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TableError) as caught:
        gathered(tmp_path, **PARQUET)
    assert str(caught.value).endswith('pip install -e ".[parquet]"')


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": "t.bin"}, r"t\.bin ends in '\.bin'; say its format: one of npy, parquet, csv"),
        ({"source": "t.csv", "format": "onnx"}, "format 'onnx' with source"),
        ({"source": "t.csv", "format": "xml"}, "format 'xml' with source"),
    ],
)
def test_an_unknown_format_names_those_that_are_known(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError, match=message):
        gathered(tmp_path, **fields)
