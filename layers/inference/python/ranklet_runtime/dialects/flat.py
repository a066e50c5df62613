"""Features of all sides under one roof, as every protocol but ours sends them: given back to user, context and items.

A user's or context's column that holds one value, or as many equal ones as there are candidates, is that of the request
and is computed once. When one of them differs between rows, every row has its own user.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from operator import itemgetter
from typing import Any

from ranklet_features.errors import InputError
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.messages import RankRequest

Columns = Mapping[str, list[Any]]


def transposed(rows: list[dict[str, Any]]) -> Columns:
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


def request(columns: Columns, manifest: Manifest, form: str) -> RankRequest:
    """The request that the columns make up; `form` is the dialect's note.

    An unknown name goes to the items: the features know whether to refuse or to ignore it.
    """
    sides: dict[str, dict[str, Any]] = {"user": {}, "context": {}, "item": {}}
    for name, column in columns.items():
        declared = manifest.spec.inputs.get(name)
        sides[declared.side if declared else "item"][name] = column
    user, context, items = sides["user"], sides["context"], sides["item"]
    once = [*user.values(), *context.values()]
    counts = [len(column) for name, column in items.items() if name in manifest.spec.inputs] or list(map(len, once))
    count = max(counts, default=0)
    if all(_constant(column, count) for column in once):
        user, context = ({name: column[0] for name, column in side.items()} for side in (user, context))
        return RankRequest(user, context, items, form=form)
    user, context = ({name: _stretched(column, count) for name, column in side.items()} for side in (user, context))
    return RankRequest(user, context, items, per_row=True, form=form)


def _constant(column: list[Any], count: int) -> bool:
    """Whether it is one value for all: alone, or `count` equal ones of one type (True equals 1, but is no number)."""
    if len(column) == 1:
        return True
    return len(column) == count > 0 and column.count(column[0]) == count and len(set(map(type, column))) == 1


def _stretched(column: list[Any], count: int) -> list[Any]:
    return column * count if len(column) == 1 else column


def row_place(error: InputError, asked: RankRequest, rows: str) -> str:
    """`$.<rows>[3].price`: where a value of a row form stood; what all rows share is shown in the first."""
    row, *rest = error.index if _own(error, asked) and error.index else (0, *error.index)
    return f"$.{rows}[{row}].{error.name}" + "".join(f"[{i}]" for i in rest)


def column_place(error: InputError, asked: RankRequest, columns: str) -> str:
    """`$.<columns>.price[3]`: where a value of a column form stood; a single value was a column of one."""
    sent = error.name in asked.user or error.name in asked.context
    index = (0, *error.index) if sent and not _own(error, asked) else error.index
    return f"$.{columns}.{error.name}" + "".join(f"[{i}]" for i in index)


def _own(error: InputError, asked: RankRequest) -> bool:
    """Whether the input has a value for every row, so that the error's index starts with one."""
    return error.side == "item" or asked.per_row
