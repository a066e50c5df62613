"""Values as TensorFlow Serving's clients write them, in the form that features take."""

from __future__ import annotations

from binascii import a2b_base64
from typing import Any

from ranklet_features.spec import Input
from ranklet_runtime.errors import BadRequest


def feature(column: list[Any], declared: Input | None) -> list[Any]:
    """As `plain`, of a tf.Example: an empty list is a missing value, true and false are 1 and 0."""
    if declared is None:
        return column
    if not declared.list and declared.length is None and list in set(map(type, column)):
        column = [None if value == [] else value for value in column]
    column = plain(column, declared)
    if declared.type == "int" and bool in set(map(type, column)):
        column = [int(value) if isinstance(value, bool) else value for value in column]
    return column


def plain(column: list[Any], declared: Input | None) -> list[Any]:
    """Values as the features take them: [v] of a [n, 1] tensor is v, and {"b64": …} is its text."""
    if declared is None:
        return column
    # The rows of a tensor have one shape, so one value tells it; only strings come in two ways.
    one = next((value for value in column if value is not None), None)
    if isinstance(one, list) and not declared.list and declared.length is None:
        column = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in column]
    if declared.type == "string" and set(map(type, column)) - {str}:
        column = [_text(value) for value in column]
    return column


def _text(value: Any) -> Any:
    """A string, or a flat list of strings, in which {"b64": …} stands for its text; anything else as it is."""
    if isinstance(value, list):
        return [_unboxed(part) for part in value] if dict in set(map(type, value)) else value
    return _unboxed(value)


def _unboxed(value: Any) -> Any:
    if not isinstance(value, dict) or value.keys() != {"b64"}:
        return value
    try:
        return a2b_base64(value["b64"], strict_mode=True).decode()
    except (TypeError, ValueError) as error:
        raise BadRequest('a {"b64": …} here must be base64 of UTF-8 text') from error
