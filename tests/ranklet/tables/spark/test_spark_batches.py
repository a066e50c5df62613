"""Whatever the sizes that come in, what goes out has one size, the same rows, in the same order."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet.tables.spark.batches import ROWS, cut

SCHEMA = pa.schema({"n": pa.int64(), "t": pa.list_(pa.string())})


@settings(deadline=None)  # the first example imports pyarrow
@given(sizes=st.lists(st.integers(0, 23), max_size=12), rows=st.integers(1, 9))
def test_rows_come_out_in_order_and_batches_are_filled_with_copies_of_the_last(sizes: list[int], rows: int) -> None:
    total, batches = 0, []
    for size in sizes:
        columns = {"n": list(range(total, total + size)), "t": [["x"] * 2] * size}
        batches.append(pa.record_batch(columns, schema=SCHEMA))
        total += size
    found = list(cut(batches, rows))
    assert [one.columns.num_rows for one in found] == [rows] * -(-total // rows)
    kept = [number for one in found for number in one.columns["n"].to_pylist()[: one.rows]]
    assert kept == list(range(total))
    assert all(one.rows == rows for one in found[:-1])
    for one in found[-1:]:
        assert set(one.columns["n"].to_pylist()[one.rows :]) <= {total - 1}


@pytest.mark.parametrize("half", [1, ROWS // 2])
def test_the_rest_of_a_batch_may_be_replaced_by_copies_of_its_first_row(half: int) -> None:
    (one,) = cut([pa.record_batch({"n": list(range(ROWS))})])
    numbers = one.with_copies(half).columns["n"].to_pylist()
    assert numbers == [*range(half), *[0] * (ROWS - half)]


def test_a_row_is_named_by_its_key() -> None:
    (one,) = cut([pa.record_batch({"id": ["a", "b"], "x": [1.0, 2.0]})])
    assert one.batch("id").places[1] == "the row with key 'b'"
