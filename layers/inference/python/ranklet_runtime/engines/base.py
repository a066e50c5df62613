"""The seam between the scorer and whatever computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ranklet_features.lean import dataclass
from ranklet_runtime.manifest import Step

Array = NDArray[Any]
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Want:
    """What an engine accepts as one input.

    values: float32 [rows, width], or [rows] for a width of 1. ids: int64 [rows] or [rows, L] in -1 … ids-1.
    None where that kind is not accepted; 0 where it is and any number will do.
    """

    values: int | None = None
    ids: int | None = None


class Straight(NamedTuple):
    """A step with nothing to look after. ports: what `compute` calls a tensor → which. compute: of all, the output."""

    ports: Mapping[str, str]
    compute: Callable[[Mapping[str, Array]], Array]


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


class ArrayEngine(Engine, Protocol):
    """An engine of NumPy arrays, whose inputs follow from its weights and options."""

    @staticmethod
    def wants(step: Step, arrays: Mapping[str, Array]) -> Mapping[str, Want]:
        """What each input takes; `step.inputs` need list those only that no array names.

        Raises ManifestError for arrays and options that do not fit.
        """
        ...
