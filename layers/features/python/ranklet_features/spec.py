"""The feature spec as data: what a caller sends (`Input`) and what a model reads (`Feature`).

The spec is declared in model.toml, carried in manifest.json, and compiled once into a
`FeaturePlan`. Records are frozen and hold no behaviour. A kind's own options are checked by the
kind's `Options` record, so that a further kind touches nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ranklet_features.lean import dataclass, field

Side = Literal["user", "context", "item"]
"""Whose value it is. `user` and `context` come once per request, `item` once per candidate."""

ValueType = Literal["int", "float", "string"]
NanPolicy = Literal["refuse", "default", "allow"]
MissingPolicy = Literal["zero", "mean", "row", "error"]
Placement = Literal["resident", "dynamodb"]
VectorType = Literal["f32", "f16", "int8"]
KeyType = Literal["int", "string"]


@dataclass(frozen=True)
class Input:
    """One raw field of a request.

    type: `int` (64-bit), `float` (64-bit, narrowed only in the tensor) or `string`.
    list: the value is a list of any length per row (a bag, a history).
    length: the value is a vector of exactly this many numbers per row.
    default: stands in for a missing or null value; without one the field is required.
    nan: what a NaN in a float means: refused, replaced by `default`, or passed on (`allow`); null then counts as NaN,
    and so does a field that is not sent and has no default.
    unread: requests may send it, and nothing looks at it (an item's value that was computed into its row).
    """

    side: Side
    type: ValueType = "float"
    list: bool = False
    length: int | None = None
    default: Any = None
    nan: NanPolicy = "refuse"
    unread: bool = False


@dataclass(frozen=True)
class Feature:
    """One tensor (or a few) that the model reads.

    kind: a name of the table in `ranklet_features.kinds`.
    of: names of inputs, or of other features (crosses), in order.
    options: the kind's own options, checked by its `Options` record.
    """

    kind: str
    of: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """One embedding table as a manifest pins it.

    name: the logical name that features use. physical: `ranklet-<name>-<version>`.
    dim: numbers per row. dtype: how a row is packed, little-endian. rows: how many.
    missing: what an absent key scores with: zeros, `mean` (the table's mean row, held in
    `default`), `row` (a row given by the author, held in `default`) or an error.
    unavailable: the same choice for rows that could not be read in time.
    cache_entries and cache_ttl_s bound the in-process cache of a `dynamodb` table.
    page: rows per DynamoDB item; above 1 (int keys only) the item `p<key // page>` holds all rows of its range.
    snapshot: of a resident table that is not in the package: file name → SHA-256, fetched from S3 at INIT.
    hedge: of a `dynamodb` table: the share of calls that may be sent a second time because they are slow; 0 for none.
    """

    name: str
    physical: str
    version: str
    key: KeyType
    dim: int
    rows: int
    dtype: VectorType = "f32"
    placement: Placement = "resident"
    missing: MissingPolicy = "zero"
    unavailable: MissingPolicy = "zero"
    default: tuple[float, ...] | None = None
    cache_entries: int = 100_000
    cache_ttl_s: float = 300.0
    page: int = 1
    snapshot: Mapping[str, str] | None = None
    hedge: float = 0.05


@dataclass(frozen=True)
class FeatureSpec:
    """Everything feature assembly needs, in declaration order."""

    inputs: Mapping[str, Input]
    features: Mapping[str, Feature]
    tables: Mapping[str, Table] = field(default_factory=dict)
