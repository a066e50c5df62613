"""Tables as the columns of a model: rows by name, rows by position, and the values that data frames make of gaps.

Without names, columns are the raw inputs in their declared order; a vector takes as many as it is long. A table as
wide as the model's only tensor, and not as its inputs, is that tensor.

A data frame has no int column with gaps, nor a text column with null: it has 7.0 for 7 and NaN for nothing. So whole
floats are taken for ints here, and NaN is missing in a column that has no such number.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.spec import Input
from ranklet_runtime.dialects.flat import Column, are_tensors, transposed
from ranklet_runtime.errors import BadRequest, PayloadTooLarge
from ranklet_runtime.served import Served


def rows(found: Any, served: Served, place: str) -> Mapping[str, Column]:
    """The columns of rows that are objects by name, lists by position, or bare values where the model has one input.

    place: how the rows are called in an error. Raises BadRequest and PayloadTooLarge.
    """
    if not isinstance(found, list):
        raise BadRequest(f"must be a list of rows, not {_noun(found)}", path=place)
    if len(found) > (limit := served.manifest.limits.items):
        raise PayloadTooLarge(f"{len(found)} rows; this model takes {limit} in one request", path=place)
    if not found:
        return {name: [] for name in served.inputs}
    kinds = set(map(type, found))
    if kinds == {dict}:
        return transposed(found)
    if dict not in kinds and len(served.inputs) == 1:
        (name, declared) = next(iter(served.inputs.items()))
        if list not in kinds or declared.list or len(found[0]) == (declared.length or 1):
            return {name: found}
    if kinds == {list}:
        return by_position(columns_of(found, place), served, place)
    wrong = next(i for i, row in enumerate(found) if not isinstance(row, list if list in kinds else dict))
    raise BadRequest(f"a row must be an object of named features, not {_noun(found[wrong])}", path=f"{place}[{wrong}]")


BOX = {"data", "configuration"}
"""What may stand around the features of such a row."""


def vectors(found: Any, served: Served, place: str) -> list[Any] | None:
    """The lists in rows as SageMaker's own algorithms take them; None where the rows are no such ones.

    `{"features": […]}`, `{"features": {"values": […]}}`, or either in `{"data": …}`. Raises BadRequest for sparse ones.
    Source: docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
    """
    if (
        not isinstance(found, list)
        or not found
        or {"features", "data"} & (served.inputs.keys() | served.tensors.keys())
    ):
        return None
    plain: list[Any] = []
    for i, row in enumerate(found):
        inner = row["data"] if isinstance(row, dict) and row.keys() <= BOX and "data" in row else row
        if not isinstance(inner, dict) or inner.keys() != {"features"}:
            return None
        values = inner["features"]
        if isinstance(values, dict) and values.keys() != {"values"}:
            raise BadRequest(
                "features must be a list, or have `values` alone: sparse ones are not read", path=f"{place}[{i}]"
            )
        plain.append(values["values"] if isinstance(values, dict) else values)
    return plain


def columns_of(found: Sequence[Any], place: str) -> list[Column]:
    """Rows of equal length, at least one, as columns."""
    widths = {len(row) if isinstance(row, list) else -1 for row in found}
    if len(widths) > 1 or -1 in widths:
        first = len(found[0]) if isinstance(found[0], list) else -1
        wrong = next(i for i, row in enumerate(found) if not isinstance(row, list) or len(row) != first)
        size = f"{len(found[wrong])} values" if isinstance(found[wrong], list) else _noun(found[wrong])
        raise BadRequest(f"rows must be lists of one length; this is {size}", path=f"{place}[{wrong}]")
    return [list(column) for column in zip(*found, strict=True)]


def by_position(columns: Sequence[Column], served: Served, place: str) -> dict[str, Column]:
    """Unnamed columns by the names of the inputs whose places they have. Raises BadRequest."""
    if (lists := [name for name, one in served.inputs.items() if one.list]) and len(served.tensors) != 1:
        raise BadRequest(f"{lists[0]!r} is a list and has no column of its own; send rows by name", path=place)
    if not lists and len(columns) == sum(map(_width, served.inputs.values())):
        found: dict[str, Column] = {}
        at = 0
        for name, declared in served.inputs.items():
            found[name] = columns[at] if declared.length is None else _joined(columns[at : at + declared.length])
            at += _width(declared)
        return found
    if len(served.tensors) == 1:
        name, tensor = next(iter(served.tensors.items()))
        if tensor.shape in ((len(columns),), (None,)):
            return {name: _joined(columns)}
    names = ", ".join(name if one.length is None else f"{name} ({one.length})" for name, one in served.inputs.items())
    raise BadRequest(f"{len(columns)} columns without names; this model's inputs are, in order: {names}", path=place)


def settled(columns: Mapping[str, Column], served: Served) -> dict[str, Column]:
    """The columns with each value as the features, or the tensors, take it; what they refuse is left to them."""
    if are_tensors(columns, served):
        return {name: _boxed(column) if _is_box(name, served) else column for name, column in columns.items()}
    return {name: _settled(column, served.inputs.get(name)) for name, column in columns.items()}


def _settled(column: Column, declared: Input | None) -> Column:
    if declared is None:
        return column
    if isinstance(column, np.ndarray):
        return _ints(column.tolist()) if declared.type == "int" and column.dtype.kind == "f" else column
    kinds = set(map(type, column))
    if list in kinds and not declared.list and declared.length is None:
        # [v] of a [n, 1] tensor is v.
        column = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in column]
        kinds = set(map(type, column))
    if declared.type == "string":
        return _texts(column) if kinds & {dict, float, list} else column
    return _ints(column) if declared.type == "int" and kinds & {float, list} else column


def _is_box(name: str, served: Served) -> bool:
    return name in served.tensors and served.tensors[name].shape == (1,)


def _boxed(column: Column) -> Column:
    """A column [n] as the tensor [n, 1]: no table has another for it."""
    if isinstance(column, np.ndarray):
        return column.reshape(-1, 1) if column.ndim == 1 else column
    return column if list in set(map(type, column)) else [[value] for value in column]


def _ints(column: list[Any]) -> list[Any]:
    """Whole floats as ints, NaN as missing."""
    return [_int(value) for value in column]


def _int(value: Any) -> Any:
    if isinstance(value, list):
        return [_int(part) for part in value]
    if not isinstance(value, float):
        return value
    return None if isnan(value) else int(value) if value.is_integer() else value


def _texts(column: list[Any]) -> list[Any]:
    """NaN as missing, and {"b64": …} as the text that it holds."""
    return [_text(value) for value in column]


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(part) for part in value]
    if isinstance(value, float) and isnan(value):
        return None
    if not isinstance(value, dict) or value.keys() != {"b64"}:
        return value
    try:
        return a2b_base64(value["b64"], strict_mode=True).decode()
    except (TypeError, ValueError) as error:
        raise BadRequest('a {"b64": …} here must be base64 of UTF-8 text') from error


def _width(declared: Input) -> int:
    return declared.length or 1


def _joined(columns: Sequence[Column]) -> Column:
    """Columns side by side: a row of each is one vector."""
    if columns and all(isinstance(column, np.ndarray) for column in columns):
        joined: NDArray[Any] = np.column_stack([np.asarray(column) for column in columns])
        return joined
    return [list(row) for row in zip(*columns, strict=True)]


def _noun(value: Any) -> str:
    nouns = {type(None): "null", dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return nouns.get(type(value), "a number")
