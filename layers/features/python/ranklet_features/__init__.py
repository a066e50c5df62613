"""Feature assembly and embedding stores: the same code in training and in Lambda.

This is the lowest floor: it imports numpy, orjson, msgpack and the standard library (a DynamoDB table also pybase64,
as base64 is the largest part of reading rows), and nothing of ranklet above it. `FeaturePlan` turns columns into
tensors; a store turns keys into rows.

>>> from pathlib import Path
>>> from ranklet_features import Feature, FeaturePlan, FeatureSpec, Input
>>> spec = FeatureSpec(
...     inputs={"age": Input("user", "int"), "genre": Input("item", "string")},
...     features={
...         "age_band": Feature("bucket", ("age",), {"boundaries": [18, 35, 50]}),
...         "genre_id": Feature("category", ("genre",), {"vocabulary": ["Drama", "War"]}),
...     },
... )
>>> plan = FeaturePlan.compile(spec, Path(), stores={})
>>> training = plan.assemble_columns({"age": [17, 40], "genre": ["War", "Drama"]})
>>> training.tensors["age_band"].tolist(), training.tensors["genre_id"].tolist()
([0, 2], [1, 0])
>>> online = plan.assemble({"age": 40}, {}, {"genre": ["Drama", "Western"]})
>>> online.tensors["age_band"].tolist(), online.tensors["genre_id"].tolist()
([2], [0, 2])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranklet_features.errors import (
    FeatureError,
    InputError,
    ShapeError,
    SpecError,
    StoreError,
    StoreUnavailable,
    TableMismatch,
)
from ranklet_features.spec import Feature, FeatureSpec, Input, Table

if TYPE_CHECKING:
    from ranklet_features.plan import Assembled, FeaturePlan

__all__ = [
    "Assembled",
    "Feature",
    "FeatureError",
    "FeaturePlan",
    "FeatureSpec",
    "Input",
    "InputError",
    "ShapeError",
    "SpecError",
    "StoreError",
    "StoreUnavailable",
    "Table",
    "TableMismatch",
]


def __getattr__(name: str) -> Any:
    """The plan brings numpy; who reads only the records (model.toml, the CDK app) shall not wait for it."""
    if name in ("Assembled", "FeaturePlan"):
        from ranklet_features import plan

        return getattr(plan, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
