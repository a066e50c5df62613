"""The seam between a file format and everything behind it: an importer reads, checks, and returns an `Exported`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ranklet.model import StepSource
from ranklet_runtime.manifest import Candidates

Dims = tuple[int | None, ...]


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of an engine.

    dtype: a NumPy name (`float32`), or None for a NumPy engine's input that takes either float32
    [n, d] or int64 ids ([n], or [n, L] padded with -1).
    shape: the first dimension is the rows. None stands for any size, and in place of the whole shape for any rank.
    limit: ids must lie below it, and a dense row must be as wide; None where neither is known.
    """

    name: str
    dtype: str | None
    shape: Dims | None
    limit: int | None = None


@dataclass(frozen=True)
class Exported:
    """One step's model, ready for a bundle.

    inputs, outputs: by the engine's own names, in the engine's order. artefact: a file name for
    `content`, both None for an engine without weights. options: for the engine, the author's completed.
    notes: what the author should know and nothing refuses, printed by the build. keep: of a user step, for how many
    seconds and how many entries its answers are kept. candidates: which requests run the step (`Step.candidates`).
    beside: files that the artefact reads, by their names beside it; several may share one. outside: the folder of files
    that hold weights which are too large for `content`; such a graph is served once its tables left it.
    """

    engine: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    artefact: str | None = None
    content: bytes | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    keep: tuple[float, int] = (0.0, 0)
    candidates: Candidates = "any"
    beside: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    outside: Path | None = None


class Importer(Protocol):
    """One format: a module with this function."""

    def load(self, source: StepSource, folder: Path) -> Exported:
        """Read `source.source` below `folder`.

        Raises ImportRefused naming the element that would not be served exactly, and the remedy.
        """
        ...
