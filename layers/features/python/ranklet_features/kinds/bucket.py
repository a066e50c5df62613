"""A number → the interval it falls in.

Of k boundaries come k + 1 ids; id i holds boundaries[i - 1] ≤ x < boundaries[i].
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np

from ranklet_features.kinds.base import Array, Compiled, Scope, Tensor, Values
from ranklet_features.lean import dataclass


@dataclass(frozen=True)
class Options:
    """boundaries: rising numbers. dtype: in how many bits both sides are compared, 64 unless TensorFlow's 32."""

    boundaries: tuple[float, ...]
    dtype: Literal["float64", "float32"] = "float64"


class Bucket(Compiled):
    """int64 [n]."""

    schema = Options

    def __init__(self, options: Options, scope: Scope) -> None:
        (self.of,) = scope.of
        super().__init__(scope, {scope.feature: Tensor("int64", (), scope.inputs[self.of].side)})
        self.boundaries = np.asarray(options.boundaries, options.dtype)
        self.ids = len(self.boundaries) + 1

    @classmethod
    def compile(cls, options: Options, scope: Scope) -> Self:
        declared = scope.only_input(("int", "float"), ("scalar",))
        rising = np.asarray(options.boundaries, options.dtype)
        if not len(rising) or not np.isfinite(rising).all() or (np.diff(rising) <= 0).any():
            raise scope.error(f"boundaries are {list(options.boundaries)}; they must be finite and rising")
        if declared.nan == "allow":
            raise scope.error(
                f'input {scope.of[0]!r} allows NaN, which falls in no bucket; use nan = "default" with a default '
                "below the first boundary to give it one of its own"
            )
        return cls(options, scope)

    def run(self, values: Values) -> dict[str, Array]:
        numbers = values.columns[self.of].values.astype(self.boundaries.dtype, copy=False)
        return {self.name: self.boundaries.searchsorted(numbers, side="right")}
