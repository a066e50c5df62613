"""What the feature tests share: short ways to a plan, and a store whose rows lie in a dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ranklet_features import Feature, FeaturePlan, FeatureSpec, Input, Table
from ranklet_features.stores.base import FOUND, MISSING, UNAVAILABLE, Rows

HERE = Path(__file__).parent


def table(name: str = "movies", **fields: Any) -> Table:
    """A table record with the fields that tests rarely care about filled in."""
    known = {"physical": f"ranklet-{name}-1", "version": "1", "key": "int", "dim": 2, "rows": 3}
    return Table(name=name, **{**known, **fields})


@dataclass
class MemoryStore:
    """A store over a dict. down: keys whose rows cannot be read. asked: every `keys` it was given."""

    table: Table
    vectors: Mapping[Any, Sequence[float]]
    down: frozenset[Any] = frozenset()
    asked: list[list[Any]] = field(default_factory=list)
    deadlines: list[float | None] = field(default_factory=list)

    def rows(self, keys: Any, *, deadline: float | None = None) -> Rows:
        plain = [key.item() if isinstance(key, np.generic) else key for key in keys]
        self.asked.append(plain)
        self.deadlines.append(deadline)
        values = np.zeros((len(plain), self.table.dim), np.float32)
        status = np.full(len(plain), MISSING, np.uint8)
        for i, key in enumerate(plain):
            if key in self.down:
                status[i] = UNAVAILABLE
            elif key in self.vectors:
                values[i], status[i] = self.vectors[key], FOUND
        return Rows(values, status)

    def close(self) -> None:
        """Nothing to give back."""


def plan_of(
    inputs: Mapping[str, Input],
    features: Mapping[str, Feature],
    *stores: MemoryStore,
    folder: Path = HERE,
) -> FeaturePlan:
    """A compiled plan whose tables are those of the stores."""
    spec = FeatureSpec(inputs=inputs, features=features, tables={store.table.name: store.table for store in stores})
    return FeaturePlan.compile(spec, folder, {store.table.name: store for store in stores})


def run_one(kind: str, declared: Input, column: Any, *, folder: Path = HERE, **options: Any) -> dict[str, Any]:
    """The tensors of a feature `x` of one kind over one item column `v`."""
    plan = plan_of({"v": declared}, {"x": Feature(kind, ("v",), options)}, folder=folder)
    return plan.assemble({}, {}, {"v": column}).tensors


def item(kind: str = "float", **fields: Any) -> Input:
    """An item input."""
    return Input("item", kind, **fields)  # type: ignore[arg-type]


def user(kind: str = "float", **fields: Any) -> Input:
    """A user input."""
    return Input("user", kind, **fields)  # type: ignore[arg-type]
