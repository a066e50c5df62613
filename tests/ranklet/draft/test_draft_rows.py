"""Golden requests of the author's own rows: CSV, JSON lines and Parquet, typed, grouped, and refused by their place."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import orjson
import pyarrow
import pytest
from draft_kit import LENGTH, Save, ranker
from pyarrow import parquet

from ranklet import draft, pipeline
from ranklet.draft import rows
from ranklet.errors import ModelError

ROWS: list[dict[str, Any]] = [
    {"user_id": 3, "profile": [0.5, -1.0, 2.0], "hist_ids": [1, 2], "item_id": 7, "price": 9.5, "clicked": 1},
    {"user_id": 3, "profile": [0.5, -1.0, 2.0], "hist_ids": [1, 2], "item_id": 8, "price": 0.25, "clicked": 0},
    {"user_id": 4, "profile": [0.0, 0.0, 1.0], "hist_ids": [], "item_id": 59, "price": -3.0, "clicked": 0},
]


def written(path: Path, given: list[dict[str, Any]]) -> Path:
    """The rows in a file of the ending's kind; in CSV lists are JSON."""
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(given), path)
    elif path.suffix == ".jsonl":
        path.write_bytes(b"\n".join(orjson.dumps(row) for row in given))
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(given[0]))
            writer.writeheader()
            writer.writerows({key: _cell(value) for key, value in row.items()} for row in given)
    return path


def _cell(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, list) else value


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_rows_become_requests_with_the_graphs_own_scores(save: Save, tmp_path: Path, ending: str) -> None:
    path, folder = save(ranker()), tmp_path / "functions" / "ranker"
    made = draft.draft(path, folder, rows=written(tmp_path / f"sample.{ending}", ROWS))
    lines = [orjson.loads(line) for line in (folder / "golden.jsonl").read_bytes().splitlines()]
    assert [line["request"]["items"]["item_id"] for line in lines] == [[7, 8], [59]]
    assert [line["request"]["user"]["hist_ids"] for line in lines] == [[1, 2], []]
    found = [score for line in lines for score in line["scores"]]
    np.testing.assert_allclose(found, _scores(path), rtol=1e-6, atol=1e-6)
    assert made.golden == 2
    assert f"They are rows of sample.{ending}." in (folder / "model.toml").read_text()
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows == 2


def _scores(path: Path) -> Any:
    ids, mask = np.zeros((3, LENGTH), np.int64), np.zeros((3, LENGTH), np.float32)
    for row, given in enumerate(ROWS):
        ids[row, : len(given["hist_ids"])], mask[row, : len(given["hist_ids"])] = given["hist_ids"], 1
    feeds = {
        "user_id": np.int64([row["user_id"] for row in ROWS]),
        "profile": np.float32([row["profile"] for row in ROWS]),
        "hist_ids": ids,
        "hist_mask": mask,
        "item_id": np.int64([row["item_id"] for row in ROWS]),
        "price": np.float32([[row["price"]] for row in ROWS]),
    }
    return onnxruntime.InferenceSession(path).run(["score"], feeds)[0].reshape(-1)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"price": "cheap"}, r"sample\.jsonl:2: price is 'cheap', no float"),
        ({"price": float("1e999")}, r"sample\.csv:2: price is 'inf', no float"),
        ({"item_id": 1.5}, r"sample\.jsonl:2: item_id is '1\.5', no int"),
        ({"profile": '[1, 2, "x"]'}, r"sample\.csv:2: profile is .*, no list of floats"),
        ({"hist_ids": 7}, r"sample\.jsonl:2: hist_ids is '7', no list of ints"),
    ],
)
def test_a_value_of_another_type_is_refused_by_row_and_column(
    save: Save, tmp_path: Path, change: dict[str, Any], what: str
) -> None:
    name = "sample.csv" if "csv" in what else "sample.jsonl"
    sample = written(tmp_path / name, [ROWS[0], {**ROWS[1], **change}])
    with pytest.raises(ModelError, match=what):
        draft.draft(save(ranker()), tmp_path / "ranker", rows=sample)
    assert not (tmp_path / "ranker").exists()


def test_a_column_that_is_absent_is_named_beside_those_there_are(save: Save, tmp_path: Path) -> None:
    sample = written(tmp_path / "sample.csv", [{key: row[key] for key in ("user_id", "item_id")} for row in ROWS])
    with pytest.raises(ModelError, match=r"sample\.csv:1 has no column 'profile'; it has user_id, item_id"):
        draft.draft(save(ranker()), tmp_path / "ranker", rows=sample)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("sample.jsonl", b"", "holds no rows"),
        ("sample.csv", b"user_id,item_id\n", "holds no rows"),
        ("sample.jsonl", b'{"user_id": 1', "cannot be read"),
        ("sample.jsonl", b"[1, 2]", r"a line is '\[1, 2\]', no object"),
        ("sample.parquet", b"PAR1 not", "cannot be read"),
        ("sample.csv", b"\xff\xfe\x00", "cannot be read"),
        ("sample.xlsx", b"PK", r"ends in '\.xlsx'; rows are read from \.csv, \.jsonl, \.parquet"),
    ],
)
def test_a_file_that_holds_no_rows_is_refused(save: Save, tmp_path: Path, name: str, content: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=what):
        draft.draft(save(ranker()), tmp_path / "ranker", rows=tmp_path / name)


def test_ints_keep_all_their_bits_and_those_with_gaps_are_read_as_pandas_writes_them() -> None:
    assert rows._one("9007199254740993", "int") == 9007199254740993
    assert rows._one(9007199254740993, "int") == 9007199254740993
    assert rows._one("3.0", "int") == 3
    assert rows._one("-7", "int") == -7
    for wrong in ("3.5", "nan", "inf", "x"):
        with pytest.raises(ValueError):
            rows._one(wrong, "int")


def test_many_rows_are_cut_to_what_a_build_can_replay(save: Save, tmp_path: Path) -> None:
    many = [{**ROWS[0], "item_id": number % 60} for number in range(250)]
    many += [{**ROWS[0], "user_id": number % 40} for number in range(400)]
    folder = tmp_path / "ranker"
    made = draft.draft(save(ranker()), folder, rows=written(tmp_path / "sample.jsonl", many))
    lines = [orjson.loads(line) for line in (folder / "golden.jsonl").read_bytes().splitlines()]
    assert [len(line["scores"]) for line in lines[:4]] == [100, 100, 50, 1]
    assert made.golden == len(lines) == rows.MOST_REQUESTS
