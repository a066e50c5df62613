"""Expression → function of columns; all that no request changes is done here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ranklet_features.expressions import forms, functions
from ranklet_features.expressions.values import (
    MISSING_TEXT,
    Array,
    Columns,
    Kind,
    Made,
    constant,
    kind_of,
    nothing,
    refuse,
    texts,
)
from ranklet_features.spec import Input

MAX_DEPTH = 200


def compile_expression(expr: Any, inputs: Mapping[str, Input], depth: int = 0) -> Made:
    """Raises SpecError naming the part that is none."""
    if depth > MAX_DEPTH:
        raise refuse(f"an expression is nested deeper than {MAX_DEPTH}")
    if not isinstance(expr, list) or not expr or not isinstance(expr[0], str):
        raise refuse(f"{str(expr)[:60]} is no expression: a list whose first element says what it is")
    what, *given = expr

    def inner(part: Any) -> Made:
        return compile_expression(part, inputs, depth + 1)

    try:
        if what == "field":
            return _field(inputs, *given)
        if what == "constant":
            return _constant(*given)
        if what == "nothing":
            return _nothing(*given)
        if what == "call":
            name, parts, options = given
            return functions.call(name, [inner(part) for part in parts], options)
        if what in forms.FORMS:
            return forms.FORMS[what](inner, *given)
    except (TypeError, ValueError, KeyError) as error:
        raise refuse(f"{str(expr)[:80]} has other parts than {what!r} takes ({error})") from error
    raise refuse(f"{what!r} is no expression; there are field, constant, nothing, call, {', '.join(forms.FORMS)}")


def _field(inputs: Mapping[str, Input], name: str) -> Made:
    if name not in inputs:
        raise refuse(f"no input {name!r}; inputs: {', '.join(inputs)}")
    if inputs[name].type == "string":
        return Made("string", lambda columns: _texts(columns[name].values), (name,))
    return Made("double", lambda columns: np.asarray(columns[name].values, np.float64), (name,))


def _texts(values: list[str]) -> Array:
    return texts([None if value == MISSING_TEXT else value for value in values] if MISSING_TEXT in values else values)


def _constant(value: Any, kind: Kind | None = None) -> Made:
    array = constant(value, kind or kind_of(value))

    def run(columns: Columns) -> Array:
        return array

    return Made(kind or kind_of(value), run)


def _nothing(kind: Kind) -> Made:
    array = nothing(kind)
    return Made(kind, lambda columns: array)
