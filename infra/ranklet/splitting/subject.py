"""Which models are split, and what the rest of the package knows of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ranklet.after.parts import heads as steps_after
from ranklet.errors import ModelError
from ranklet.importers.base import Exported
from ranklet.model import Model, StepSource
from ranklet.splitting.catalogue import Catalogue
from ranklet.tables.pin import Pinned
from ranklet_features.compiling import compile_features
from ranklet_features.kinds.base import Compiled, Tensor
from ranklet_features.spec import FeatureSpec


@dataclass(frozen=True)
class Subject:
    """One model with one graph. folder: where vocabularies lie. owners: tensor → the feature that makes it.

    catalogue: None where the model names none, or none of its items can be looked up.
    """

    model: Model
    folder: Path
    source: StepSource
    exported: Exported
    spec: FeatureSpec
    owners: Mapping[str, Compiled]
    catalogue: Catalogue | None
    tables: tuple[Pinned, ...]

    def tensor(self, end: str) -> str:
        """The tensor that feeds an input of the graph."""
        return self.source.inputs.get(end, end)

    def signature(self, end: str) -> Tensor:
        """What that tensor is."""
        tensor = self.tensor(end)
        return self.owners[tensor].signature[tensor]


def why_not(model: Model, steps: tuple[tuple[StepSource, Exported], ...]) -> str | None:
    """Why a model is not split; None where it may be."""
    if len(steps) != 1:
        return f"it has {len(steps)} steps; one end-to-end graph is split"
    source, exported = steps[0]
    if exported.engine != "onnx" or source.rows != "item" or source.once:
        return 'its step is no end-to-end graph (format = "onnx", rows = "item", nothing in once)'
    if model.output.tell:
        return "it tells more than its score ([output.tell])"
    if (reads := steps_after(model)) and reads != [model.output.score]:
        return "steps after the scores read more of it than its score ([after] heads)"
    if model.split.guessed:
        names = ", ".join(sorted(model.split.guessed))
        return f"the sides of {names} are guessed; look at them in model.toml, then take guessed = true away"
    return None


def subject(
    model: Model,
    folder: Path,
    steps: tuple[tuple[StepSource, Exported], ...],
    tables: tuple[Pinned, ...],
    catalogue: Catalogue | None,
) -> Subject:
    """Raises ModelError where something of the graph is fed by no feature."""
    source, exported = steps[0]
    spec = FeatureSpec(dict(model.inputs), dict(model.features), {one.table.name: one.table for one in tables})
    owners = {tensor: feature for feature in compile_features(spec, folder) for tensor in feature.signature}
    found = Subject(model, folder, source, exported, spec, owners, catalogue, tables)
    for end in exported.inputs:
        if found.tensor(end.name) not in owners:
            raise ModelError(f"{model.name}: nothing makes {found.tensor(end.name)!r}, which the graph reads")
    return found
