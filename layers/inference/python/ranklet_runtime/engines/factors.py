"""What factorisation machines share: their arrays, and the length of x that some trainers divide by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ranklet_runtime.engines.arrays import need, refuse_surplus
from ranklet_runtime.engines.base import Array, Want
from ranklet_runtime.engines.checks import value_wants
from ranklet_runtime.errors import ManifestError

POWERS: Mapping[str, tuple[float, float]] = {"none": (0, 0), "unit": (0.5, 1), "xlearn": (0.5, 2)}
"""By which powers of |x|² the sums over entries and over pairs are divided.

unit: x is divided by |x|, the default of libFFM (ffm.cpp: scale) and of xLearn's FFM (ffm_score.cc).
xlearn: its FM divides each x of a pair by |x|² (fm_score.cc), unless trained with `disableNorm()`.
"""


def factor_wants(
    arrays: Mapping[str, Array], values: Mapping[str, str], *, tail: tuple[int | None, ...]
) -> dict[str, Want]:
    """What each input takes. tail: the shape of one id's factors. Raises ManifestError for arrays that do not fit."""
    names = [name[2:] for name in arrays if name.startswith("v.")]
    linear = {f"w.{name}" for name in names}
    refuse_surplus(arrays, {"bias", *linear, *(f"v.{name}" for name in names)})
    need(arrays, "bias", (1,))
    wants: dict[str, Want] = {}
    for name in names:
        factors = need(arrays, f"v.{name}", (None, *tail))
        tail = factors.shape[1:]  # all of one k
        if not linear.isdisjoint(arrays):
            need(arrays, f"w.{name}", (len(factors),))
        wants[name] = Want(values=len(factors), ids=len(factors))
    return wants | value_wants(values, wants)


def powers(normalize: str, allowed: tuple[str, ...]) -> tuple[float, float]:
    """Those of `options.normalize`. Raises ManifestError."""
    if normalize not in allowed:
        raise ManifestError(f"options.normalize is {normalize!r}; allowed: {list(allowed)}")
    return POWERS[normalize]


def divided(part: Array, squares: Array | None, power: float) -> Array:
    """part / squares ** power, [rows]; 0 where x is 0. squares: |x|² [rows], None to divide by nothing."""
    if squares is None:
        return part
    quotient = np.zeros(np.broadcast_shapes(part.shape, squares.shape), part.dtype)
    np.divide(part, squares**power, out=quotient, where=squares > 0)
    return quotient
