"""What the pipeline read of a model, before anything is split; apart from the rest, which imports onnx."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ranklet.compose import Parts
from ranklet.model import Model
from ranklet.splitting.subject import why_not


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
        """Whether there may be a graph to split, or the author has to be told that there is none."""
        split = self.model.split
        why = why_not(self.model, self.parts.steps)
        return split.mode == "force" or (split.mode == "auto" and (why is None or bool(split.guessed)))
