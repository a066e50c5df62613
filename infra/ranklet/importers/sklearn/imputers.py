"""SimpleImputer: NaN by a number, a missing text by a word; and the columns that tell where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Frame, Numbers, Raw

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk


def transform(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """As the estimator's `transform`."""
    columns = walk.split(frame)
    if type(estimator).__name__ == "MissingIndicator":
        return _indicated(walk, estimator, columns)
    fills = np.asarray(estimator.statistics_)
    if len(fills) != len(columns):
        raise ImportRefused(f"knows {len(fills)} columns and gets {len(columns)}; save the model again")
    made = [piece for at, one in enumerate(columns) if (piece := _filled(walk, estimator, one, fills[at])) is not None]
    if getattr(estimator, "indicator_", None) is not None:
        made += _indicated(walk, estimator.indicator_, columns)
    return tuple(made)


def _filled(walk: Walk, estimator: Any, column: Raw | Numbers, fill: Any) -> Raw | Numbers | None:
    if isinstance(fill, str):
        _plain(estimator)
        if not isinstance(column, Raw):
            raise ImportRefused("fills numbers with text; save the model again")
        return column if column.fill is not None else Raw(column.column, str(fill))
    if fill is None or fill != fill:
        if not getattr(estimator, "keep_empty_features", False) and estimator.strategy != "constant":
            return None
        raise ImportRefused(f"fills a column by {fill!r}; give it a fill_value")
    if isinstance(column, Raw):
        walk.sources.hint(column.column, [float(fill)])
    values = walk.dense((column,))
    origin = column.column if isinstance(column, Raw) else column.origin
    return Numbers(walk.tape.op("Where", _gone(walk, estimator, values), float(fill), values), 1, origin)


def _gone(walk: Walk, estimator: Any, values: str) -> str:
    marker = estimator.missing_values
    if marker is None or isinstance(marker, str):
        raise ImportRefused(f"takes {marker!r} of numbers for missing; use NaN")
    if marker != marker or type(marker).__name__ == "NAType":
        return walk.tape.op("IsNaN", values)
    return walk.tape.op("Equal", values, float(marker))


def _plain(estimator: Any) -> None:
    marker = estimator.missing_values
    if isinstance(marker, str) or marker == marker:
        raise ImportRefused(f"takes {marker!r} of texts for missing; served is NaN, as pandas reads it")


def _indicated(walk: Walk, estimator: Any, columns: list[Raw | Numbers]) -> tuple[Numbers, ...]:
    chosen = [int(at) for at in estimator.features_]
    if any(not 0 <= at < len(columns) for at in chosen):
        raise ImportRefused("tells of columns that are not there; save the model again")
    return tuple(Numbers(walk.tape.doubles(_gone(walk, estimator, walk.dense((columns[at],)))), 1) for at in chosen)
