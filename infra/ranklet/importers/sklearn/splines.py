"""SplineTransformer: between two knots each basis is a polynomial, read off the library's own derivatives there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Floats, Frame, Numbers, width

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

SERVED = ("constant", "linear", "continue", "periodic")


def transform(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """A block of bases for each column."""
    if estimator.extrapolation not in SERVED:
        raise ImportRefused(
            f"extrapolation={estimator.extrapolation!r} fails on values outside; served are {', '.join(SERVED)}"
        )
    if estimator.extrapolation == "linear" and estimator.degree <= 1 and len(estimator.bsplines_) > 1:
        raise ImportRefused(  # its transform counts the degree up, column after column
            "extrapolates degree 1 from other knots in the second column than in the first; use "
            "extrapolation='constant' or degree=2"
        )
    if len(estimator.bsplines_) != width(frame):
        raise ImportRefused(f"knows {len(estimator.bsplines_)} columns and gets {width(frame)}; save the model again")
    estimator.bsplines_ = [_checked(spline) for spline in estimator.bsplines_]
    walk.hint(frame, [np.asarray(one.t)[one.k : len(one.t) - one.k].tolist() for one in estimator.bsplines_])
    return tuple(
        _bases(walk, estimator, spline, walk.dense((piece,)))
        for spline, piece in zip(estimator.bsplines_, walk.split(frame), strict=True)
    )


def _checked(spline: Any) -> Any:
    """Made anew, which looks at its arrays; compiled code believes them."""
    from scipy.interpolate import BSpline  # comes with scikit-learn

    return BSpline(spline.t, spline.c, int(spline.k), spline.extrapolate)


def _bases(walk: Walk, estimator: Any, spline: Any, values: str) -> Numbers:
    tape, knots, degree = walk.tape, np.asarray(spline.t, np.float64), int(spline.k)
    inner = knots[degree : len(knots) - degree]
    if estimator.extrapolation == "periodic":
        values = _folded(walk, values, float(inner[0]), float(inner[-1]))
    tables = _tables(estimator, spline, inner)
    beyond = tape.doubles(tape.op("Greater", values, float(inner[-1])))
    reached = tape.total(tape.doubles(tape.op("GreaterOrEqual", values, inner[:-1][None])))
    piece = tape.op("Reshape", tape.op("Cast", tape.op("Add", reached, beyond), to=7), [-1])
    starts = np.concatenate([inner[:1], inner])[:, None]
    off = tape.op("Sub", values, tape.op("Gather", starts, piece, axis=0))
    made = tape.op("Gather", tables[-1], piece, axis=0)
    for table in tables[-2::-1]:
        made = tape.op("Add", tape.op("Mul", made, off), tape.op("Gather", table, piece, axis=0))
    if getattr(estimator, "handle_missing", "error") == "zeros":
        made = tape.op("Where", tape.op("IsNaN", values), 0.0, made)
    return Numbers(made, tables[0].shape[1])


def _folded(walk: Walk, values: str, low: float, high: float) -> str:
    """Into one period."""
    off = walk.tape.op("Sub", values, low)
    whole = walk.tape.op("Mul", walk.tape.op("Floor", walk.tape.op("Div", off, high - low)), high - low)
    return walk.tape.op("Add", walk.tape.op("Sub", off, whole), low)


def _tables(estimator: Any, spline: Any, inner: Floats) -> list[Floats]:
    """Of each power of (x - start) its factors [2 + pieces, bases]: below, between the knots, above."""
    degree = int(spline.k)
    at = np.concatenate([inner[:1], inner[:-1], inner[-1:]])
    found = [np.asarray(spline(at, nu=power), np.float64) / math.factorial(power) for power in range(degree + 1)]
    if estimator.extrapolation == "constant":
        for table in found[1:]:
            table[[0, -1]] = 0
    if estimator.extrapolation == "linear":
        for table in found[2:]:
            table[[0, -1]] = 0
    if not estimator.include_bias:
        found = [table[:, :-1] for table in found]
    return found
