"""Calibrated heads: isotonic regression by its knots, or Platt's sigmoid, both as scikit-learn has them.

    isotonic   linear between the knots (x, y); beyond them the nearest knot's y, or NaN with out_of_bounds "nan"
    platt      1 / (1 + exp(a x + b))

Zadrozny and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates, 2002; Platt,
Probabilistic Outputs for Support Vector Machines, 1999.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

import numpy as np

from ranklet_runtime.after.base import Numbers, Scope

Curve = Callable[[Numbers], Numbers]


class Calibrate:
    """curves: head → what makes its calibrated value."""

    def __init__(self, curves: Mapping[str, Curve]) -> None:
        self._curves = dict(curves)
        self.reads = tuple(curves)
        self.result = next(iter(curves))
        """Of a model that blends nothing, its one head."""

    @classmethod
    def open(cls, scope: Scope) -> Self:
        """Raises ValueError and KeyError for numbers that are no calibration."""
        return cls({head: _curve(head, one) for head, one in scope.options.items()})

    def run(self, heads: Mapping[str, Numbers]) -> dict[str, Numbers]:
        """The calibrated heads."""
        return {head: curve(heads[head]) for head, curve in self._curves.items()}


def _curve(head: str, one: Mapping[str, Any]) -> Curve:
    if one["method"] == "isotonic":
        x, y = (np.asarray(one[name], np.float64) for name in ("x", "y"))
        if x.ndim != 1 or x.shape != y.shape or not len(x) or not (np.diff(x) > 0).all():
            raise ValueError(f"{head!r} has no ascending knots")
        return partial(isotonic, x=x, y=y, beyond=np.nan if one.get("out_of_bounds") == "nan" else None)
    if one["method"] == "platt":
        return partial(platt, a=float(one["a"]), b=float(one["b"]))
    raise ValueError(f"{head!r} has the method {one['method']!r}")


def isotonic(values: Numbers, *, x: Numbers, y: Numbers, beyond: float | None) -> Numbers:
    """beyond: what stands outside the knots, None for the nearest knot's."""
    return np.interp(values, x, y, left=beyond, right=beyond)


def platt(values: Numbers, *, a: float, b: float) -> Numbers:
    """Where exp overflows, the sigmoid is 0."""
    with np.errstate(over="ignore"):
        found: Numbers = 1.0 / (1.0 + np.exp(a * values + b))
    return found
