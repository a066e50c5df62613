"""The local engine: rows as the tower makes them, files as ImportTable reads them, and everything that is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import spark_kit as kit

from ranklet.errors import TableError
from ranklet.tables.spark import single
from ranklet.tables.spark.build import Built
from ranklet_features.packing import from_bytes, unpack
from ranklet_features.spec import Table

DIM = 6


def _build(
    tmp_path: Path, data: pa.Table, *, out: str = "out", absent: tuple[str, ...] = (), files: int = 3, **options: Any
) -> Built:
    recipe = kit.recipe(tmp_path, **{"dim": DIM, **options})
    source = kit.write_rows(data, tmp_path / f"{out}-data", files=files)
    return single.run(recipe, source, str(tmp_path / out), absent=absent, progress=lambda what: None)


def _stored(out: Path, dtype: Any = "f32") -> dict[str, np.ndarray]:
    """Key → row, by the standard library's JSON."""
    items = [json.loads(line)["Item"] for line in kit.read_lines(out)]
    assert all(set(item) == {"k", "v"} and set(item["k"]) == {"S"} and set(item["v"]) == {"B"} for item in items)
    found = {
        item["k"]["S"]: unpack(from_bytes(base64.b64decode(item["v"]["B"]), dtype=dtype, dim=DIM))[0] for item in items
    }
    assert len(found) == len(items)
    return found


@pytest.mark.parametrize(("dtype", "bound"), [("f32", 1e-5), ("f16", 1e-3), ("int8", 1e-2)])
def test_rows_are_what_the_tower_makes_of_the_raw_columns(tmp_path: Path, dtype: str, bound: float) -> None:
    data = kit.rows(2500)
    built = _build(tmp_path, data, dtype=dtype)
    stored, wanted = _stored(tmp_path / "out", dtype), kit.expected(data, DIM)
    rows = np.array([stored[str(key)] for key in data["movie_id"].to_pylist()])
    assert len(stored) == built.table.rows == built.items == 2500
    assert np.abs(rows - wanted).max() <= bound * np.abs(wanted).max()
    assert built.table.default == pytest.approx(rows.mean(axis=0).tolist(), rel=1e-4)


def test_the_description_is_the_table_that_a_manifest_would_pin(tmp_path: Path) -> None:
    built = _build(tmp_path, kit.rows(10), dtype="f16")
    fields = json.loads((tmp_path / "out" / "table.json").read_text())
    assert Table(**{**fields, "default": tuple(fields["default"])}) == built.table
    assert fields == {**asdict(built.table), "default": list(built.table.default or ())}
    assert (built.table.physical, built.table.placement) == (f"ranklet-films-{built.table.version}", "dynamodb")
    assert (built.table.dim, built.table.dtype, built.table.missing, built.table.key) == (DIM, "f16", "mean", "int")


def test_bits_and_version_depend_neither_on_order_nor_on_files(tmp_path: Path) -> None:
    data = kit.rows(3000)
    moved = data.take(pa.array(np.random.default_rng(3).permutation(3000)))
    one = _build(tmp_path, data, files=1)
    two = _build(tmp_path, moved, files=7, out="moved")
    assert one.table.version == two.table.version
    assert sorted(kit.read_lines(tmp_path / "out")) == sorted(kit.read_lines(tmp_path / "moved"))


def test_text_keys_of_any_alphabet_are_kept(tmp_path: Path) -> None:
    data = kit.rows(30)
    _build(tmp_path, data, key="string", key_column="name")
    assert set(_stored(tmp_path / "out")) == set(data["name"].to_pylist())


@pytest.mark.parametrize("page", [2, 7, 500])
def test_pages_hold_every_row_once_in_the_order_of_keys(tmp_path: Path, page: int) -> None:
    data = kit.rows(2300)
    plain = _build(tmp_path / "plain", data)
    built = _build(tmp_path / "paged", data, page=page)
    stored, seen = _stored(tmp_path / "plain" / "out"), 0
    for line in kit.read_lines(tmp_path / "paged" / "out"):
        item = json.loads(line)["Item"]
        first, value = int(item["k"]["S"][1:]) * page, base64.b64decode(item["v"]["B"])
        count = int.from_bytes(value[:2], "little")
        offsets = np.frombuffer(value, "<u2", count, 2).astype(int)
        assert (np.diff(offsets) > 0).all() and offsets[-1] < page
        for offset, row in zip(
            offsets, np.frombuffer(value, "<f4", offset=2 + 2 * count).reshape(count, DIM), strict=True
        ):
            assert row.tobytes() == stored[str(first + offset)].tobytes()
            seen += 1
    assert seen == 2300 == built.table.rows == plain.table.rows
    assert built.items == len({key // page for key in data["movie_id"].to_pylist()})
    assert built.table.version != plain.table.version


def test_an_absent_input_takes_its_default_only_where_it_was_named(tmp_path: Path) -> None:
    data = kit.rows(20)
    bare = data.drop_columns(["year"])
    with pytest.raises(TableError, match=r"lacks \['year'\].*price \(double\).*--absent year"):
        _build(tmp_path, bare)
    one = _build(tmp_path, bare, out="bare", absent=("year",))
    two = _build(tmp_path, kit.replaced(data, "year", [1990] * 20), out="full")
    assert one.table.version == two.table.version


def _nan(data: pa.Table) -> pa.Table:
    return kit.replaced(data, "price", [*data["price"].to_pylist()[:7], float("nan"), *data["price"].to_pylist()[8:]])


def _null(column: str) -> Callable[[pa.Table], pa.Table]:
    return lambda data: kit.replaced(
        data, column, [None, *data[column].to_pylist()[1:]], data.schema.field(column).type
    )


REFUSED: dict[str, tuple[Callable[[pa.Table], pa.Table], str]] = {
    "a key twice": (lambda data: pa.concat_tables([data, data.slice(3, 2)]), "2 keys stand on more than one row"),
    "a key missing": (_null("movie_id"), "1 rows have no 'movie_id'"),
    "no key column": (lambda data: data.drop_columns(["movie_id"]), r"no key column 'movie_id'; its columns: name"),
    "keys of another type": (
        lambda data: kit.replaced(data, "movie_id", [f"{key}" for key in data["movie_id"].to_pylist()]),
        "column 'movie_id' is string",
    ),
    "a column missing": (
        lambda data: data.drop_columns(["price", "genre"]),
        r"lacks \['genre', 'price'\].*reads: genre",
    ),
    "a NaN": (_nan, "the row with key '.*price.*a finite number is expected, not nan"),
    "a null without default": (_null("price"), "price.*no default"),
    "text for a number": (
        lambda data: kit.replaced(data, "year", ["old"] * len(data)),
        "column 'year' on the row with key '.*' is 'old'",
    ),
    "vectors of another length": (
        lambda data: kit.replaced(data, "content", [[1.0, 2.0]] * len(data)),
        "content.*a vector of 8 numbers is expected, got 2",
    ),
    "no rows": (lambda data: data.slice(0, 0), "no rows"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_dataset_is_refused_by_name_and_nothing_is_left(tmp_path: Path, fault: str) -> None:
    spoil, said = REFUSED[fault]
    with pytest.raises(TableError, match=said):
        _build(tmp_path, spoil(kit.rows(1500)))
    assert not list((tmp_path / "out").glob("**/*.gz")) and not (tmp_path / "out" / "table.json").exists()


@pytest.mark.parametrize("key", ["", "__ranklet__", "é" * 1025])
def test_text_keys_that_dynamodb_cannot_hold_are_refused(tmp_path: Path, key: str) -> None:
    data = kit.replaced(kit.rows(4), "name", ["a", "b", "c", key])
    with pytest.raises(TableError, match="empty, reserved"):
        _build(tmp_path, data, key="string", key_column="name")


def test_a_number_beyond_the_tables_type_is_refused_with_its_key(tmp_path: Path) -> None:
    data = kit.replaced(kit.rows(50), "price", [*[1.0] * 49, 1e7])
    with pytest.raises(TableError, match=f"a number beyond f16 of the row with key '{data['movie_id'][49]}'"):
        _build(tmp_path, data, dtype="f16")


def test_a_tower_that_leaves_the_numbers_is_refused_with_the_rows_key(tmp_path: Path) -> None:
    data = kit.replaced(kit.rows(50), "price", [*[1.0] * 49, 1e30])
    with pytest.raises(
        TableError, match=f"the tower makes a NaN or an infinity of the row with key '{data['movie_id'][49]}'"
    ):
        _build(tmp_path, data, scale=1e10)


def test_a_tower_whose_rows_depend_on_each_other_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="evaluation mode"):
        _build(tmp_path, kit.rows(1500), mixing=True)


def test_a_folder_that_holds_a_build_is_not_touched(tmp_path: Path) -> None:
    data = kit.rows(5)
    built = _build(tmp_path, data)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with pytest.raises(TableError, match=r"table\.json is there; a build writes into a new folder"):
        single.run(kit.recipe(tmp_path), str(tmp_path / "out-data"), built.out, progress=lambda what: None)
    (tmp_path / "out" / "table.json").rename(tmp_path / "elsewhere")
    with pytest.raises(TableError, match="items is there"):  # what a killed build leaves
        single.run(kit.recipe(tmp_path), str(tmp_path / "out-data"), built.out, progress=lambda what: None)
    (tmp_path / "elsewhere").rename(tmp_path / "out" / "table.json")
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}


def test_a_dataset_that_is_not_there_or_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.parquet").write_bytes(b"PAR?" * 9)
    for source in ("gone", "no.parquet"):
        with pytest.raises(TableError, match=f"cannot read .*{source}"):
            single.run(kit.recipe(tmp_path), str(tmp_path / source), str(tmp_path / "out"), progress=lambda what: None)


def test_an_engine_that_loses_rows_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(self: single.Single) -> Any:
        yield from list(self._dataset().to_batches())[:1]

    monkeypatch.setattr(single.Single, "_batches", half)
    with pytest.raises(TableError, match="rows were written of 3000"):
        _build(tmp_path, kit.rows(3000))
    assert not (tmp_path / "out" / "items").exists()
