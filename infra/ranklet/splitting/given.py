"""What the pipeline read of a model, before anything is split; apart from the rest, which imports onnx."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ranklet.compose import Parts
from ranklet.model import Model


@dataclass(frozen=True)
class Given:
    """memory: the file beside the bundle where choice and report lie. resolve: a file that model.toml names."""

    model: Model
    parts: Parts
    folder: Path
    scratch: Path
    memory: Path
    resolve: Callable[[str], Path]
    progress: Callable[[str], None]

    @property
    def concerned(self) -> bool:
        """Whether there may be a graph to split."""
        mode = self.model.split.mode
        graphs = any(exported.engine == "onnx" for _, exported in self.parts.steps)
        return mode == "force" or (mode == "auto" and graphs)
