"""The kinds of features. A further kind is one file here and one line in this table.

Each path names a class with a `schema` of options and a `compile`, see `kinds.base`; it is imported when a
spec first uses it.
"""

from __future__ import annotations

from importlib import import_module

from ranklet_features.kinds.base import Compiled

KINDS = {
    "dense": "ranklet_features.kinds.dense.Dense",
    "category": "ranklet_features.kinds.category.Category",
    "bag": "ranklet_features.kinds.bag.Bag",
    "bucket": "ranklet_features.kinds.bucket.Bucket",
    "cross": "ranklet_features.kinds.cross.Cross",
    "time": "ranklet_features.kinds.time.Time",
    "embedding": "ranklet_features.kinds.embedding.Embedding",
    "vw": "ranklet_features.kinds.vw.Vw",
    "expression": "ranklet_features.kinds.expression.Expression",
    "terms": "ranklet_features.kinds.terms.Terms",
    "catboost": "ranklet_features.kinds.catboost.Catboost",
}


def load(kind: str) -> type[Compiled]:
    """The class of a kind. Raises KeyError for one that the table does not name."""
    module, _, name = KINDS[kind].rpartition(".")
    found: type[Compiled] = getattr(import_module(module), name)
    return found
