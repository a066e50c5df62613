"""Declared inputs → readers; whatever an `Input` contradicts itself in is found here, before any request."""

from __future__ import annotations

from typing import get_args

from ranklet_features.columns import Reader
from ranklet_features.errors import InputError, SpecError
from ranklet_features.spec import Input, NanPolicy, Side, ValueType


def make_reader(name: str, declared: Input) -> Reader:
    """The reader of one input, its default already a column. Raises SpecError naming the input."""
    if problem := _problem(declared):
        raise SpecError(f"input {name!r}: {problem}")
    required = Reader(name, declared)
    if required.raw_default is None:
        return required
    try:
        return Reader(name, declared, required.one(required.raw_default))
    except InputError as error:
        raise SpecError(f"input {name!r}: its default does not fit: {error.message}") from error


def _problem(declared: Input) -> str | None:
    for field, allowed in (("side", get_args(Side)), ("type", get_args(ValueType)), ("nan", get_args(NanPolicy))):
        if getattr(declared, field) not in allowed:
            return f"{field} is {getattr(declared, field)!r}; allowed: {', '.join(allowed)}"
    if declared.length is not None:
        if declared.list:
            return "list and length exclude each other: a list has any length, a vector a fixed one"
        if declared.type == "string" or isinstance(declared.length, bool) or declared.length < 1:
            return "length is for vectors of at least one int or float"
    return _nan_problem(declared)


def _nan_problem(declared: Input) -> str | None:
    if declared.nan == "refuse":
        return None
    if declared.type != "float":
        return f'nan = "{declared.nan}" is for floats; {declared.type} values are never NaN'
    if declared.nan == "default" and declared.default is None:
        return 'nan = "default" needs a default'
    if declared.nan == "default" and declared.list:
        return 'nan = "default" cannot replace one element of a list; use "refuse" or "allow"'
    return None
