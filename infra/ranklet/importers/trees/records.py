"""Trees as arrays, and all that a library does between its features and its prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]

LEAF = -1

View = Literal["floor", "trunc", "zero", "clean"]
"""How a node may see a feature, other than as it is: rounded down or towards zero, as a category is; or with what is
zero (|x| ≤ 1e-35) taken for missing, or for 0 (clean)."""

Link = Literal["identity", "sigmoid", "exp", "softmax", "argmax", "hinge", "square", "softplus", "steps"]
"""From the sum to the prediction. square: sign(x)·x². softplus: log(1 + exp(x)). hinge: 1 where x > 0, else 0. steps:
the first as it is, each further one 1e-6 and its softplus above the one before it."""


@dataclass(frozen=True)
class Line:
    """Of leaves that compute: constant [n] + Σ coefficients [n, k] · features [n, k], which are -1 where there is none.

    A row in which one of the leaf's features is NaN gets the leaf's value in its place.
    """

    constant: Floats
    features: Ints
    coefficients: Floats


@dataclass(frozen=True)
class Tree:
    """Nodes 0 … n-1, 0 the root. left, right [n]: children, both LEAF of a leaf. feature, threshold [n]: of a split.

    value [n]: of a leaf. missing_left [n]: where NaN goes. members: node → the categories that go left, all others go
    right; the other nodes compare with their threshold. views: node → how it sees its feature.
    target: the output to which the leaf adds. line: what leaves compute, None where they are numbers.
    """

    left: Ints
    right: Ints
    feature: Ints
    threshold: Floats
    value: Floats
    missing_left: Bools
    members: Mapping[int, Ints] = field(default_factory=dict)
    views: Mapping[int, View] = field(default_factory=dict)
    target: int = 0
    line: Line | None = None


@dataclass(frozen=True)
class Ensemble:
    """prediction = link(scale · (base + Σ leaves)), without trees link(scale · (base + features · weights)).

    dtype: in which the library compares and sums, float32 or float64. strict: x < threshold goes left, otherwise
    x ≤ threshold. width: features. base [targets]. names: of the features, empty where the file has none.
    notes: what the author should know. weights [width, targets]: None where there are trees; a feature that is NaN
    adds nothing to them. Where leaves compute, trees come in rounds, one a target. categories: feature → the values
    that its codes 0, 1, … stand for, text or whole numbers, where the file names them.
    """

    trees: tuple[Tree, ...]
    dtype: Literal["float32", "float64"]
    strict: bool
    width: int
    base: tuple[float, ...]
    link: Link
    scale: float = 1.0
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    weights: Floats | None = None
    categories: Mapping[int, tuple[str, ...] | tuple[int, ...]] = field(default_factory=dict)

    @property
    def computes(self) -> bool:
        """Whether leaves compute."""
        return any(tree.line is not None for tree in self.trees)

    @property
    def targets(self) -> int:
        """Sums that the trees add to."""
        return len(self.base)

    @property
    def outputs(self) -> int:
        """Numbers a row of the prediction."""
        return 1 if self.link == "argmax" else self.targets
