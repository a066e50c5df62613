"""Transformers that bend a column: into bins, and by powers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn import scalers
from ranklet.importers.sklearn.frames import Frame, Hot, Numbers, width
from ranklet.importers.sklearn.links import expm1, log1p

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

LEAST = 1e-19
"""A smaller power is none to scipy.special.boxcox."""


def transform(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """As the estimator's `transform`."""
    return (_bins if type(estimator).__name__ == "KBinsDiscretizer" else _powers)(walk, estimator, frame)


def _bins(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """How many inner edges are ≤ x."""
    if getattr(estimator, "dtype", None) is not None and np.dtype(estimator.dtype) != np.float64:
        raise ImportRefused("bins 32-bit numbers; leave dtype out")
    edges = [np.asarray(one, np.float64) for one in estimator.bin_edges_]
    if len(edges) != width(frame):
        raise ImportRefused(f"knows {len(edges)} columns and gets {width(frame)}; save the model again")
    walk.hint(frame, [one.tolist() for one in edges])
    made: list[Hot | Numbers] = []
    for number, piece in enumerate(walk.split(frame)):
        above = walk.tape.doubles(walk.tape.op("GreaterOrEqual", walk.dense((piece,)), edges[number][1:-1][None]))
        found = walk.tape.total(above)
        if estimator.encode == "ordinal":
            made.append(Numbers(found, 1))
            continue
        ids = walk.tape.op("Reshape", walk.tape.op("Cast", found, to=7), [-1])
        bins = int(estimator.n_bins_[number])
        made.append(Hot(ids, np.arange(bins), bins))
    return tuple(made)


def _powers(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    lambdas = np.asarray(estimator.lambdas_, np.float64)
    bend = {"yeo-johnson": _yeo_johnson, "box-cox": _box_cox}.get(estimator.method)
    if bend is None:
        raise ImportRefused(f"method {estimator.method!r} is not served; yeo-johnson and box-cox are")
    if len(lambdas) != width(frame):
        raise ImportRefused(f"knows {len(lambdas)} columns and gets {width(frame)}; save the model again")
    if estimator.standardize:
        scaler = estimator._scaler
        walk.hint(frame, [[-1.0, 0.0, 0.5, 2.0, 5.0]] * len(lambdas))
    parts = [
        bend(walk, walk.dense((piece,)), float(power)) for piece, power in zip(walk.split(frame), lambdas, strict=True)
    ]
    made: Frame = (Numbers(walk.tape.joined(parts), len(lambdas)),)
    return scalers.transform(walk, scaler, made) if estimator.standardize else made


def _yeo_johnson(walk: Walk, values: str, power: float) -> str:
    """scipy.stats.yeojohnson, whose two sides are expm1(λ log1p(x)) / λ and its mirror image."""
    tape = walk.tape
    up = _side(walk, tape.op("Where", tape.op("Less", values, 0.0), 0.0, values), power)
    down = tape.op("Where", tape.op("Less", values, 0.0), tape.op("Neg", values), 0.0)
    return tape.op("Sub", up, _side(walk, down, 2.0 - power))


def _box_cox(walk: Walk, values: str, power: float) -> str:
    """scipy.special.boxcox: expm1(λ log(x)) / λ."""
    log = walk.tape.op("Log", values)
    if abs(power) < LEAST:
        return log
    return walk.tape.op("Div", expm1(walk.tape, walk.tape.op("Mul", log, power)), power)


def _side(walk: Walk, values: str, power: float) -> str:
    log = log1p(walk.tape, values)
    if abs(power) < np.finfo(np.float64).eps:
        return log
    return walk.tape.op("Div", expm1(walk.tape, walk.tape.op("Mul", log, power)), power)
