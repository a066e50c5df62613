"""The digest that names a version: the same rows give it in any order and cut anyhow, other rows do not."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet.errors import TableError
from ranklet.items import Items
from ranklet.tables.importfiles import FORMS
from ranklet.tables.spark.content import Content, dim_of, of
from ranklet_features.packing import pack, unpack
from ranklet_features.spec import Table, VectorType

LINE = FORMS["dynamodb-json"][2]
DIM = 3


def _table(dtype: VectorType = "f32", page: int = 1) -> Table:
    return Table("t", "t", "", "int", DIM, 0, dtype, page=page)


def _lines(keys: np.ndarray, rows: np.ndarray, table: Table) -> list[bytes]:
    items = Items(table, keys, rows)
    return [LINE(key, value) for key, value in items.pairs(0, len(items))]


def _rows(count: int, dtype: VectorType = "f32") -> np.ndarray:
    return pack(np.random.default_rng(count).normal(size=(count, DIM)).astype(np.float32), dtype)


@given(order=st.permutations(range(40)), cut=st.integers(0, 40))
@settings(max_examples=25)
def test_neither_order_nor_cuts_change_the_version(order: list[int], cut: int) -> None:
    table, keys = _table(), np.arange(40) * 7 - 100
    lines = _lines(keys, _rows(40), table)
    moved = [lines[place] for place in order]
    found = of(moved[:cut], table)
    found.add(of(moved[cut:], table))
    assert found.version(table) == of(lines, table).version(table)
    assert (found.rows, found.items) == (40, 40)


@pytest.mark.parametrize("dtype", ["f32", "f16", "int8"])
@pytest.mark.parametrize("page", [1, 4])
def test_the_version_is_the_formula_of_the_module_and_pages_hold_the_same_rows(dtype: VectorType, page: int) -> None:
    table, keys, rows = _table(dtype, page), np.array([-9, -8, -1, 0, 3, 4, 900]), _rows(7, dtype)
    sums = [0, 0, 0, 0]
    for key, row in zip(keys.tolist(), rows, strict=True):
        digest = hashlib.sha256(str(key).encode() + row.tobytes()).digest()
        for quarter in range(4):
            sums[quarter] += int.from_bytes(digest[8 * quarter : 8 * quarter + 8], "little")
    head = f"int {dtype} 7 {DIM} {page}\n".encode()
    wanted = hashlib.sha256(head + b"".join((one % 2**64).to_bytes(8, "little") for one in sums)).hexdigest()[:12]
    lines = _lines(keys, rows, table)
    found = of(lines, table)
    assert found.version(table) == wanted
    assert found.items == len(lines) == (7 if page == 1 else 6)
    assert found.mean() == pytest.approx(unpack(rows).mean(axis=0).tolist(), rel=1e-5)
    assert {dim_of(line, dtype=dtype, paged=page > 1) for line in lines} == {DIM}


def test_a_changed_row_a_moved_row_and_a_row_written_twice_are_other_versions() -> None:
    table, keys, rows = _table(), np.arange(5), _rows(5)
    lines = _lines(keys, rows, table)
    other = rows.copy()
    other[2, 1] = np.nextafter(other[2, 1], np.float32(9))
    swapped = rows[[1, 0, 2, 3, 4]]
    contents = [
        lines,
        _lines(keys, other, table),
        _lines(keys, swapped, table),
        [*lines, lines[0]],
        [*lines, *lines[:2]],
    ]
    assert len({of(one, table).version(table) for one in contents}) == 5
    assert of(lines, table).version(table) != of(lines, table).version(replace(table, key="string"))


def test_no_rows_are_a_content_too() -> None:
    assert of([], _table()).rows == Content(DIM).rows == 0


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b'{"Item":{"k":{"S":"1"}}}',
        b'{"Item":{"k":{"S":"1"},"v":{"B":"AAAA"}}}',
        b'{"Item":{"k":{"S":"1"},"v":{"B":"AA%A"}}}',
        b'{"Item":[]}',
    ],
)
@pytest.mark.parametrize("page", [1, 4])
def test_a_line_that_is_no_such_item_is_refused(line: bytes, page: int) -> None:
    with pytest.raises(TableError, match="does not read back"):
        of([line], _table(page=page))
