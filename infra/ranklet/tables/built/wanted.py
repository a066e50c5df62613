"""The keys that golden requests read of a table: the features that read it are run with a store that takes notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ranklet import golden
from ranklet.errors import ModelError, TableError
from ranklet.golden import Golden
from ranklet.model import Model
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.errors import InputError, SpecError
from ranklet_features.spec import Table
from ranklet_features.stores.base import FOUND, Keys, Rows

Key = int | str


@dataclass
class Notes:
    """A store that answers zeros and remembers what it was asked."""

    table: Table
    keys: set[Any] = field(default_factory=set)

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        self.keys.update(keys.tolist() if isinstance(keys, np.ndarray) else keys)
        return Rows(np.zeros((len(keys), self.table.dim), np.float32), np.full(len(keys), FOUND, np.uint8))

    def close(self) -> None:
        """Nothing is open."""


def of(model: Model, folder: Path, name: str) -> tuple[Key, ...]:
    """The keys that a model's golden file asks of one of its tables, ascending; none where there is no such file.

    Raises ModelError for a golden file that cannot be read, TableError for features that cannot be compiled.
    """
    path = folder / model.golden.file
    return keys(model, folder, name, golden.read(path)) if path.is_file() else ()


def keys(model: Model, folder: Path, name: str, rows: Sequence[Golden]) -> tuple[Key, ...]:
    """As `of`, of golden rows that were read."""
    features = {
        feature: declared
        for feature, declared in model.features.items()
        if declared.kind == "embedding" and declared.options.get("table") == name
    }
    inputs = {part: model.inputs[part] for one in features.values() for part in one.of if part in model.inputs}
    table = Table(name, name, "", model.tables[name].key, dim=1, rows=0)
    notes = Notes(table)
    try:
        plan = FeaturePlan.compile(FeatureSpec(inputs, features, {name: table}), folder, {name: notes})
    except SpecError as error:
        raise TableError(f"{model.name}/model.toml: {error}") from error
    for number, row in enumerate(rows if features else (), start=1):
        try:
            plan.assemble(row.user, row.context, row.items, surplus="ignore")
        except InputError as error:
            raise ModelError(f"{model.golden.file}:{number}: {error}") from error
    return tuple(sorted(notes.keys))
