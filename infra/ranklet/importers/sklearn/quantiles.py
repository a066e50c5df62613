"""QuantileTransformer: the share of the training values below a value, and the normal number at that share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Floats, Frame, Numbers, width
from ranklet.importers.sklearn.links import normal_quantile

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

EDGE = 1e-7
"""So near to an end, the normal distribution's is taken (sklearn.preprocessing._data.BOUNDS_THRESHOLD)."""


def transform(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """As the estimator's `transform`."""
    quantiles = np.asarray(estimator.quantiles_, np.float64)
    references = np.asarray(estimator.references_, np.float64)
    if quantiles.shape != (len(references), width(frame)) or (np.diff(quantiles, axis=0) < 0).any():
        raise ImportRefused(f"has quantiles of {quantiles.shape} for {width(frame)} columns; save the model again")
    walk.hint(frame, quantiles.T.tolist())
    normal = estimator.output_distribution == "normal"
    parts = [
        _share(walk, walk.dense((piece,)), quantiles[:, at], references, edge=EDGE if normal else 0.0)
        for at, piece in enumerate(walk.split(frame))
    ]
    made = walk.tape.joined(parts)
    if normal:
        made = _clipped(walk, normal_quantile(walk.tape, _clipped(walk, made, EDGE / 100, 1 - EDGE / 100)), *_ends())
    return (Numbers(made, width(frame)),)


def _share(walk: Walk, values: str, quantiles: Floats, references: Floats, *, edge: float) -> str:
    """Between neighbours a line; at a value that stands there often, the middle of its shares."""
    tape = walk.tape
    known, first, count = np.unique(quantiles, return_index=True, return_counts=True)
    low, high = references[first], references[first + count - 1]
    inside = _clipped(walk, values, float(known[0]), float(known[-1]))
    reached = tape.total(tape.doubles(tape.op("GreaterOrEqual", inside, known[1:][None])))
    at = tape.op("Reshape", tape.op("Cast", reached, to=7), [-1])
    slopes = np.append((low[1:] - high[:-1]) / np.diff(known), 0.0)
    off = tape.op("Sub", inside, tape.op("Gather", known[:, None], at, axis=0))
    line = tape.op("Mul", tape.op("Gather", slopes[:, None], at, axis=0), off)
    line = tape.op("Add", line, tape.op("Gather", high[:, None], at, axis=0))
    middle = tape.op("Gather", ((low + high) / 2)[:, None], at, axis=0)
    share = tape.op("Where", tape.op("Equal", off, 0.0), middle, line)
    over = tape.op("GreaterOrEqual", values, float(known[-1]))
    under = tape.op("LessOrEqual", values, float(known[0]))
    if edge:
        over = tape.op("Greater", tape.op("Add", values, edge), float(known[-1]))
        under = tape.op("Less", tape.op("Sub", values, edge), float(known[0]))
    return tape.op("Where", under, 0.0, tape.op("Where", over, 1.0, share))


def _clipped(walk: Walk, values: str, low: float, high: float) -> str:
    above = walk.tape.op("Where", walk.tape.op("Less", values, low), low, values)
    return walk.tape.op("Where", walk.tape.op("Greater", above, high), high, above)


def _ends() -> tuple[float, float]:
    """Where the library cuts the normal distribution."""
    from scipy import stats  # comes with scikit-learn

    least = EDGE - float(np.spacing(1))
    return float(stats.norm.ppf(least)), float(stats.norm.ppf(1 - least))
