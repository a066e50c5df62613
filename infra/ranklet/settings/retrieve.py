"""`[retrieve]`: how a model finds items instead of scoring given ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from ranklet_features.index.spec import AttributeType

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Attributes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[retrieve.attributes]`: what a filter may ask of an item, from a file with a row an item.

    source: JSON lines, CSV or Parquet (`format` where the ending does not tell). key_column: of the items' ids; what
    the table does not hold is passed over. columns: name → type of its values. A value may be a list; null is none.
    """

    source: str
    format: str | None = None
    key_column: str = "key"
    columns: Annotated[Mapping[str, AttributeType], msgspec.Meta(min_length=1, max_length=64)]


class Retrieve(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[retrieve]`, of a model with `kind = "retrieve"`.

    table: of [tables], which holds the items' vectors. query: the tensor made by the steps that is the user's vector.
    history: or the input of the user's recent items, of whose vectors it is the `mean`, or the `attention` (weights are
    the softmax of each one's product with the last one over the root of the width). Without either, only similar items
    are answered.
    metric: `inner` product or `cosine`. k: results where a request does not say; `[limits] items` bounds what it may.
    index: `exact` looks at every item, `ivf` at some lists of them; `auto` takes ivf from `ivf_rows` items on. dtype:
    `int8` scans a quarter of the memory, and of the best `rerank` or more the float32 vectors decide.
    recall: of the k best what share must be found, over the held-out `queries`: a .npy of vectors, or a .jsonl of
    requests (`{"user": …, "context": …}`); by default the golden requests. Where an inverted file does not reach it by
    looking at `most` of the items, or int8 does not, the index falls back to what does. lists: of the inverted file, by
    default 4 √items. seed: of its training.
    fresh_s: look for items that came after the build, in S3, when so many seconds have passed; 0 for never.
    """

    table: str
    query: str | None = None
    history: str | None = None
    represent: Literal["mean", "attention"] = "mean"
    metric: Literal["inner", "cosine"] = "inner"
    k: Positive = 100
    index: Literal["auto", "exact", "ivf"] = "auto"
    ivf_rows: Positive = 20_000
    dtype: Literal["float32", "int8"] = "float32"
    rerank: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 300
    recall: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.98
    most: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.2
    queries: str | None = None
    lists: Positive | None = None
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    fresh_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    attributes: Attributes | None = None

    def __post_init__(self) -> None:
        if self.query is not None and self.history is not None:
            raise ValueError("query and history both say what a user's vector is; keep one of them")
        if self.history is None and self.represent != "mean" and self.query is not None:
            raise ValueError(f'represent = "{self.represent}" is of the items that history names; leave it out')
