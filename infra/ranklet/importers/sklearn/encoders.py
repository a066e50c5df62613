"""OneHotEncoder, OrdinalEncoder, TargetEncoder: the encoder itself is asked what each category becomes.

So its own rules hold: drop, infrequent categories, unknown and missing ones. Text, and whole numbers of a raw column,
find their id in feature assembly; numbers that were computed find it in the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.asking import Asked
from ranklet.importers.sklearn.frames import Coded, Floats, Frame, Hot, Numbers, Raw

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

MAX_CELLS = 1 << 26


def transform(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """A piece for each column."""
    columns = walk.split(frame)
    if len(columns) != len(estimator.categories_):
        raise ImportRefused(f"knows {len(estimator.categories_)} columns and gets {len(columns)}; save the model again")
    asked = Asked(estimator)
    return tuple(
        piece for number, column in enumerate(columns) if (piece := _piece(walk, asked, number, column)).width > 0
    )


def _piece(walk: Walk, asked: Asked, number: int, column: Raw | Numbers) -> Hot | Coded:
    categories = asked.categories(number)
    if categories.dtype.kind in "OUT":
        if isinstance(column, Numbers):
            raise ImportRefused(f"column {number} has categories of text and gets numbers; save the model again")
        return _text(walk, asked, number, column, _words(categories, walk.sources.names[column.column]))
    if isinstance(column, Raw) and categories.dtype.kind in "iu" and column.fill is None:
        return _whole(walk, asked, number, column, categories)
    return _numbers(walk, asked, number, column, categories)


def _text(walk: Walk, asked: Asked, number: int, column: Raw, words: list[str]) -> Hot | Coded:
    gone = np.nan if column.fill is None else column.fill
    missing = asked.takes(number, gone)
    strange = asked.takes(number, "\x00unknown")
    rows: list[Any] = [*words, gone if missing else words[0]] + (["\x00unknown"] if strange else [])
    ids = walk.sources.ids(column.column, words, strange=strange, missing=missing)
    return _found(ids, asked, number, rows)


def _whole(walk: Walk, asked: Asked, number: int, column: Raw, categories: Any) -> Hot | Coded:
    words = [int(value) for value in categories]
    unknown = max(words) + 1
    strange = asked.takes(number, unknown)
    ids = walk.sources.ids(column.column, words, strange=strange, missing=False)
    return _found(ids, asked, number, [*words, unknown] if strange else words)


def _numbers(walk: Walk, asked: Asked, number: int, column: Raw | Numbers, categories: Any) -> Hot | Coded:
    """In the graph: id 0 is unknown, then the categories, then NaN. What the encoder refuses makes a score of NaN."""
    known = np.asarray(categories, np.float64)
    known = known[~np.isnan(known)]
    if not len(known):
        raise ImportRefused(f"column {number} has no category but missing ones; drop it from the pipeline")
    unknown = float(known.max()) + 1
    rows = [unknown, *known.tolist(), np.nan]
    taken = [index for index, value in enumerate(rows) if 0 < index <= len(known) or asked.takes(number, value)]
    answers = asked.rows(number, [rows[index] for index in taken])
    table: Floats = np.full((len(rows), answers.shape[1]), np.nan)
    table[taken] = answers
    tape = walk.tape
    origin = column.column if isinstance(column, Raw) else column.origin
    if origin is not None and 0 in taken:
        walk.sources.hint(origin, [*known.tolist(), unknown])
    elif origin is not None:
        walk.sources.only(origin, known)
    values = walk.dense((column,))
    matches = tape.doubles(tape.op("Equal", values, known[None]))
    found = tape.op("MatMul", matches, np.arange(1.0, len(known) + 1)[:, None])
    found = tape.op("Where", tape.op("IsNaN", values), float(len(known) + 1), found)
    ids = tape.op("Reshape", tape.op("Cast", found, to=7), [-1])
    return Coded(ids, table)


def _found(ids: str, asked: Asked, number: int, values: list[Any]) -> Hot | Coded:
    """What each value's id is looked up for."""
    if asked.hot:
        place, columns = asked.places(number, values)
        return Hot(ids, place, columns)
    return Coded(ids, asked.rows(number, values))


def _words(categories: Sequence[Any], column: str) -> list[str]:
    """Texts, without the missing ones."""
    found = [value for value in categories if value is not None and value == value]
    if strange := [value for value in found if not isinstance(value, str)]:
        kind = type(strange[0]).__name__
        raise ImportRefused(f"column {column!r} mixes text with {kind}; make it one type before training")
    if not found:
        raise ImportRefused(f"column {column!r} has no category but missing ones; drop it from the pipeline")
    return [str(value) for value in found]
