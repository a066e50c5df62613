"""Probabilities calibrated after the training (calibrate_model): by Platt's logistic curve, or by an isotonic one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.h2o.linear import logistic
from ranklet.importers.h2o.mojo import Mojo, refuse_unknown
from ranklet.importers.h2o.results import Scored
from ranklet.importers.tape import Tape

Floats = NDArray[np.float64]

METHODS = ("platt", "isotonic")
MAX_STEPS = 1 << 20


def calibrated(mojo: Mojo, scored: Scored, tape: Tape) -> tuple[str, ...]:
    """Of both classes; none where the model has no calibration. Raises ImportRefused for an unknown method."""
    method = mojo.text("calib_method", "")
    if not method or len(scored.values) != 2:
        return ()
    if method not in METHODS:
        raise refuse_unknown("calib_method", method, METHODS)
    no, yes = scored.values
    found = _platt(mojo, no, tape) if method == "platt" else _isotonic(mojo, yes, tape)
    return tape.op("Sub", 1.0, found), found


def _platt(mojo: Mojo, no: str, tape: Tape) -> str:
    """H2O's curve is of the first class's probability."""
    slope, start = mojo.doubles("calib_glm_beta", size=2).tolist()
    return logistic(tape, tape.op("Add", tape.op("Mul", no, slope), start))


def _isotonic(mojo: Mojo, yes: str, tape: Tape) -> str:
    """Straight lines between points: below the first and beyond the last, their values."""
    x, y = (_points(mojo, f"calib/thresholds_{name}") for name in "xy")
    if not len(x) or len(x) != len(y) or (np.diff(x) < 0).any():
        raise ImportRefused("calib/thresholds_x falls, or has another size than thresholds_y")
    low, high = mojo.number("calib_min_x"), mojo.number("calib_max_x")
    if not x[0] <= low <= high <= x[-1]:
        raise ImportRefused(f"calib_min_x = {low} and calib_max_x = {high} lie beyond its thresholds")
    inside = tape.op("Min", tape.op("Max", yes, low), high)
    reached = tape.op("LessOrEqual", x[None], inside)
    place = tape.op("Sub", tape.op("ReduceSum", tape.op("Cast", reached, to=7), [1], keepdims=1), [1])
    run, rise = np.diff(x, append=x[-1] + 1), np.diff(y, append=y[-1])
    steep = rise / np.where(run == 0, 1, run)  # where two points have one place, the later is reached
    flat = tape.op("Reshape", tape.op("Max", place, [0]), [-1])
    at, up, begin, exact = (
        tape.op("Gather", table[:, None], flat, axis=0) for table in (x, steep, y, y[[_found(x, one) for one in x]])
    )
    between = tape.op("Add", begin, tape.op("Mul", up, tape.op("Sub", inside, at)))
    return tape.op("Where", tape.op("Equal", inside, at), exact, between)


def _found(x: Floats, wanted: float) -> int:
    """Which of equal points Java's Arrays.binarySearch meets."""
    low, high = 0, len(x) - 1
    while low <= high:
        middle = (low + high) >> 1
        if x[middle] == wanted:
            return middle
        low, high = (middle + 1, high) if x[middle] < wanted else (low, middle - 1)
    return low


def _points(mojo: Mojo, member: str) -> Floats:
    """A count, and as many doubles, big-endian."""
    data = mojo.blob(member)
    count = int.from_bytes(data[:4], "big")
    if count > MAX_STEPS or len(data) != 4 + 8 * count:
        raise ImportRefused(f"{member} has {len(data)} bytes for {count} numbers")
    found = np.frombuffer(data, ">f8", offset=4).astype(np.float64)
    if not np.isfinite(found).all():
        raise ImportRefused(f"{member} has numbers that are not finite")
    return found
