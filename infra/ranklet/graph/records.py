"""The values that pass between the stages of the graph compiler, and out of it. No behaviour here.

Sides. The author declares each input as `user`, `context`, `item` or `pair`. Inside there are three places where a
value may be computed: `user` (once per request, batch 1; context counts as user), `item` (once per item, when the
model is built) and `cross` (once per candidate of a request; inputs declared `pair` start there). `rest` is the uncut
graph without what the item's row holds: it stands in for user and cross graph where a user has few candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Feeds = Mapping[str, Array]

Declared = Literal["user", "context", "item", "pair"]
Side = Literal["user", "item", "cross", "rest"]
Variant = Literal["A", "B"]
RowType = Literal["float32", "float16", "int8"]


@dataclass(frozen=True)
class Columns:
    """Columns [start, stop) of one 2-D input and the side that they belong to."""

    side: Declared
    start: int
    stop: int


Sides = Mapping[str, Declared | tuple[Columns, ...]]
"""Per input name: one side for the whole input, or ranges that cover all its columns."""


@dataclass(frozen=True)
class Options:
    """What the author may choose.

    mode: `off` cuts embeddings only; `force` ships the faster split even where the uncut graph is quicker.
    only: the one candidate (`A`, `A+`, `B`, `B+`) that ships if it is accepted; nothing is timed then. below: with it,
    requests of fewer candidates are for the rest graph; 0 for none. apart: the user graph must stay one of its own, so
    that what it gives can be kept.
    cut_rows: a table leaves the graph from so many rows on. limits: ids of an input lie below it (found from the graph
    where not given). extents: the size of a dynamic dimension that is not the batch, by its name in the graph, where
    it should be fixed instead of left dynamic. row_bytes: an item's record may not be wider. row_types: tried in this
    order, the first whose error stays within row_error (absolute, on the outputs) is taken.
    """

    mode: Literal["auto", "off", "force"] = "auto"
    only: Literal["A", "A+", "B", "B+"] | None = None
    below: int = 0
    apart: bool = False
    cut_rows: int = 10_000
    limits: Mapping[str, int] = field(default_factory=dict)
    extents: Mapping[str, int] = field(default_factory=dict)
    candidates: tuple[int, ...] = (1, 100, 500, 2000)
    row_bytes: int = 4096
    row_types: tuple[RowType, ...] = ("float32",)
    row_error: float = 1e-3
    tolerance: float = 1e-5
    seed: int = 0


@dataclass(frozen=True)
class Port:
    """One end of a graph. shape: None for the batch or another dynamic size."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Source:
    """Where an input of a compiled graph comes from: an original input, whole or these columns of it, in this order."""

    name: str
    columns: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Piece:
    """One graph of the compiled model, as serialised ONNX.

    sources: for inputs that are the original model's. The others are another piece's outputs under the same name, cut
    rows (`Lookup.rows`), or the item record.
    """

    content: bytes = field(repr=False)
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    sources: Mapping[str, Source] = field(default_factory=dict)


@dataclass(frozen=True)
class Field:
    """One value of an item's record: `shape` without the batch, at [offset, offset + size) of the packed elements."""

    name: str
    shape: tuple[int, ...]
    offset: int
    size: int


@dataclass(frozen=True)
class RecordLayout:
    """What is stored per item: `width` elements of dtype; int8 records carry one float32 scale per field as well.

    The cross graph reads records as its input `item_record` [n, width] and, for int8, `item_scale` [n, fields].
    error: the largest difference that the dtype caused on the outputs, over the acceptance test; 0 for float32.
    """

    dtype: RowType
    width: int
    fields: tuple[Field, ...]
    error: float = 0.0

    @property
    def nbytes(self) -> int:
        """Bytes of one record, scales included."""
        scales = 4 * len(self.fields) if self.dtype == "int8" else 0
        return self.width * np.dtype(self.dtype).itemsize + scales


@dataclass(frozen=True)
class Lookup:
    """One use of a table that left the graph: graph input `rows` = table[ids], ids being an output of the `keys`
    graph or, where `direct`, an input of the model itself."""

    table: str
    ids: str
    rows: str
    side: Side
    direct: bool


@dataclass(frozen=True)
class Table:
    """An embedding table that left the graph. `values` is memory-mapped where the model kept it in external data."""

    name: str
    shape: tuple[int, int]
    dtype: str
    values: Array = field(repr=False)


@dataclass(frozen=True)
class SideAccount:
    """What one graph does. flops: multiply-adds count two, for one row (user: one request); weights: bytes. opens_ms:
    how long onnxruntime took to open it."""

    nodes: int
    flops: int
    weights: int
    opens_ms: float = 0.0


@dataclass(frozen=True)
class Timing:
    """One candidate at one N: medians in microseconds, speedup = uncut ÷ candidate, both interleaved in one run."""

    candidate: str
    n: int
    micros: float
    speedup: float


@dataclass(frozen=True)
class Report:
    """What was found, tried, measured and chosen; every sentence is meant to be printed.

    shipped: `uncut`, or a variant, with `+` where user and cross graph are one session. proven: node → reason, by the
    static table. dynamic: by a trial of rows only. pushed: by which rule. refused: why a node stays per candidate.
    declined: candidate → why it was not taken. below: requests of fewer candidates are for the rest graph, 0 for none.
    grown: numbers of an item's row that it alone reads.
    """

    shipped: str
    reason: str
    proven: Mapping[str, str] = field(default_factory=dict)
    dynamic: Mapping[str, str] = field(default_factory=dict)
    pushed: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    declined: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, SideAccount] = field(default_factory=dict)
    frontier: tuple[Port, ...] = ()
    timings: tuple[Timing, ...] = ()
    control: float = 1.0
    trials: int = 0
    worst: float = 0.0
    skipped: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    below: int = 0
    grown: int = 0


@dataclass(frozen=True)
class Compiled:
    """Everything that a bundle needs.

    whole: the uncut graph, its large tables replaced by row inputs; always there. keys: per side, the graph that
    computes ids of cut tables from the inputs (absent where the ids are inputs themselves). user, item, cross: None
    where the model ships uncut (and user or item where that side has nothing to compute). fused: user and cross graph
    in one, where that was quicker; the user graph then need not run. record: what is stored per item. rest: the uncut
    graph that reads it, for requests of fewer candidates than `report.below`; None where the split is never slower.
    """

    whole: Piece
    user: Piece | None
    item: Piece | None
    cross: Piece | None
    fused: Piece | None
    record: RecordLayout | None
    keys: Mapping[Side, Piece]
    lookups: tuple[Lookup, ...]
    tables: tuple[Table, ...]
    report: Report
    rest: Piece | None = None
