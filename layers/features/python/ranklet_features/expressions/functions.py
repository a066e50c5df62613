"""PMML's built-in functions by name, and what an Apply says of missing arguments and results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ranklet_features.expressions import dates, logic, numbers, texts
from ranklet_features.expressions.values import Array, Columns, Made, constant, missing, refuse

Function = Callable[[Sequence[Made]], Made]
Lost = Callable[[Columns, Array], Array]

FUNCTIONS: Mapping[str, Function] = {**numbers.FUNCTIONS, **logic.FUNCTIONS, **texts.FUNCTIONS, **dates.FUNCTIONS}


def call(name: str, parts: Sequence[Made], options: Mapping[str, Any]) -> Made:
    """options: `missing`, the result where an argument is missing; `default`, where the result is so for that reason.

    A result that is no number, as of ln(-1), is missing and stays so.

    Raises SpecError for an unknown function, and for arguments of other kinds or another number than it takes.
    """
    if name not in FUNCTIONS:
        raise refuse(f"no function {name!r}; there are {', '.join(sorted(FUNCTIONS))}")
    if unknown := sorted(set(options) - {"missing", "default"}):
        raise refuse(f"{name}: no option {unknown[0]!r}")
    made = FUNCTIONS[name](parts)
    fields = tuple(dict.fromkeys(field for part in parts for field in part.fields))
    found = Made(made.kind, made.run, fields)
    lost: Lost = lambda columns, values: _any_missing(parts, columns)  # noqa: E731
    both: Lost = lambda columns, values: missing(found.kind, values) & lost(columns, values)  # noqa: E731
    if "missing" in options:
        # Of `if`, the way that is not taken may be missing.
        found = _replaced(found, both if name == "if" else lost, options["missing"])
    if "default" in options:
        found = _replaced(found, both, options["default"])
    return found


def _replaced(made: Made, where: Lost, value: Any) -> Made:
    fill = constant(value, made.kind)

    def run(columns: Columns) -> Array:
        values = made.run(columns)
        return np.where(where(columns, values), fill, values)

    return Made(made.kind, run, made.fields)


def _any_missing(parts: Sequence[Made], columns: Columns) -> Array:
    found = np.broadcast_arrays(*(missing(part.kind, part.run(columns)) for part in parts))
    return np.logical_or.reduce(np.stack(found))  # type: ignore[no-any-return]
