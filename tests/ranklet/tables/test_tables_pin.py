"""A version is named by what the table holds, and placement and defaults follow model.toml."""

from pathlib import Path

import numpy as np
import pytest

from ranklet.errors import TableError
from ranklet.model import TableSource
from ranklet.tables.pin import pin
from ranklet.tables.source import Vectors
from ranklet_features.packing import pack

VECTORS = Vectors(np.array([1, 2, 3]), np.array([[1.0, 10.0], [2.0, 20.0], [6.0, 60.0]], np.float32))


def _source(**fields: object) -> TableSource:
    return TableSource(vectors="v.npy", keys="k.npy", **fields)  # type: ignore[arg-type]


def test_equal_tables_have_one_name_and_any_change_another() -> None:
    name = pin("films", _source(), VECTORS).table.physical
    assert name == pin("films", _source(), VECTORS).table.physical
    nudged = Vectors(VECTORS.keys, VECTORS.values + np.float32(1e-6))
    renamed = Vectors(np.array([1, 2, 4]), VECTORS.values)
    others = [
        pin("films", _source(), nudged),
        pin("films", _source(), renamed),
        pin("films", _source(dtype="f16"), VECTORS),
        pin("movies", _source(), VECTORS),
    ]
    assert len({name, *(one.table.physical for one in others)}) == 5


def test_mean_policy_pins_the_mean_row() -> None:
    assert pin("t", _source(missing="mean"), VECTORS).table.default == (3.0, 30.0)


def test_row_policy_needs_a_row_of_the_tables_width() -> None:
    assert pin("t", _source(missing="row", default=(1.0, 2.0)), VECTORS).table.default == (1.0, 2.0)
    with pytest.raises(TableError, match="`default` with 2 numbers"):
        pin("t", _source(missing="row", default=(1.0,)), VECTORS)


def test_row_and_mean_cannot_share_one_default() -> None:
    with pytest.raises(TableError, match="not both"):
        pin("t", _source(missing="row", unavailable="mean", default=(1.0, 2.0)), VECTORS)


def test_a_value_beyond_f16_is_refused() -> None:
    with pytest.raises(TableError, match="beyond f16's range"):
        pin("t", _source(dtype="f16"), Vectors(np.array([1]), np.array([[70_000.0]], np.float32)))


@pytest.mark.parametrize("dtype", ["f32", "f16", "int8"])
def test_packed_rows_and_version_are_the_same_through_files_and_in_memory(tmp_path: Path, dtype: str) -> None:
    rows = np.random.default_rng(4).normal(size=(500, 6)).astype(np.float32)
    vectors = Vectors(np.arange(500), rows)
    through, within = (pin("t", _source(dtype=dtype), vectors, scratch=scratch) for scratch in (tmp_path, None))
    assert through.table == within.table
    assert through.vectors.values.tobytes() == within.vectors.values.tobytes() == pack(rows, dtype).tobytes()


def test_pages_and_key_types_are_part_of_a_version() -> None:
    plain = _source(placement="dynamodb")
    texts = Vectors(("1", "2", "3"), VECTORS.values)
    versions = [
        pin("t", plain, VECTORS).table.version,
        pin("t", _source(placement="dynamodb", page=2), VECTORS).table.version,
        pin("t", _source(placement="dynamodb", page=3), VECTORS).table.version,
        pin("t", _source(placement="dynamodb", key="string"), texts).table.version,
    ]
    assert len(set(versions)) == 4


def test_keys_that_join_to_the_same_text_are_another_version() -> None:
    values, source = np.ones((2, 1), np.float32), _source(key="string")
    versions = {pin("t", source, Vectors(keys, values)).table.version for keys in (("a\nb", "c"), ("a", "b\nc"))}
    assert len(versions) == 2


def test_a_page_that_no_item_can_hold_is_refused() -> None:
    with pytest.raises(TableError, match="page = 60000"):
        pin("t", _source(placement="dynamodb", page=60_000), VECTORS)


def test_a_resident_table_has_no_pages() -> None:
    assert pin("t", _source(page=4), VECTORS).table.page == 1
