"""Comparisons, sets, and three truth values: true, false and missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ranklet_features.expressions import forms
from ranklet_features.expressions.values import (
    FALSE,
    GONE,
    NUMBERS,
    TRUE,
    Array,
    Columns,
    Kind,
    Made,
    bools,
    missing,
    nothing,
    refuse,
    widest,
)

Compare = Callable[[Array, Array], Array]


def _alike(name: str, parts: Sequence[Made]) -> tuple[Kind, list[Made]]:
    """Arguments brought to one kind: numbers to numbers, anything else to the first one's kind."""
    kinds = [part.kind for part in parts]
    if all(kind in NUMBERS for kind in kinds):
        return widest(kinds), list(parts)
    kind = next((one for one in kinds if one in NUMBERS), kinds[0])
    return kind, [forms.cast(part, kind) for part in parts]


def _comparison(name: str, compare: Compare) -> Callable[[Sequence[Made]], Made]:
    def build(parts: Sequence[Made]) -> Made:
        if len(parts) != 2:
            raise refuse(f"{name} takes 2 arguments, not {len(parts)}")
        kind, (one, other) = _alike(name, parts)
        if kind == "string" and name not in ("equal", "notEqual"):
            raise refuse(f"{name} compares numbers, not texts")

        def run(columns: Columns) -> Array:
            left, right = one.run(columns), other.run(columns)
            gone = missing(kind, left) | missing(kind, right)
            return bools(compare(left, right), gone)

        return Made("boolean", run)

    return build


def _missing(name: str, *, there: bool) -> Callable[[Sequence[Made]], Made]:
    def build(parts: Sequence[Made]) -> Made:
        if len(parts) != 1:
            raise refuse(f"{name} takes 1 argument, not {len(parts)}")
        (one,) = parts
        return Made("boolean", lambda columns: bools(missing(one.kind, one.run(columns)) != there))

    return build


def _never(parts: Sequence[Made]) -> Made:
    """isNotValid: what is invalid was dealt with when the field was read, and a missing value is not invalid."""
    made = _missing("isNotValid", there=False)(parts)
    return Made("boolean", lambda columns: bools(made.run(columns) < 0))


def _member(name: str, *, inside: bool) -> Callable[[Sequence[Made]], Made]:
    """Whether it is one of the others; a missing one is one only where another is missing."""

    def build(parts: Sequence[Made]) -> Made:
        if len(parts) < 2:
            raise refuse(f"{name} takes 2 arguments at least, not {len(parts)}")
        kind, (one, *others) = _alike(name, parts)

        def run(columns: Columns) -> Array:
            values = one.run(columns)
            gone = missing(kind, values)
            found = np.zeros(1, np.bool_)
            for other in others:
                wanted = other.run(columns)
                found = found | np.where(gone, missing(kind, wanted), values == wanted)
            return bools(found == inside)

        return Made("boolean", run)

    return build


def _booleans(name: str, parts: Sequence[Made], least: int) -> list[Made]:
    if len(parts) < least:
        raise refuse(f"{name} takes {least} arguments at least, not {len(parts)}")
    if other := [part.kind for part in parts if part.kind != "boolean"]:
        raise refuse(f"{name} takes booleans, not a {other[0]}")
    return list(parts)


def _and(parts: Sequence[Made]) -> Made:
    made = _booleans("and", parts, 2)

    def run(columns: Columns) -> Array:
        values = np.stack(np.broadcast_arrays(*(part.run(columns) for part in made)))
        return np.where((values == FALSE).any(axis=0), FALSE, np.where((values == GONE).any(axis=0), GONE, TRUE))

    return Made("boolean", run)


def _or(parts: Sequence[Made]) -> Made:
    made = _booleans("or", parts, 2)

    def run(columns: Columns) -> Array:
        values = np.stack(np.broadcast_arrays(*(part.run(columns) for part in made)))
        return np.where((values == TRUE).any(axis=0), TRUE, np.where((values == GONE).any(axis=0), GONE, FALSE))

    return Made("boolean", run)


def _not(parts: Sequence[Made]) -> Made:
    (one,) = _booleans("not", parts, 1)
    table = np.array([GONE, TRUE, FALSE])
    return Made("boolean", lambda columns: table[one.run(columns)])


def _if(parts: Sequence[Made]) -> Made:
    if len(parts) not in (2, 3):
        raise refuse(f"if takes 2 or 3 arguments, not {len(parts)}")
    condition, *ways = parts
    _booleans("if", [condition], 1)
    kinds = [way.kind for way in ways]
    kind = widest(kinds) if all(one in NUMBERS for one in kinds) else kinds[0]
    yes, *no = (forms.cast(way, kind) for way in ways)
    gone = nothing(kind)

    def run(columns: Columns) -> Array:
        truth = condition.run(columns)
        otherwise = no[0].run(columns) if no else gone
        return np.where(truth == TRUE, yes.run(columns), np.where(truth == FALSE, otherwise, gone))

    return Made(kind, run)


FUNCTIONS: Mapping[str, Callable[[Sequence[Made]], Made]] = {
    "equal": _comparison("equal", np.equal),
    "notEqual": _comparison("notEqual", np.not_equal),
    "lessThan": _comparison("lessThan", np.less),
    "lessOrEqual": _comparison("lessOrEqual", np.less_equal),
    "greaterThan": _comparison("greaterThan", np.greater),
    "greaterOrEqual": _comparison("greaterOrEqual", np.greater_equal),
    "isMissing": _missing("isMissing", there=False),
    "isNotMissing": _missing("isNotMissing", there=True),
    "isValid": _missing("isValid", there=True),
    "isNotValid": _never,
    "isIn": _member("isIn", inside=True),
    "isNotIn": _member("isNotIn", inside=False),
    "and": _and,
    "or": _or,
    "not": _not,
    "if": _if,
}
"""Function → what compiles it."""
