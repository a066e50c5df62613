"""How inputs were distributed in training: from golden requests, or from a file of rows."""

from __future__ import annotations

import csv
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet import references
from ranklet.errors import ModelError
from ranklet.golden import Golden
from ranklet.model import Model
from ranklet_runtime.watched import Reference


def model(**watch: Any) -> Model:
    return msgspec.convert(
        {
            "name": "films",
            "inputs": {
                "age": {"side": "user", "type": "int"},
                "country": {"side": "user", "type": "string"},
                "price": {"side": "item"},
                "years": {"side": "item", "type": "int", "list": True},
            },
            "features": {},
            "steps": [{"format": "numpy", "engine": "linear", "source": "w.npz"}],
            "watch": {"health": 0.1, **watch},
        },
        Model,
    )


def read(folder: Path, rows: list[Golden] | None = None, **watch: Any) -> dict[str, Reference]:
    return references.read(model(**watch), rows or [], lambda name: folder / name)


def golden(count: int) -> list[Golden]:
    """A request of two items each."""
    return [
        Golden({"age": row, "country": "de"}, {}, {"price": [row / 4, None], "years": [[row, 1], []]}, (0.0, 0.0))
        for row in range(count)
    ]


def test_tenths_of_the_golden_requests_values(tmp_path: Path) -> None:
    found = read(tmp_path, golden(200))
    assert found.keys() == {"age", "price", "years"}
    assert len(found["age"].edges) == 9
    assert found["age"].counts == (20,) * 10
    assert sum(found["price"].counts) == 200
    assert sum(found["years"].counts) == 400


def test_from_few_values_nothing_is_said(tmp_path: Path) -> None:
    assert read(tmp_path, golden(99)).keys() == {"years"}


def test_without_health_there_is_no_reference(tmp_path: Path) -> None:
    assert read(tmp_path, golden(200), health=0.0) == {}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_file_of_rows_goes_before_the_golden_requests(tmp_path: Path, ending: str) -> None:
    rows = [{"age": at, "country": "de", "price": at / 8 if at % 2 else None, "other": "x"} for at in range(1000)]
    path = tmp_path / f"rows.{ending}"
    if ending == "csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif ending == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        from pyarrow import Table, parquet

        parquet.write_table(Table.from_pylist(rows), path)
    found = read(tmp_path, golden(200), reference=path.name)
    assert found.keys() == {"age", "price"}
    assert found["age"] == references.reference(np.arange(1000.0))
    assert sum(found["price"].counts) == 500


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("rows.csv", "age\nold\n", "rows.csv: could not convert string to float"),
        ("rows.jsonl", "{\n", "rows.jsonl: "),
        ("rows.jsonl", "[1, 2]\n", "rows.jsonl: "),
        ("rows.jsonl", '{"age": "old"}\n', "rows.jsonl: "),
        ("rows.jsonl", '{"age": {"a": 1}}\n', "rows.jsonl: "),
        ("rows.csv", "other\n1\n", "has none of the numeric inputs"),
        ("rows.parquet", "PAR", "rows.parquet: "),
        ("rows.txt", "1", "it ends with"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, text: str, why: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ModelError, match=why) as caught:
        read(tmp_path, reference=name)
    assert str(tmp_path) not in str(caught.value)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9) | st.sampled_from([0.0, 1.0]), min_size=100, max_size=200))
def test_every_value_lies_in_the_bucket_below_its_edge(values: list[float]) -> None:
    found = references.reference(np.array(values))
    assert found is not None
    assert list(found.edges) == sorted(set(found.edges))
    bounds = [-np.inf, *found.edges, np.inf]
    expected = [sum(low < value <= high for value in values) for low, high in pairwise(bounds)]
    assert list(found.counts) == expected


def test_golden_values_of_another_type_are_left_to_the_proof(tmp_path: Path) -> None:
    rows = [Golden({"age": "old"}, {}, {"price": [1 << 2000], "years": [[1]]}, (0.0,)) for _ in range(200)]
    assert read(tmp_path, rows).keys() == {"years"}


def test_nan_is_no_value() -> None:
    assert references.reference(np.full(500, np.nan)) is None
    found = references.reference(np.array([np.nan] * 50 + [1.0] * 50 + [0.0] * 50))
    assert found == Reference((0.0, 1.0), (50, 50, 0))
