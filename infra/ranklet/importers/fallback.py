"""A proposal for formats that the build reads itself and that say nothing more than their tensors."""

from __future__ import annotations

from pathlib import Path

from ranklet.importers import tensors
from ranklet.importers.base import Exported
from ranklet.importers.proposal import Proposal
from ranklet.model import StepSource


def propose(exported: Exported, format: str, path: Path) -> Proposal:
    """Without an oracle: there is no library to ask."""
    drafted = tensors.draft(exported)
    return Proposal(
        inputs={one.tensor: one.input for one in drafted},
        features={one.tensor: one.feature for one in drafted},
        steps=(StepSource(format=format, source=f"export/{path.name}", inputs=tensors.masks(drafted)),),
        score=tensors.score(exported).name,
        kept=True,
        notes=exported.notes,
    )
