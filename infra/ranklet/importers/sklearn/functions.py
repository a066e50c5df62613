"""FunctionTransformer: of no function, or of one that is known by identity, never by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Frame, Numbers, width
from ranklet.importers.sklearn.links import expm1, log1p
from ranklet.importers.tape import Tape

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

Made = Callable[[Tape, str], str]


def _one(kind: str) -> Made:
    return lambda tape, given: tape.op(kind, given)


FUNCTIONS: Mapping[Any, Made] = {
    np.log1p: log1p,
    np.expm1: expm1,
    np.log: _one("Log"),
    np.log2: lambda tape, given: tape.op("Div", tape.op("Log", given), float(np.log(2.0))),
    np.log10: lambda tape, given: tape.op("Div", tape.op("Log", given), float(np.log(10.0))),
    np.exp: _one("Exp"),
    np.sqrt: _one("Sqrt"),
    np.abs: _one("Abs"),
    np.square: lambda tape, given: tape.op("Mul", given, given),
    np.negative: _one("Neg"),
    np.sign: _one("Sign"),
    np.floor: _one("Floor"),
    np.ceil: _one("Ceil"),
    np.reciprocal: lambda tape, given: tape.op("Div", 1.0, given),
}


def transform(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """Raises ImportRefused for any other function: it may do anything."""
    if estimator.func is None or _checks_only(estimator.func):
        return frame
    made = known(estimator.func)
    if made is None or estimator.kw_args:
        raise ImportRefused(f"calls {_name(estimator.func)}; {ADVICE}")
    return (Numbers(made(walk.tape, walk.dense(frame)), width(frame)),)


def known(function: Any) -> Made | None:
    """The nodes of a function that is served."""
    try:
        return FUNCTIONS.get(function)
    except TypeError:  # not hashable, so none of them
        return None


def _checks_only(function: Any) -> bool:
    """What HistGradientBoosting puts before its numbers."""
    from sklearn.utils.validation import check_array  # an extra

    return isinstance(function, partial) and function.func is check_array


def scaled(walk: Walk, frame: Frame, factor: float) -> Frame:
    """Times a number."""
    return (Numbers(walk.tape.op("Mul", walk.dense(frame), factor), width(frame)),) if frame else ()


def _name(function: Any) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', type(function).__name__)}"


ADVICE = (
    f"served are {', '.join(f'numpy.{function.__name__}' for function in FUNCTIONS)}: compute it before the request, "
    "or in the training data"
)
