"""From the linear predictor to the score: inverse link functions, none of which turns a number into NaN.

They are called where overflow is no warning (`terms.quiet`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from ranklet_runtime.engines.base import Array
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Step

Link = Callable[[Array], Array]


def identity(x: Array) -> Array:
    """x."""
    return x


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), with its full relative precision on both tails; an overflow to inf ends as the 0 it means."""
    found: Array = np.exp(-x)
    found += 1
    return np.reciprocal(found, out=found)


def cloglog(x: Array) -> Array:
    """1 - exp(-exp(x)), the inverse of the complementary log-log link."""
    return -np.expm1(-np.exp(x))


LINKS: Mapping[str, Link] = {"identity": identity, "sigmoid": sigmoid, "exp": np.exp, "cloglog": cloglog}


def find_link(name: str) -> Link:
    """The function of `options.link`. Raises ManifestError for an unknown name."""
    if name not in LINKS:
        raise ManifestError(f"options.link is {name!r}; allowed: {sorted(LINKS)}")
    return LINKS[name]


def clipped(x: Array, low: float, high: float) -> Array:
    """x held to [low, high]; infinite ends cost nothing."""
    return x if low == -math.inf and high == math.inf else np.clip(x, low, high)


def answer(step: Step, logit: Array, link: Link) -> dict[str, Array]:
    """The outputs that a step asks for, as float32 [rows]; the link is taken in the precision of `logit`."""
    found: dict[str, Array] = {}
    if (tensor := step.outputs.get("logit")) is not None:
        found[tensor] = logit.astype(np.float32)
    if (tensor := step.outputs.get("score")) is not None:
        found[tensor] = link(logit).astype(np.float32)
    return found
