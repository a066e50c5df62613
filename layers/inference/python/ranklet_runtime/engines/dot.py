"""The head of two towers: a product of the user's and the item's vector, or a shallow net over both.

    metric = <u, v>, or <u, v> / (|u| |v|) with 0 for a vector of zeros
    logit  = metric × scale / temperature + bias + item_bias + user_bias,    score = link(logit)

Inputs: `user` [rows, d] and `item` [rows, d]; `item_bias` and `user_bias` ([rows] or [rows, 1]) where the step
feeds them. With `bias_column` the item's vector is [rows, d + 1], its last number the item's bias.
With an artefact (`w0`, `b0`, `w1`, …: see `layers`) the net takes the metric's place, over the blocks
of `interaction` in order: `user` u, `item` v, `product` u·v, `difference` |u - v|, element-wise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import numpy as np

from ranklet_features.lean import dataclass
from ranklet_runtime.engines.arrays import refuse_surplus
from ranklet_runtime.engines.base import Array, Want
from ranklet_runtime.engines.checks import check_names, parse, precision, weights
from ranklet_runtime.engines.layers import Layers, layer_names
from ranklet_runtime.engines.links import answer, find_link
from ranklet_runtime.engines.terms import matrix, quiet, total
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Step

METRICS = ("dot", "cosine")
BLOCKS: Mapping[str, Callable[[Array, Array], Array]] = {
    "user": lambda user, item: user,
    "item": lambda user, item: item,
    "product": lambda user, item: user * item,
    "difference": lambda user, item: np.abs(user - item),
}


@dataclass(frozen=True)
class Options:
    """link: of `links.LINKS`. precision: of products and sums. interaction, activation: of the net."""

    metric: str = "dot"
    scale: float = 1.0
    temperature: float = 1.0
    bias: float = 0.0
    bias_column: bool = False
    link: str = "identity"
    precision: str = "float32"
    interaction: tuple[str, ...] = ("user", "item")
    activation: str = "relu"


class DotEngine:
    """Outputs `logit` and `score`, float32 [rows]."""

    def __init__(self, step: Step, arrays: Mapping[str, Array]) -> None:
        self._options = options = _checked(step)
        check_names(step, self.wants(step, arrays))
        self._step, self._link = step, find_link(options.link)
        self._dtype = precision(options.precision)
        self._factor = options.scale / options.temperature
        self._biases = [step.inputs[name] for name in ("user_bias", "item_bias") if name in step.inputs]
        self._net = Layers(arrays, activation=options.activation, dtype=self._dtype) if arrays else None

    @classmethod
    def open(cls, step: Step, folder: Path, *, threads: int) -> Self:
        """As the protocol says."""
        return cls(step, weights(step, folder))

    @staticmethod
    def wants(step: Step, arrays: Mapping[str, Array]) -> dict[str, Want]:
        """What each input takes. Raises ManifestError."""
        refuse_surplus(arrays, layer_names(arrays))
        biases = {name for name in ("user_bias", "item_bias") if name in step.inputs}
        if "item_bias" in biases and _checked(step).bias_column:
            raise ManifestError("dot: options.bias_column and the input item_bias are both the item's bias; keep one")
        return {"user": Want(values=0), "item": Want(values=0)} | {name: Want(values=1) for name in biases}

    @quiet
    def run(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """As the protocol says."""
        user = matrix(tensors[self._step.inputs["user"]]).astype(self._dtype, copy=False)
        item = matrix(tensors[self._step.inputs["item"]]).astype(self._dtype, copy=False)
        biases = [matrix(tensors[name])[:, 0] for name in self._biases]
        if self._options.bias_column:
            item, column = item[:, :-1], item[:, -1]
            biases.append(column)
        met = self._net(self._blocks(user, item)) if self._net else self._metric(user, item)
        logit = total([met * self._factor + self._options.bias, *biases])
        return answer(self._step, logit, self._link)

    def _metric(self, user: Array, item: Array) -> Array:
        product = _product(user, item)
        if self._options.metric == "dot":
            return product
        lengths = np.sqrt(_product(user, user)) * np.sqrt(_product(item, item))
        cosine: Array = np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)
        return cosine

    def _blocks(self, user: Array, item: Array) -> list[Array]:
        return [BLOCKS[name](user, item) for name in self._options.interaction]


def _product(user: Array, item: Array) -> Array:
    """Row by row <u, v>: [rows]; a matrix times one vector where a side has one row."""
    if user.shape[1] != item.shape[1]:
        raise ValueError(f"the user's vector has {user.shape[1]} numbers, the item's {item.shape[1]}")
    found: Array
    if len(user) == 1:
        found = item @ user[0]
    elif len(item) == 1:
        found = user @ item[0]
    else:
        found = np.einsum("nd,nd->n", user, item)
    return found


def _checked(step: Step) -> Options:
    options = parse(Options, step.options)
    if options.metric not in METRICS:
        raise ManifestError(f"options.metric is {options.metric!r}; allowed: {list(METRICS)}")
    if not 0 < options.temperature < math.inf:
        raise ManifestError(f"options.temperature is {options.temperature}; it must be a number above 0")
    if not options.interaction or set(options.interaction) - set(BLOCKS):
        raise ManifestError(f"options.interaction is {list(options.interaction)}; give some of {list(BLOCKS)}")
    if "interaction" in step.options and step.artefact is None:
        raise ManifestError(
            "options.interaction needs a net and the step has no artefact; give steps.source or drop it"
        )
    return options
