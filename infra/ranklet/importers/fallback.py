"""A proposal for formats that the build reads itself and that say nothing more than their tensors."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.importers import tensors
from ranklet.importers.base import Exported, Oracle
from ranklet.importers.proposal import Columns, Proposal, RecordOracle
from ranklet.model import StepSource


def propose(exported: Exported, format: str, path: Path, library: str | None) -> Proposal:
    """library: the module of the format's `Own` oracle, None where there is none."""
    drafted = tensors.draft(exported)
    return Proposal(
        inputs={one.tensor: one.input for one in drafted},
        features={one.tensor: one.feature for one in drafted},
        steps=(StepSource(format=format, source=f"export/{path.name}", inputs=tensors.masks(drafted)),),
        score=tensors.score(exported).name,
        kept=True,
        oracle=None if library is None else _oracle(library, path),
        notes=exported.notes,
    )


def _oracle(library: str, path: Path) -> RecordOracle | None:
    try:
        return OfOneTensor(importlib.import_module(library).Own(path))
    except ImportError:
        return None


@dataclass(frozen=True)
class OfOneTensor:
    """An oracle that takes the one tensor there is, from the raw vectors of the one input there is."""

    own: Oracle

    @property
    def name(self) -> str:
        """With its version."""
        return self.own.name

    def scores(self, columns: Columns) -> NDArray[Any]:
        """As the protocol says."""
        (vectors,) = columns.values()
        return self.own.predict(np.array(vectors, np.float32))
