"""Values as Openscoring takes them: whatever can be read as a field's type is of that type.

JPMML reads the text "2.5" for a field of numbers, and writes the number 2.5 for one of texts, in records and tables.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ranklet_features.kinds.base import Tensor
from ranklet_features.spec import Input
from ranklet_runtime.dialects.flat import Lists, are_tensors
from ranklet_runtime.served import Served


def fields(columns: Lists, count: int, served: Served) -> Lists:
    """The columns of the model's fields: values in their types, null where no record has one, others left out."""
    if are_tensors(columns, served):
        tensors = served.tensors
        return {name: _tensor(column, tensors[name]) for name, column in columns.items() if name in tensors}
    return {
        name: _typed(columns[name], declared) if name in columns else [None] * count
        for name, declared in served.inputs.items()
        if not declared.unread
    }


def _typed(column: list[Any], declared: Input) -> list[Any]:
    """Values in the field's type where they are another one's; what is neither stays, to be refused by its place."""
    if declared.list or declared.length is not None:
        return column
    if declared.type == "string":
        return column if set(map(type, column)) <= {str, type(None)} else [_text(value) for value in column]
    return _numbers(column, declared.type)


def _tensor(column: list[Any], tensor: Tensor) -> list[Any]:
    """Numbers as the rows of a tensor: one alone is a row of one."""
    numbers = _numbers(column, "int" if tensor.dtype == "int64" else "float")
    return [value if isinstance(value, list) else [value] for value in numbers] if tensor.shape == (1,) else numbers


def _numbers(column: list[Any], kind: str) -> list[Any]:
    kinds = set(map(type, column))
    if kinds == {str} and "_" not in "".join(column):  # which Python alone takes for part of a number
        with suppress(ValueError):
            return list(map(int if kind == "int" else float, column))
    if str in kinds or (kind == "int" and float in kinds):
        return [_number(value, kind) if type(value) in (str, float) else value for value in column]
    return column


def _text(value: Any) -> Any:
    """As Java writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else value


def _number(value: Any, kind: str) -> Any:
    """The number that a text is; for a field of ints one without a fraction."""
    try:
        if isinstance(value, str):
            if "_" in value:
                return value
            return int(value) if kind == "int" and value.strip("+- ").isdecimal() else _number(float(value), kind)
        return int(value) if kind == "int" and value.is_integer() else value
    except ValueError:
        return value
