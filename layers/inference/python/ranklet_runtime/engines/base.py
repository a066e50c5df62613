"""The seam between the scorer and whatever computes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.manifest import Step

Array = NDArray[Any]
Scores = NDArray[np.float32]


class Engine(Protocol):
    """Computes one step. Opened once at INIT, then run for every request, never concurrently."""

    @classmethod
    def open(cls, step: Step, folder: Path, *, threads: int) -> Self:
        """Load `folder / step.artefact` and check `step.inputs` and `step.outputs` against it.

        Raises ManifestError naming the input, output, option or array that does not fit.
        """
        ...

    def run(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """Read the tensors named by the values of `step.inputs`, return those of `step.outputs`.

        A tensor has one row ([1, …]) or N; a NumPy engine broadcasts one row over N, so that the
        user's part is computed once.
        """
        ...
