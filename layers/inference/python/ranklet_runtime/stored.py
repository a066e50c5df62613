"""A step whose outputs may have been computed beforehand: stored rows first, the engine for those that have none.

The rows are embeddings like any other; which of them were found is the tensor `<feature>_found`. Where all were, the
engine is not run. In a request whose rows belong to several users it runs for those users alone that have no row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import reduce

import numpy as np

from ranklet_features.stored import found_name
from ranklet_runtime.engines.base import Array, Engine
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.keeping import Kept
from ranklet_runtime.manifest import Step


class StoredFirst:
    """An engine behind stored rows.

    An output is stored for all rows or for those found: a user has either all of its outputs from tables, or none.
    counts: `StoredUsers` and `ComputedUsers` since it was last read, of a request of several users by its rows.
    Raises ManifestError for a step that stores some of its outputs only.
    """

    def __init__(self, step: Step, engine: Engine | Kept) -> None:
        if set(step.stored) != set(step.outputs.values()) or step.rows != "user":
            raise ManifestError(
                f"{step.engine}: stored names {sorted(step.stored)}, the step makes {sorted(step.outputs.values())} on "
                f"{step.rows} rows; all outputs of a user step are stored, or none"
            )
        self.engine, self._pairs = engine, tuple(step.stored.items())
        self._found = tuple(dict.fromkeys(map(found_name, step.stored.values())))
        self._inputs = tuple(set(step.inputs.values()))
        self.counts: Counter[str] = Counter()

    def run(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """The step's outputs: stored rows where they were found, the engine's elsewhere."""
        found = reduce(np.logical_and, (tensors[name] for name in self._found))
        stored = int(np.count_nonzero(found))
        self.counts["StoredUsers"] += stored
        if stored == len(found):
            return {output: tensors[feature] for output, feature in self._pairs}
        self.counts["ComputedUsers"] += len(found) - stored
        if not stored:
            return self.engine.run(tensors)
        return self._mixed(tensors, np.flatnonzero(~found), len(found))

    def _mixed(self, tensors: Mapping[str, Array], absent: Array, rows: int) -> dict[str, Array]:
        """Stored rows, and in the places `absent` what the engine makes of the inputs' rows there."""
        some = {name: tensors[name] for name in self._inputs}
        made = self.engine.run({name: part[absent] if len(part) == rows else part for name, part in some.items()})
        full = {}
        for output, feature in self._pairs:
            full[output] = tensors[feature].copy()
            full[output][absent] = made[output].reshape(-1, full[output].shape[1])
        return full
