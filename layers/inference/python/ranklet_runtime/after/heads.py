"""Heads: the numbers of a model that are calibrated and blended, each a tensor of the steps or a column of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ranklet_runtime.after.base import Array, Numbers, Scoring
from ranklet_runtime.errors import InternalFault


class Heads:
    """heads: name → `tensor`, and `column` of one that has several; a name that is not there is the tensor's own.

    score: what a model without such steps ranks by, and the name of what they make.
    """

    def __init__(self, heads: Mapping[str, Mapping[str, Any]], score: str, steps: Sequence[Any]) -> None:
        self._score, self._steps = score, tuple(steps)
        wanted = dict.fromkeys(name for step in steps for name in step.reads)
        self._read = {name: heads.get(name, {"tensor": name}) for name in wanted}
        self._result = steps[-1].result if steps else ""

    def score(self, tensors: Mapping[str, Array]) -> Array:
        """What ranks."""
        if not self._steps:
            return tensors[self._score]
        with np.errstate(all="ignore"):  # what is not finite is refused where scores are checked
            heads = {name: column(tensors[one["tensor"]], one.get("column")) for name, one in self._read.items()}
            for step in self._steps:
                heads.update(_run(step, heads))
            found: Array = np.array(np.broadcast_arrays(*(heads[self._result], *heads.values()))[0])
            return found


def _run(step: Scoring, heads: Mapping[str, Numbers]) -> Mapping[str, Numbers]:
    return step.run(heads)


def column(tensor: Array, at: int | None) -> Numbers:
    """float64 [n] of [n], [n, 1] or a column of [n, d]. Raises InternalFault for another shape."""
    flat = tensor.reshape(len(tensor), -1) if tensor.ndim else tensor.reshape(1, 1)
    if at is None and flat.shape[1] != 1:
        raise InternalFault(f"a head has shape {tensor.shape}; name its column")
    if at is not None and at >= flat.shape[1]:
        raise InternalFault(f"a head of shape {tensor.shape} has no column {at}")
    return flat[:, at or 0].astype(np.float64)
