"""The model as dialects see it: what may be sent, what is told, and the files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ranklet_features.kinds.base import Tensor
from ranklet_features.lean import dataclass, field
from ranklet_features.spec import Input
from ranklet_runtime.manifest import Manifest

SCORE = "score"


@dataclass(frozen=True)
class Served:
    """One model version, opened.

    tensors: what the model's steps read of its features, by name: callers may send these instead of raw features.
    folder: the bundle, for the documents that lie in it.
    """

    manifest: Manifest
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The raw features by name."""
        return self.manifest.spec.inputs

    @property
    def score(self) -> str:
        """What scores are called where outputs have names: as the graph called them, unless that name is taken."""
        told = self.manifest.told
        return next(name for name in (self.manifest.score, SCORE, f"the {SCORE}") if name not in told)
