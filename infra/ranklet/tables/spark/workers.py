"""What runs in Spark's workers: functions from Arrow batches to Arrow batches, given plain values and broadcasts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, repeat
from operator import itemgetter
from typing import Any

import numpy as np

from ranklet.tables.spark import needs
from ranklet.tables.spark.content import Content
from ranklet.tables.spark.content import of as content_of
from ranklet.tables.spark.lines import lines
from ranklet.tables.spark.rows import exact, opened, packed
from ranklet_features.spec import Table

SUMS = (
    "name string, rows long, items long, sums binary, total array<double>, key_bytes long, low string, high string, "
    "kept map<string, binary>"
)
EXACT = "key string, row binary"
"""The columns of `sums` and `exact_rows`, in Spark's words."""


def texts(blob: Any, batches: Iterator[Any]) -> Iterator[Any]:
    """A partition's batches → texts of lines. blob: Spark's broadcast of a recipe's bytes."""
    arrow = needs.arrow()
    recipe = opened(blob.value)[0]
    for text in lines(packed(batches, blob.value), recipe):
        yield arrow.RecordBatch.from_pydict({"line": arrow.array([text[:-1]], arrow.string())})


def exact_rows(blob: Any, batches: Iterator[Any]) -> Iterator[Any]:
    """A partition's batches → keys as text, rows as they are before packing."""
    arrow = needs.arrow()
    for part in exact(batches, blob.value):
        found = part.by_text()
        yield arrow.RecordBatch.from_pydict(
            {"key": arrow.array(list(found), arrow.string()), "row": arrow.array(list(found.values()), arrow.binary())}
        )


def sums(fields: dict[str, Any], wanted: Any, batches: Iterator[Any]) -> Iterator[Any]:
    """Written lines and their files → what each file holds. fields: of a Table."""
    arrow = needs.arrow()
    table = Table(**fields)
    for name, lines_ in groupby(_named(batches), key=itemgetter(0)):
        found = content_of((line for _, line in lines_), table, wanted.value)
        row = {
            "name": name,
            "rows": found.rows,
            "items": found.items,
            "sums": found.sums.astype("<u8").tobytes(),
            "total": found.total.tolist(),
            "key_bytes": found.key_bytes,
            "low": str(found.low),
            "high": str(found.high),
            "kept": list(found.kept.items()),
        }
        yield arrow.RecordBatch.from_pylist([row], _schema(arrow))


def _named(batches: Iterator[Any]) -> Iterator[tuple[str, str]]:
    """File and line. A partition reads its files one after the other: most batches are of one."""
    for batch in batches:
        if not batch.num_rows:
            continue
        lines_, names = batch.columns
        first, last = names[0].as_py(), names[-1].as_py()
        yield from zip(repeat(first) if first == last else names.to_pylist(), lines_.to_pylist(), strict=False)


def _schema(arrow: Any) -> Any:
    types = {
        "name": arrow.string(),
        "rows": arrow.int64(),
        "items": arrow.int64(),
        "sums": arrow.binary(),
        "total": arrow.list_(arrow.float64()),
        "key_bytes": arrow.int64(),
        "low": arrow.string(),
        "high": arrow.string(),
        "kept": arrow.map_(arrow.string(), arrow.binary()),
    }
    return arrow.schema(list(types.items()))


def content(row: Any, table: Table) -> Content:
    """What `sums` found in a file, as Spark collected it."""
    low, high = (row[name] if table.key == "string" else int(row[name]) for name in ("low", "high"))
    digest = np.frombuffer(bytes(row["sums"]), "<u8").astype(np.uint64)
    kept = {key: bytes(packed_row) for key, packed_row in row["kept"].items()}
    return Content(
        table.dim, row["rows"], row["items"], digest, np.array(row["total"]), row["key_bytes"], low, high, kept
    )
