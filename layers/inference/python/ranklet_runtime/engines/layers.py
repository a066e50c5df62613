"""Fully connected layers over blocks of columns: x W0 + b0, an activation, and so on.

The first layer is split by blocks. x W0 = Σ x_b W0[rows of b], so that the blocks of one row (the
user's) are multiplied once, all in one product, and added to the N rows of the rest: exact algebra,
and what makes the user's part free.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import DTypeLike

from ranklet_runtime.engines.arrays import need
from ranklet_runtime.engines.base import Array
from ranklet_runtime.engines.links import identity, sigmoid
from ranklet_runtime.errors import ManifestError

Activation = Callable[[Array], Array]


def _relu(x: Array) -> Array:
    return np.maximum(x, 0, out=x)


def _leaky_relu(x: Array) -> Array:
    return np.maximum(x, x * 0.01, out=x)


def _elu(x: Array) -> Array:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _softplus(x: Array) -> Array:
    return np.logaddexp(x, 0)


def _silu(x: Array) -> Array:
    found: Array = x * sigmoid(x)
    return found


def _gelu_tanh(x: Array) -> Array:
    found: Array = 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return found


ACTIVATIONS: Mapping[str, Activation] = {
    "identity": identity,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "silu": _silu,
    "softplus": _softplus,
    "gelu_tanh": _gelu_tanh,
}
"""leaky_relu's slope is 0.01 and elu's alpha 1, PyTorch's defaults; gelu_tanh is Hendrycks and Gimpel 2016,
section 2 (PyTorch's approximate="tanh"; the exact one needs erf, which NumPy has not: use the onnx engine)."""


class Layers:
    """A stack of layers with one output, hidden layers activated, the last one not."""

    def __init__(self, arrays: Mapping[str, Array], *, activation: str, dtype: DTypeLike) -> None:
        """Raises ManifestError for an unknown activation, and for arrays that are missing or do not chain."""
        if activation not in ACTIVATIONS:
            raise ManifestError(f"options.activation is {activation!r}; allowed: {sorted(ACTIVATIONS)}")
        self._activation = ACTIVATIONS[activation]
        self._layers = [(w.astype(dtype), b.astype(dtype)) for w, b in _chain(arrays)]
        self._splits: dict[tuple[bool, ...], tuple[Array, Array]] = {}
        self.width = len(self._layers[0][0])

    def __call__(self, blocks: Sequence[Array]) -> Array:
        """blocks: [1, d_b] or [N, d_b] in the order of w0's rows, Σ d_b = `width`. Returns [N]."""
        x = self._first(blocks)
        for w, b in self._layers[1:]:
            x = self._activation(x) @ w
            x += b
        return x[:, 0]

    def _first(self, blocks: Sequence[Array]) -> Array:
        once = tuple(len(block) == 1 for block in blocks)
        if once not in self._splits:  # one user and N items, N users, one item: three patterns at most
            self._splits[once] = self._split(blocks, once)
        w_once, w_many = self._splits[once]
        x = self._layers[0][1]
        if w_once.size:
            x = _columns(block for block, one in zip(blocks, once, strict=True) if one) @ w_once + x
        if w_many.size:
            x = _columns(block for block, one in zip(blocks, once, strict=True) if not one) @ w_many + x
        return x

    def _split(self, blocks: Sequence[Array], once: tuple[bool, ...]) -> tuple[Array, Array]:
        widths = [block.shape[1] for block in blocks]
        if sum(widths) != self.width:
            raise ValueError(f"the inputs are {widths} wide, together {sum(widths)}; w0 has {self.width} rows")
        flags = np.repeat(once, widths)
        w = self._layers[0][0]
        return w[flags], w[~flags]


def layer_names(arrays: Mapping[str, Array]) -> set[str]:
    """The names among `arrays` that are layers: w0, b0, w1, b1, …"""
    return {name for name in arrays if name[:1] in ("w", "b") and name[1:].isdecimal()}


def _chain(arrays: Mapping[str, Array]) -> list[tuple[Array, Array]]:
    depth = max(1, len(layer_names(arrays)) // 2)
    chain: list[tuple[Array, Array]] = []
    inner: int | None = None
    for index in range(depth):
        w = need(arrays, f"w{index}", (inner, 1 if index == depth - 1 else None))
        chain.append((w, need(arrays, f"b{index}", (w.shape[1],))))
        inner = w.shape[1]
    return chain


def _columns(blocks: Iterable[Array]) -> Array:
    found = list(blocks)
    return found[0] if len(found) == 1 else np.concatenate(found, axis=1)
