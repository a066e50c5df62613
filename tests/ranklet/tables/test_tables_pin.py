"""A version is named by what the table holds, and placement and defaults follow model.toml."""

import numpy as np
import pytest

from ranklet.errors import TableError
from ranklet.model import TableSource
from ranklet.tables import pin as pinning
from ranklet.tables.pin import pin
from ranklet.tables.source import Vectors

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


def test_auto_keeps_a_small_table_in_the_package_and_sends_a_large_one_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pin("t", _source(), VECTORS).table.placement == "resident"
    monkeypatch.setattr(pinning, "RESIDENT_LIMIT", VECTORS.values.nbytes - 1)
    large = pin("t", _source(), VECTORS)
    assert large.table.placement == "dynamodb"
    assert "more than the package should carry" in large.reason
