"""An index of item vectors as a manifest pins it: plain records, written by the build and read by Lambda."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ranklet_features.lean import dataclass, field
from ranklet_features.spec import KeyType

Metric = Literal["inner", "cosine"]
Layout = Literal["exact", "ivf"]
Packing = Literal["float32", "int8"]
AttributeType = Literal["string", "int", "bool"]


@dataclass(frozen=True)
class IndexSpec:
    """One index, whose files are described in `ranklet_features.index.files`.

    rows, dim: of its vectors. key: type of an item's id. metric: with `cosine`, vectors and queries have length 1.
    layout: `exact` looks at every row, `ivf` at the rows of the `probes` lists (of `lists`) nearest to the query.
    packing: what is scanned; `int8` is looked through first, and of the best `rerank` rows the float32 vectors decide.
    longest: the greatest length of a vector, which bounds what rounding may do to a score.
    k: how many results `probes` was chosen for. deeper: how many times as many lists, where a filter keeps rows out or
    more than k are wanted; 0 then looks at every row. attributes: column → type of its values.
    """

    rows: int
    dim: int
    key: KeyType
    metric: Metric = "inner"
    layout: Layout = "exact"
    packing: Packing = "float32"
    lists: int = 1
    probes: int = 1
    rerank: int = 0
    longest: float = 0.0
    k: int = 100
    deeper: int = 1
    attributes: Mapping[str, AttributeType] = field(default_factory=dict)
