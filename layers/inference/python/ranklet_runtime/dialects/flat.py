"""Features of all sides under one roof, as every protocol but ours sends them: given back to user, context and items.

A user's or context's column that holds one value, or as many equal ones as there are candidates, is that of the request
and is computed once. When one of them differs between rows, every row has its own user.

Names decide what a client sends: raw features, of which tensors are assembled here, or the tensors themselves, as it
sent them to the server it had before. Where a set of names would do for both, it is raw features.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import InputError
from ranklet_features.kinds.base import Tensor
from ranklet_features.stored import found_name
from ranklet_runtime.messages import RankRequest, RankResult
from ranklet_runtime.served import Served

Column = list[Any] | NDArray[Any]
Columns = Mapping[str, Column]
Lists = Mapping[str, list[Any]]


def transposed(rows: list[dict[str, Any]]) -> Lists:
    """Rows by name as columns; what a row leaves out is None there."""
    try:
        columns = {name: list(map(itemgetter(name), rows)) for name in rows[0]}
    except KeyError:
        columns = None
    if columns is not None and set(map(len, rows)) == {len(columns)}:
        return columns
    # Rows that name different features.
    names = dict.fromkeys(chain.from_iterable(rows))
    return {name: [row.get(name) for row in rows] for name in names}


def request(
    columns: Columns, served: Served, form: Any, *, tensors: bool | None = None, rows: int | None = None
) -> RankRequest:
    """The request that the columns make up; `form` is the dialect's note.

    tensors: whether names are those of tensors, None where they decide that. rows: how many rows there are, where the
    form of the request says so; an item's column of one is then that of all.
    An unknown name goes to the items: the features know whether to refuse or to ignore it.
    """
    tensors = are_tensors(columns, served) if tensors is None else tensors
    declared: Mapping[str, Any] = served.tensors if tensors else served.inputs
    sides: dict[str, dict[str, Any]] = {"user": {}, "context": {}, "item": {}}
    for name, column in columns.items():
        known = declared.get(name)
        sides[known.side if known else "item"][name] = column
    user, context, items = sides["user"], sides["context"], sides["item"]
    once = [*user.values(), *context.values()]
    if rows is not None:
        items = {name: _stretched(column, rows) for name, column in items.items()}
    leading = [len(column) for name, column in items.items() if name in declared]
    count = max(leading or map(len, once), default=0) if rows is None else rows
    # Where no item says how many rows there are, the user's rows do, be they equal or not.
    if (leading or count <= 1) and all(len(column) == 1 or _constant(column, count) for column in once):
        user, context = ({name: _first(column) for name, column in side.items()} for side in (user, context))
        return RankRequest(user, context, items, form=form, tensors=tensors)
    user, context = ({name: _stretched(column, count) for name, column in side.items()} for side in (user, context))
    return RankRequest(user, context, items, per_row=True, form=form, tensors=tensors)


def required(served: Served) -> Mapping[str, Tensor]:
    """The tensors that a client must send who sends tensors: what stands in for a step may be left out."""
    stored = served.manifest.stored
    return {
        name: tensor
        for name, tensor in served.tensors.items()
        if name not in stored and not any(name == found_name(one) for one in stored)
    }


def are_tensors(names: Mapping[str, Any], served: Served) -> bool:
    """Whether a client that sends these names sends tensors rather than raw features."""
    inputs, tensors = served.inputs.keys(), served.tensors.keys()
    return not names.keys() <= inputs and len(names.keys() & tensors) > len(names.keys() & inputs)


def degraded(result: RankResult) -> dict[str, str]:
    """The header that counts what was defaulted, in protocols whose bodies have no place for it."""
    counts = ", ".join(f"{reason}={count}" for reason, count in result.degraded.items())
    return {"x-ranklet-degraded": counts} if counts else {}


def told(result: RankResult, served: Served) -> dict[str, Column]:
    """Every output by name, the scores first."""
    return {served.score: result.scores, **result.outputs}


def _constant(column: Column, count: int) -> bool:
    """Whether it is one value for all: `count` equal ones of one type (True equals 1, but is no number)."""
    if not len(column) == count > 0:
        return False
    if isinstance(column, np.ndarray):
        return bool((column == column[0]).all())
    return column.count(column[0]) == count and len(set(map(type, column))) == 1


def _first(column: Column) -> Any:
    """The one value, in Python's own types: that is how features take what comes once."""
    if not isinstance(column, np.ndarray):
        return column[0]
    return column.item() if column.size == 1 and column.ndim == 1 else column[0].tolist()


def _stretched(column: Column, count: int) -> Column:
    if len(column) != 1:
        return column
    return np.repeat(column, count, 0) if isinstance(column, np.ndarray) else column * count


def row_place(error: InputError, asked: RankRequest, rows: str) -> str:
    """`$.<rows>[3].price`: where a value of a row form stood; what all rows share is shown in the first."""
    row, *rest = error.index if _own(error, asked) and error.index else (0, *error.index)
    return f"$.{rows}[{row}].{error.name}" + "".join(f"[{i}]" for i in rest)


def column_place(error: InputError, asked: RankRequest, columns: str) -> str:
    """`$.<columns>.price[3]`: where a value of a column form stood; a single value was a column of one."""
    sent = error.name in asked.user or error.name in asked.context
    index = (0, *error.index) if sent and not _own(error, asked) else error.index
    return f"$.{columns}.{error.name}" + "".join(f"[{i}]" for i in index)


def shared_place(error: InputError, asked: RankRequest, shared: str) -> str:
    """`$.<shared>.price`: where a value stood that was written once for all rows."""
    index = error.index[1:] if _own(error, asked) else error.index
    return f"$.{shared}.{error.name}" + "".join(f"[{i}]" for i in index)


def _own(error: InputError, asked: RankRequest) -> bool:
    """Whether the input has a value for every row, so that the error's index starts with one."""
    return error.side == "item" or asked.per_row
