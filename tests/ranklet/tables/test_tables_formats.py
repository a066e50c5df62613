"""Every format gives the same rows as an independent reader of it: pyarrow, pandas, json, a hand-written word2vec."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables_kit import gathered

from ranklet.tables.source import Vectors
from ranklet.tables.sources import csv, jsonl, parquet, word2vec

RANDOM = np.random.default_rng(11)
VALUES = RANDOM.normal(size=(257, 6)).astype(np.float32)
KEYS = RANDOM.permutation(257) * 7 - 900
NAMES = [f"v{place}" for place in range(6)]
Write = Callable[[Path], dict[str, Any]]


def _csv(folder: Path) -> dict[str, Any]:
    frame = pd.DataFrame(VALUES.astype(np.float64), columns=NAMES)
    frame.insert(3, "item", KEYS)
    frame.to_csv(folder / "t.csv", index=False)
    return {"source": "t.csv", "key_column": "item", "vector_columns": ("v*",)}


def _csv_cells(folder: Path) -> dict[str, Any]:
    cells = [" ".join(map(repr, row)) for row in VALUES.astype(np.float64).tolist()]
    pd.DataFrame({"vector": cells, "key": KEYS}).to_csv(folder / "t.csv", index=False)
    return {"source": "t.csv"}


def _csv_json_cells(folder: Path) -> dict[str, Any]:
    pd.DataFrame({"key": KEYS, "e": [json.dumps(row) for row in VALUES.tolist()]}).to_csv(folder / "t.csv", index=False)
    return {"source": "t.csv", "vector_column": "e"}


def _jsonl(folder: Path) -> dict[str, Any]:
    rows = zip(KEYS.tolist(), VALUES.tolist(), strict=True)
    (folder / "t.jsonl").write_text("\n\n".join(json.dumps({"key": key, "vector": row}) for key, row in rows))
    return {"source": "t.jsonl"}


def _jsonl_columns(folder: Path) -> dict[str, Any]:
    rows = zip(KEYS.tolist(), VALUES.tolist(), strict=True)
    lines = [json.dumps({"key": key, **dict(zip(NAMES, row, strict=True))}) for key, row in rows]
    (folder / "t.rows").write_text("\n".join(lines))
    return {"source": "t.rows", "format": "jsonl", "vector_columns": tuple(NAMES)}


def _parquet_lists(folder: Path) -> dict[str, Any]:
    table = pa.table({"key": KEYS, "other": ["x"] * 257, "vector": VALUES.tolist()})
    pq.write_table(table, folder / "t.parquet", row_group_size=50)
    return {"source": "t.parquet"}


def _parquet_fixed(folder: Path) -> dict[str, Any]:
    lists = pa.FixedSizeListArray.from_arrays(pa.array(VALUES.reshape(-1)), 6)
    pq.write_table(pa.table({"key": pa.array(KEYS, pa.int32()), "emb": lists}), folder / "t.pq")
    return {"source": "t.pq", "vector_column": "emb"}


def _parquet_columns(folder: Path) -> dict[str, Any]:
    columns = {name: VALUES[:, place] for place, name in enumerate(NAMES)}
    pq.write_table(pa.table({**columns, "key": KEYS}), folder / "t.parquet")
    return {"source": "t.parquet", "vector_columns": ("v0", "v1", "v2", "v3", "v4", "v5")}


def _word2vec(folder: Path) -> dict[str, Any]:
    lines = [f"{key} {' '.join(map(str, row))} " for key, row in zip(KEYS, VALUES.tolist(), strict=True)]
    (folder / "t.vec").write_text("\n".join([f"{len(KEYS)} 6", *lines, ""]))
    return {"source": "t.vec"}


def _glove(folder: Path) -> dict[str, Any]:
    lines = [f"{key} {' '.join(map(str, row))}\n" for key, row in zip(KEYS, VALUES.tolist(), strict=True)]
    (folder / "t.txt").write_text("".join(lines))
    return {"source": "t.txt", "format": "glove"}


def _colon(folder: Path) -> dict[str, Any]:
    lines = [f"{key}:{' '.join(map(str, row))}\n" for key, row in zip(KEYS, VALUES.tolist(), strict=True)]
    (folder / "t.txt").write_text("".join(lines))
    return {"source": "t.txt", "format": "colon"}


def _colon_commas(folder: Path) -> dict[str, Any]:
    lines = [f"{key} : {', '.join(map(str, row))}\r\n" for key, row in zip(KEYS, VALUES.tolist(), strict=True)]
    (folder / "t.emb").write_text(f"{len(KEYS)} 6\n" + "".join(lines))
    return {"source": "t.emb", "format": "colon"}


WRITERS = (
    _csv,
    _csv_cells,
    _csv_json_cells,
    _jsonl,
    _jsonl_columns,
    _parquet_lists,
    _parquet_fixed,
    _parquet_columns,
    _word2vec,
    _glove,
    _colon,
    _colon_commas,
)


def test_a_key_with_colons_ends_at_the_last(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("user:7:0.5,1\nżółw:1 2\n", encoding="utf-8")
    found = gathered(tmp_path, source="t.txt", format="colon", key="string")
    assert dict(zip(found.keys, found.values.tolist(), strict=True)) == {"user:7": [0.5, 1.0], "żółw": [1.0, 2.0]}


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__[1:])
@pytest.mark.parametrize("batch", [7, 10_000])
def test_every_format_gives_the_very_rows_sorted_by_key(
    tmp_path: Path, write: Write, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((csv, "BATCH_CELLS"), (jsonl, "BATCH_ROWS"), (parquet, "BATCH_ROWS")):
        monkeypatch.setattr(module, name, batch)
    monkeypatch.setattr(word2vec, "CHUNK_NUMBERS", batch)
    found = gathered(tmp_path, **write(tmp_path))
    order = np.argsort(KEYS)
    assert np.array_equal(np.asarray(found.keys), KEYS[order])
    assert np.array_equal(found.values, VALUES[order])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_parquet_floats_of_every_width(tmp_path: Path, dtype: type[np.floating]) -> None:
    lists = pa.ListArray.from_arrays(
        pa.array(range(0, 13, 3), pa.int32()), pa.array(VALUES[:2].astype(dtype).reshape(-1))
    )
    pq.write_table(pa.table({"key": [1, 2, 3, 4], "vector": lists}), tmp_path / "t.parquet")
    expected = VALUES[:2].astype(dtype).astype(np.float32).reshape(4, 3)
    assert np.array_equal(gathered(tmp_path, source="t.parquet").values, expected)


def test_parquet_rows_equal_what_pandas_reads(tmp_path: Path) -> None:
    frame = pd.DataFrame({"film": [f"tt{n:04}" for n in RANDOM.permutation(90)], "e": list(VALUES[:90])})
    frame["film"] = frame["film"].astype("category")
    frame.to_parquet(tmp_path / "t.parquet")
    found = gathered(tmp_path, source="t.parquet", key="string", key_column="film", vector_column="e")
    read = pd.read_parquet(tmp_path / "t.parquet").astype({"film": str}).sort_values("film")
    assert list(found.keys) == read["film"].tolist()
    assert np.array_equal(found.values, np.stack(read["e"].to_list()))


def _texts(folder: Path, keys: list[str], kind: str) -> Vectors:
    values = np.arange(2.0 * len(keys)).reshape(-1, 2)
    if kind == "csv":
        pd.DataFrame({"key": keys, "a": values[:, 0], "b": values[:, 1]}).to_csv(folder / "t.csv", index=False)
        return gathered(folder, source="t.csv", key="string", vector_columns=("a", "b"))
    if kind == "jsonl":
        lines = [json.dumps({"key": key, "vector": row}) for key, row in zip(keys, values.tolist(), strict=True)]
        (folder / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
        return gathered(folder, source="t.jsonl", key="string")
    pq.write_table(pa.table({"key": keys, "vector": values.tolist()}), folder / "t.parquet")
    return gathered(folder, source="t.parquet", key="string")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_keys_of_any_text_come_back_as_they_are(tmp_path: Path, kind: str) -> None:
    keys = ["ü", "a b", 'say "hi"', "two\nlines", "007", "7", "naïve,comma", "😀", " lead"]
    found = _texts(tmp_path, keys, kind)
    assert list(found.keys) == sorted(keys)
    rows = dict(zip(found.keys, found.values.tolist(), strict=True))
    assert [rows[key] for key in keys] == np.arange(18.0).reshape(-1, 2).tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=8))
def test_text_numbers_are_those_of_float64_rounded_once_more(
    tmp_path_factory: pytest.TempPathFactory, row: list[float]
) -> None:
    folder = tmp_path_factory.mktemp("numbers")
    texts = [f"{number:.25g}" for number in row]
    names = [f"v{place}" for place in range(len(row))]
    (folder / "t.csv").write_text(f"key,{','.join(names)}\n1,{','.join(texts)}\n")
    (folder / "t.jsonl").write_text(f'{{"key": 1, "vector": [{", ".join(texts)}]}}')
    (folder / "t.vec").write_text(f"1 {len(row)}\n1 {' '.join(texts)}\n")
    expected = np.array(row, np.float32)
    for source in (
        {"source": "t.csv", "vector_columns": ("v*",)},
        {"source": "t.jsonl"},
        {"source": "t.vec"},
    ):
        assert np.array_equal(gathered(folder, **source).values[0], expected)


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfkey,a\r\n3,1.5\r\n")
    assert gathered(tmp_path, source="t.csv", vector_columns=("a",)).values.tolist() == [[1.5]]


def test_integers_of_a_text_are_exact_to_the_last_of_64_bits(tmp_path: Path) -> None:
    keys = [(1 << 63) - 1, -(1 << 63), (1 << 53) + 1]
    (tmp_path / "t.csv").write_text("key,a\n" + "".join(f"{key},1\n" for key in keys))
    assert np.asarray(gathered(tmp_path, source="t.csv", vector_columns=("a",)).keys).tolist() == sorted(keys)
