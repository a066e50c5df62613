"""Arithmetic and mathematics of doubles, and the aggregates that leave missing arguments out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ranklet_features.expressions.values import Array, Columns, Kind, Made, refuse, widest

Binary = Callable[[Array, Array], Array]


def taking(name: str, parts: Sequence[Made], low: int, high: int | None = None) -> None:
    """Raises SpecError for another number of arguments, or one that is no number."""
    high = low if high is None else high
    if not low <= len(parts) <= high:
        raise refuse(f"{name} takes {low if low == high else f'{low} to {high}'} arguments, not {len(parts)}")
    if other := [part.kind for part in parts if not part.number]:
        raise refuse(f"{name} takes numbers, not a {other[0]}")


def _binary(name: str, function: Binary, *, whole: Binary | None = None) -> Callable[[Sequence[Made]], Made]:
    """whole: of two integers, where that is something else."""

    def build(parts: Sequence[Made]) -> Made:
        taking(name, parts, 2)
        one, other = parts
        kind = widest([one.kind, other.kind])
        chosen = whole if whole is not None and kind == "integer" else function
        return Made(kind, lambda columns: _as(kind, chosen(one.run(columns), other.run(columns))))

    return build


def _as(kind: Kind, values: Array) -> Array:
    return values.astype(np.float32).astype(np.float64) if kind == "float" else values


def _divide(one: Array, other: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return one / other


def _divide_whole(one: Array, other: Array) -> Array:
    """As Java divides ints: towards zero."""
    return np.trunc(_divide(one, other))


def _modulo(one: Array, other: Array) -> Array:
    """x - floor(x / y) · y, of the sign of y."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.mod(one, other)


def _power(one: Array, other: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.where(np.isnan(one) | np.isnan(other), np.nan, np.power(one, other))


def _power_whole(one: Array, other: Array) -> Array:
    """Of integers, a negative exponent has no result."""
    return np.where(other < 0, np.nan, _power(one, other))


def _unary(name: str, function: Callable[[Array], Array], *, keeps: bool = False) -> Callable[[Sequence[Made]], Made]:
    """keeps: an integer stays one."""

    def build(parts: Sequence[Made]) -> Made:
        taking(name, parts, 1)
        (one,) = parts
        kind: Kind = one.kind if keeps else "float" if one.kind == "float" else "double"
        return Made(kind, lambda columns: _as(kind, _quiet(function, one.run(columns))))

    return build


def _quiet(function: Callable[[Array], Array], values: Array) -> Array:
    with np.errstate(all="ignore"):
        return function(values)


def _threshold(parts: Sequence[Made]) -> Made:
    taking("threshold", parts, 2)
    one, other = parts

    def run(columns: Columns) -> Array:
        x, t = one.run(columns), other.run(columns)
        return np.where(np.isnan(x) | np.isnan(t), np.nan, (x > t).astype(np.float64))

    return Made("integer", run)


def _aggregate(name: str, function: Callable[[Any], Array], *, whole: bool) -> Callable[[Sequence[Made]], Made]:
    """Over the arguments that are there; missing where none is. whole: of integers an integer."""

    def build(parts: Sequence[Made]) -> Made:
        taking(name, parts, 1, 10_000)
        kind = widest([part.kind for part in parts])
        kind = kind if whole or kind == "float" else "double"

        def run(columns: Columns) -> Array:
            values = np.stack(np.broadcast_arrays(*(part.run(columns) for part in parts)))
            gone = np.isnan(values)
            some = ~gone.all(axis=0)
            found = np.full(values.shape[1], np.nan)
            if some.any():
                found[some] = function(values[:, some])
            return found

        return Made(kind, run)

    return build


def _erf(values: Array) -> Array:
    return np.array([math.erf(value) if value == value else math.nan for value in values.tolist()])


def _normal(parts: Sequence[Made], name: str, function: Callable[[Array], Array]) -> Made:
    taking(name, parts, 3)
    x, mean, spread = parts

    def run(columns: Columns) -> Array:
        found = function((x.run(columns) - mean.run(columns)) / spread.run(columns))
        return found / spread.run(columns) if name == "normalPDF" else found

    return Made("double", run)


def _cdf(values: Array) -> Array:
    """Through erfc, which keeps the digits of what is close to 0."""
    return np.array(
        [0.5 * math.erfc(-value / math.sqrt(2)) if value == value else math.nan for value in values.tolist()]
    )


def _pdf(values: Array) -> Array:
    return np.exp(-(values**2) / 2) / math.sqrt(2 * math.pi)


def _halves_up(values: Array) -> Array:
    """As Java's Math.round: halves go up."""
    return np.floor(values + 0.5)


FUNCTIONS: Mapping[str, Callable[[Sequence[Made]], Made]] = {
    "+": _binary("+", np.add),
    "-": _binary("-", np.subtract),
    "*": _binary("*", np.multiply),
    "/": _binary("/", _divide, whole=_divide_whole),
    "modulo": _binary("modulo", _modulo),
    "pow": _binary("pow", _power, whole=_power_whole),
    "hypot": _binary("hypot", np.hypot),
    "atan2": _binary("atan2", np.arctan2),
    "threshold": _threshold,
    "min": _aggregate("min", lambda values: np.nanmin(values, axis=0), whole=True),
    "max": _aggregate("max", lambda values: np.nanmax(values, axis=0), whole=True),
    "sum": _aggregate("sum", lambda values: np.nansum(values, axis=0), whole=True),
    "product": _aggregate("product", lambda values: np.nanprod(values, axis=0), whole=True),
    "avg": _aggregate("avg", lambda values: np.nanmean(values, axis=0), whole=False),
    "median": _aggregate("median", lambda values: np.nanmedian(values, axis=0), whole=False),
    "log10": _unary("log10", np.log10),
    "ln": _unary("ln", np.log),
    "ln1p": _unary("ln1p", np.log1p),
    "exp": _unary("exp", np.exp),
    "expm1": _unary("expm1", np.expm1),
    "sqrt": _unary("sqrt", np.sqrt),
    "abs": _unary("abs", np.abs, keeps=True),
    "floor": _unary("floor", np.floor, keeps=True),
    "ceil": _unary("ceil", np.ceil, keeps=True),
    "round": _unary("round", _halves_up, keeps=True),
    "rint": _unary("rint", np.rint),
    "sin": _unary("sin", np.sin),
    "cos": _unary("cos", np.cos),
    "tan": _unary("tan", np.tan),
    "asin": _unary("asin", np.arcsin),
    "acos": _unary("acos", np.arccos),
    "atan": _unary("atan", np.arctan),
    "sinh": _unary("sinh", np.sinh),
    "cosh": _unary("cosh", np.cosh),
    "tanh": _unary("tanh", np.tanh),
    "erf": _unary("erf", _erf),
    "normalCDF": lambda parts: _normal(parts, "normalCDF", _cdf),
    "normalPDF": lambda parts: _normal(parts, "normalPDF", _pdf),
    "stdNormalCDF": _unary("stdNormalCDF", _cdf),
    "stdNormalPDF": _unary("stdNormalPDF", _pdf),
}
"""Function → what compiles it."""
