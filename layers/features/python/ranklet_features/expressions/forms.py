"""Ways of making values that are no functions: what becomes of missing, invalid and extreme ones, tables and lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ranklet_features.expressions.values import (
    FALSE,
    NUMBERS,
    TRUE,
    Array,
    Columns,
    Kind,
    Made,
    bools,
    constant,
    kind_of,
    missing,
    nothing,
    refuse,
    texts,
)
from ranklet_features.values import describe

Inner = Callable[[Any], Made]
Form = Callable[..., Made]


def _as(inner: Inner, given: Any, kind: Kind) -> Made:
    """A raw field as the kind that the file gives it."""
    made = inner(given)
    if kind == "boolean" and made.kind == "string":
        return Made(kind, lambda columns: _booleans(made.run(columns)), made.fields)
    if kind == "integer" and made.number:
        return Made(kind, made.run, made.fields)  # whether it is whole, `check` says
    return cast(made, kind)


def _booleans(values: Array) -> Array:
    return np.array([{"true": TRUE, "false": FALSE}.get(value, 0) for value in values.tolist()], np.int64)


def cast(made: Made, kind: Kind) -> Made:
    """Values as another kind. Raises SpecError where there is no way."""
    if made.kind == kind or (made.number and kind == "double"):
        return Made(kind, made.run, made.fields)
    if made.number and kind == "float":
        return Made(kind, lambda columns: made.run(columns).astype(np.float32).astype(np.float64), made.fields)
    if made.number and kind == "integer":
        return Made(kind, lambda columns: _whole_or_none(made.run(columns)), made.fields)
    if made.kind == "string" and kind in NUMBERS:
        return Made(kind, lambda columns: _numbers(made.run(columns)), made.fields)
    if kind == "string":
        written = _written_boolean if made.kind == "boolean" else _whole if made.kind == "integer" else _decimal
        return Made(kind, lambda columns: texts([written(value) for value in made.run(columns).tolist()]), made.fields)
    if made.kind == "boolean":
        return Made(kind, lambda columns: _from_boolean(made.run(columns)), made.fields)
    if made.number:
        return Made(kind, lambda columns: bools(made.run(columns) != 0, np.isnan(made.run(columns))), made.fields)
    return _as(lambda given: made, None, kind)


def _whole_or_none(values: Array) -> Array:
    """What is no whole number is no integer either."""
    return np.where(values == np.floor(values), values, np.nan)


def _numbers(values: Array) -> Array:
    return np.array([np.nan if value is None else float(value) for value in values.tolist()])


def _from_boolean(values: Array) -> Array:
    return np.where(values == 0, np.nan, (values == TRUE).astype(np.float64))


def _written_boolean(value: int) -> str | None:
    return (None, "false", "true")[value]


def _whole(value: float) -> str | None:
    return None if value != value else str(int(value))


def _decimal(value: float) -> str | None:
    """As Java writes a double, for the sizes that are not in exponents."""
    return None if value != value else repr(value)


def _gone(inner: Inner, given: Any, words: Sequence[Any]) -> Made:
    """Values that mean a missing one."""
    made = inner(given)
    known, nothing_here = _set(words, made.kind), nothing(made.kind)

    def run(columns: Columns) -> Array:
        values = made.run(columns)
        return np.where(_inside(values, known, made.kind), nothing_here, values)

    return Made(made.kind, run, made.fields)


def _set(words: Sequence[Any], kind: Kind) -> Any:
    if kind == "string":
        return frozenset(words)
    return np.array([constant(word, kind)[0] for word in words])


def _inside(values: Array, known: Any, kind: Kind) -> Array:
    if kind == "string":
        return np.array([value in known for value in values.tolist()], np.bool_)
    return np.isin(values, known)


def _check(inner: Inner, given: Any, what: Mapping[str, Any], then: str, value: Any = None) -> Made:
    """Valid values; of the others an error, a missing one, or another value."""
    made = inner(given)
    valid = _validity(made.kind, what)
    other = nothing(made.kind) if then == "missing" else constant(value, made.kind)
    if then not in ("error", "missing", "value"):
        raise refuse(f"check: {then!r} is none of error, missing, value")

    def run(columns: Columns) -> Array:
        values = made.run(columns)
        bad = ~(valid(values) | missing(made.kind, values))
        if not bad.any():
            return values
        if then == "error":
            _fault(columns, made, int(np.argmax(bad)))
        return np.where(bad, other, values)

    return Made(made.kind, run, made.fields)


def _fault(columns: Columns, made: Made, row: int) -> None:
    column = columns[made.fields[0]]
    value = column.values[row]
    raise column.fault(row, f"{describe(value if isinstance(value, str) else float(value))} is not valid in this model")


def _validity(kind: Kind, what: Mapping[str, Any]) -> Callable[[Array], Array]:
    if unknown := sorted(set(what) - {"whole", "valid", "intervals", "invalid"}):
        raise refuse(f"check: no {unknown[0]!r}")
    tests: list[Callable[[Array], Array]] = []
    allowed: list[Callable[[Array], Array]] = []
    if what.get("whole"):
        tests.append(lambda values: values == np.floor(values))
    if "valid" in what:
        known = _set(what["valid"], kind)
        allowed.append(lambda values: _inside(values, known, kind))
    allowed += [_interval(*one) for one in what.get("intervals", ())]
    if allowed:
        tests.append(lambda values: np.logical_or.reduce([test(values) for test in allowed]))
    if "invalid" in what:
        strangers = _set(what["invalid"], kind)
        tests.append(lambda values: ~_inside(values, strangers, kind))
    return lambda values: np.logical_and.reduce([test(values) for test in tests])


def _interval(low: float | None, high: float | None, closure: str) -> Callable[[Array], Array]:
    bottom, top = -np.inf if low is None else low, np.inf if high is None else high
    left = np.greater if closure.startswith("open") else np.greater_equal
    right = np.less if closure.endswith("Open") else np.less_equal
    return lambda values: left(values, bottom) & right(values, top)


def _outliers(inner: Inner, given: Any, how: str, low: float, high: float) -> Made:
    made = inner(given)
    if how not in ("missing", "clip"):
        raise refuse(f"outliers: {how!r} is neither missing nor clip")

    def run(columns: Columns) -> Array:
        values = made.run(columns)
        if how == "clip":
            return np.clip(values, low, high)
        return np.where((values < low) | (values > high), np.nan, values)

    return Made(made.kind, run, made.fields)


def _require(inner: Inner, given: Any) -> Made:
    made = inner(given)

    def run(columns: Columns) -> Array:
        values = made.run(columns)
        if (gone := missing(made.kind, values)).any():
            raise columns[made.fields[0]].fault(int(np.argmax(gone)), "missing, and this model needs it")
        return values

    return Made(made.kind, run, made.fields)


def default(inner: Inner, given: Any, value: Any) -> Made:
    """A value for a missing one."""
    made = inner(given)
    fill = constant(value, made.kind)

    def run(columns: Columns) -> Array:
        values = made.run(columns)
        return np.where(missing(made.kind, values), fill, values)

    return Made(made.kind, run, made.fields)


def _norm(inner: Inner, given: Any, line: Sequence[Sequence[float]], outliers: str, fill: float | None) -> Made:
    """NormContinuous: straight lines between points; outside of them as `outliers` says."""
    made = inner(given)
    x, y = np.array(line, np.float64).T
    if len(x) < 2 or (np.diff(x) < 0).any():
        raise refuse("norm: there must be two points at least, in ascending order")
    replaced = np.nan if fill is None else fill

    def run(columns: Columns) -> Array:
        values = made.run(columns)
        at = np.clip(np.searchsorted(x, values, side="right") - 1, 0, len(x) - 2)
        width = x[at + 1] - x[at]
        found = y[at] + (values - x[at]) / width * (y[at + 1] - y[at])
        if outliers != "asIs":
            low, high = values < x[0], values > x[-1]
            ends = (y[0], y[-1]) if outliers == "asExtremeValues" else (np.nan, np.nan)
            found = np.where(low, ends[0], np.where(high, ends[1], found))
        return np.where(np.isnan(values), replaced, found)

    return Made("double", run, made.fields)


def _onehot(inner: Inner, given: Any, word: Any, fill: float | None) -> Made:
    """NormDiscrete: 1 where it is the word, else 0."""
    made = inner(given)
    wanted = constant(word, made.kind)
    replaced = np.nan if fill is None else fill

    def run(columns: Columns) -> Array:
        values = made.run(columns)
        return np.where(missing(made.kind, values), replaced, (values == wanted).astype(np.float64))

    return Made("double", run, made.fields)


def _discretize(inner: Inner, given: Any, bins: Sequence[Any], kind: Kind, other: Any, fill: Any) -> Made:
    """The value of the first interval that holds the number."""
    made = inner(given)
    inside = [(_interval(*one[:3]), constant(one[3], kind)) for one in bins]
    otherwise, replaced = constant(other, kind), constant(fill, kind)

    def run(columns: Columns) -> Array:
        values = made.run(columns)
        found = np.broadcast_to(otherwise, values.shape)
        for holds, value in reversed(inside):
            found = np.where(holds(values), value, found)
        return np.where(np.isnan(values), replaced, found)

    return Made(kind, run, made.fields)


def _map(inner: Inner, given: Sequence[Any], rows: Sequence[Any], kind: Kind, other: Any, fill: Any) -> Made:
    """MapValues: [[[key, …], value], …]."""
    made = [inner(one) for one in given]
    table = {tuple(_key(key, one.kind) for key, one in zip(keys, made, strict=True)): value for keys, value in rows}
    values_of = {key: constant(value, kind)[0] for key, value in table.items()}
    otherwise, replaced = constant(other, kind)[0], constant(fill, kind)[0]
    dtype = object if kind == "string" else np.int64 if kind == "boolean" else np.float64

    def run(columns: Columns) -> Array:
        parts = np.broadcast_arrays(*(one.run(columns) for one in made))
        gone = np.logical_or.reduce([missing(one.kind, part) for one, part in zip(made, parts, strict=True)])
        keys = zip(*(part.tolist() for part in parts), strict=True)
        found = [
            replaced if none else values_of.get(key, otherwise) for key, none in zip(keys, gone.tolist(), strict=True)
        ]
        return np.array(found, dtype) if dtype is not object else texts(found)

    return Made(kind, run, tuple(dict.fromkeys(name for one in made for name in one.fields)))


def _key(key: Any, kind: Kind) -> Any:
    return constant(key, kind)[0] if kind != "string" else key


def _terms(inner: Inner, text: Any, term: Any, index: str) -> Made:
    """TextIndex: how often a term is found in a text."""
    from ranklet_features.expressions import terms  # few models read texts

    return terms.counted(cast(inner(text), "string"), cast(inner(term), "string"), index)


FORMS: Mapping[str, Form] = {
    "as": _as,
    "cast": lambda inner, kind, given: cast(inner(given), kind),
    "missing": _gone,
    "check": _check,
    "outliers": _outliers,
    "require": _require,
    "default": default,
    "norm": _norm,
    "onehot": _onehot,
    "discretize": _discretize,
    "map": _map,
    "terms": _terms,
}
"""Form → what compiles it; `inner` compiles its parts."""

__all__ = ["FORMS", "bools", "cast", "default", "kind_of"]
