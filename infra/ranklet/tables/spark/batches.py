"""Arrow batches of whatever size, cut to one size.

A matrix product may round differently for another number of rows: onnxruntime chooses its kernels by shape. Every
batch that reaches the tower therefore has ROWS rows, the last one filled up with its own last row, so that a row's
bits do not depend on partitions, files or Spark's settings. (They may depend on the processor: its kernels differ.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ranklet.tables.sources.base import Batch, Places
from ranklet.tables.sources.parquet import values
from ranklet.tables.spark import needs

ROWS = 1024
"""Rows that go through the tower at once."""


@dataclass(frozen=True)
class Cut:
    """A batch of ROWS rows, of which the first `rows` are the data's and the others copies of the last one."""

    columns: Any
    rows: int

    def batch(self, key_column: str) -> Batch:
        """As the readers of tables take it; a row is named by its key."""
        found = {name: values(needs.arrow(), column) for name, column in _columns(self.columns)}
        return Batch(found, ByKey("the dataset", found[key_column], "the row with key"))

    def with_copies(self, rows: int) -> Cut:
        """The first rows, the rest of the batch replaced by copies of the first."""
        places = list(range(rows)) + [0] * (ROWS - rows)
        return Cut(self.columns.take(needs.arrow().array(places)), rows)


@dataclass(frozen=True)
class ByKey(Places):
    """Rows of a dataset have no numbers that mean anything to its owner: they are named by their keys."""

    def __getitem__(self, row: int) -> str:
        return f"{self.noun} {str(self.numbers[row])[:60]!r}"


def cut(batches: Iterable[Any], rows: int = ROWS) -> Iterator[Cut]:
    """pyarrow.RecordBatches of one schema → batches of `rows` rows, in order; a row is copied once."""
    arrow = needs.arrow()
    rest: list[Any] = []
    waiting = 0
    for batch in batches:
        rest.append(batch)
        waiting += batch.num_rows
        if waiting < rows:
            continue
        whole = _joined(arrow, rest)
        for start in range(0, waiting - rows + 1, rows):
            yield Cut(whole.slice(start, rows), rows)
        waiting %= rows
        rest = [whole.slice(whole.num_rows - waiting)]
    if waiting:
        last = _joined(arrow, rest)
        places = list(range(waiting)) + [waiting - 1] * (rows - waiting)
        yield Cut(last.take(arrow.array(places)), waiting)


def _joined(arrow: Any, batches: list[Any]) -> Any:
    if len(batches) == 1:
        return batches[0]
    return arrow.Table.from_batches(batches).combine_chunks().to_batches()[0]


def _columns(batch: Any) -> Iterator[tuple[str, Any]]:
    return zip(batch.schema.names, batch.columns, strict=True)
