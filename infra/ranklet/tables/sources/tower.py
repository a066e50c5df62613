"""An ONNX tower over columns: assembled by FeaturePlan as a request's are, run in batches.

What only the tower reads (a film's genres) is declared under the table, so that callers need not send it; a name that
is declared there stands before the model's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.model import TableSource
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.errors import InputError, SpecError
from ranklet_features.spec import Feature, Input
from ranklet_runtime.engines.onnx import OnnxEngine
from ranklet_runtime.engines.ort import faults, open_session
from ranklet_runtime.errors import BadRequest, ManifestError
from ranklet_runtime.manifest import Step

ROW = "row"
"""The tensor's name that the tower's output gets here."""


@dataclass(frozen=True)
class Tower:
    """A tower that is ready to run. inputs: the columns that it reads, as declared. features: what they go through."""

    name: str
    inputs: Mapping[str, Input]
    features: Mapping[str, Feature]
    plan: FeaturePlan
    engine: OnnxEngine

    @classmethod
    def open(
        cls,
        name: str,
        table: TableSource,
        *,
        graph: Path | bytes,
        folder: Path,
        inputs: Mapping[str, Input],
        features: Mapping[str, Feature],
        threads: int = 1,
    ) -> Tower:
        """Compile what the graph's inputs are fed by. folder: where vocabularies lie. inputs, features: the model's.

        Raises TableError for a graph that cannot be loaded, and for an input that no feature feeds.
        """
        inputs, features = {**inputs, **table.inputs}, {**features, **table.features}
        try:
            session = open_session(graph, threads=threads)
            step = _step(name, table, session)
            engine = OnnxEngine(step, session)
        except ManifestError as error:
            raise TableError(f"table {name}: tower: {error}") from error
        spec = _spec(name, step, inputs, features)
        try:
            plan = FeaturePlan.compile(spec, folder, {})
        except SpecError as error:
            raise TableError(f"table {name}: tower: {error}") from error
        if unfed := [tensor for tensor in step.inputs.values() if tensor not in plan.signature]:
            raise TableError(f"table {name}: nothing makes {unfed} of the tower; there are {sorted(plan.signature)}")
        return cls(name, spec.inputs, spec.features, plan, engine)

    def rows(self, columns: Mapping[str, Any]) -> NDArray[Any]:
        """Floats [n, dim] of n rows of columns.

        Raises InputError with the row for a value that the features refuse, TableError for what the graph refuses.
        """
        assembled = self.plan.assemble_columns(columns, surplus="ignore")
        refusals: tuple[type[Exception], ...] = (*faults(), BadRequest, ValueError)
        try:
            found = self.engine.run(assembled.tensors)[ROW]
        except refusals as error:
            raise TableError(f"table {self.name}: the tower does not run: {error}") from error
        if found.ndim != 2 or len(found) != assembled.n or found.dtype.kind != "f":
            raise TableError(
                f"table {self.name}: the tower makes {found.dtype} {list(found.shape)} of {assembled.n} rows; "
                "floats [rows, dim] are needed"
            )
        return np.asarray(found)


def place_of(error: InputError) -> int:
    """The row of a batch that an InputError is about; 0 where it is about all of them."""
    return error.index[0] if error.index else 0


def _step(name: str, table: TableSource, session: Any) -> Step:
    outputs = [end.name for end in session.get_outputs()]
    chosen = table.tower_output or (outputs[0] if len(outputs) == 1 else "")
    if chosen not in outputs:
        raise TableError(f"table {name}: tower_output is {table.tower_output!r}; the tower's outputs: {outputs}")
    ends = [end.name for end in session.get_inputs()]
    if unknown := sorted(set(table.tower_inputs) - set(ends)):
        raise TableError(f"table {name}: tower_inputs names {unknown}; the tower's inputs: {ends}")
    return Step("onnx", "item", {end: table.tower_inputs.get(end, end) for end in ends}, {chosen: ROW})


def _spec(name: str, step: Step, inputs: Mapping[str, Input], features: Mapping[str, Feature]) -> FeatureSpec:
    """The features that make the step's tensors, with their parts and inputs; nothing else is asked of a catalogue."""
    needed: dict[str, Feature] = {}
    for tensor in step.inputs.values():
        feature = tensor if tensor in features else tensor.removesuffix("_mask")
        if feature not in features:
            raise TableError(
                f"table {name}: the tower reads {tensor!r}, which no feature makes; declare it in "
                f"[tables.{name}.features] or map it in tower_inputs; there are {sorted(features)}"
            )
        _collect(feature, features, needed)
    read = {part for feature in needed.values() for part in feature.of if part in inputs}
    return FeatureSpec({part: inputs[part] for part in inputs if part in read}, needed)


def _collect(name: str, features: Mapping[str, Feature], needed: dict[str, Feature]) -> None:
    if name in needed:
        return
    needed[name] = features[name]
    for part in features[name].of:
        if part in features:
            _collect(part, features, needed)
