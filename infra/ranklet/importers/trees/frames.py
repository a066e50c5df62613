"""Raw rows as the libraries take them: an array of numbers, or a data frame where features are categories."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ranklet.importers.proposal import Columns
from ranklet.importers.trees.drafting import Given
from ranklet.importers.trees.serving import COLUMN


def framed(given: Given) -> bool:
    """Whether rows are a data frame."""
    return bool(given.texts)


def ready(given: Given) -> Given:
    """The same. Raises ImportError where rows are a data frame and there is no pandas."""
    if framed(given):
        importlib.import_module("pandas")  # an extra
    return given


def of(given: Given, columns: Columns, dtype: DTypeLike) -> Any:
    """The rows of raw inputs."""
    ensemble = given.ensemble
    if not ensemble.names:
        (vectors,) = columns.values()
        return np.array([_numbers(vector, dtype) for vector in vectors], dtype).reshape(-1, ensemble.width)
    made = [
        columns[name] if at in given.texts else _numbers(columns[name], dtype) for at, name in enumerate(ensemble.names)
    ]
    if not framed(given):
        return np.stack(made, axis=1)
    import pandas  # an extra

    return pandas.DataFrame(
        {
            name: pandas.Categorical(column, _categories(columns[name], given.texts[at]))
            if at in given.texts
            else column
            for at, (name, column) in enumerate(zip(ensemble.names, made, strict=True))
        }
    )


def _categories(column: Sequence[Any], known: Sequence[Any]) -> Sequence[Any]:
    """As pandas finds them: those that come, in order; the library finds its own codes of them. None come: all."""
    return sorted({value for value in column if value is not None}) or list(known)


def ranking(given: Given, predictions: NDArray[Any]) -> NDArray[Any]:
    """The output that ranks [n], of all [n] or [n, outputs]."""
    column = given.options.get(COLUMN)
    return predictions.reshape(len(predictions), -1)[:, column or 0]


def _numbers(values: Sequence[Any], dtype: DTypeLike) -> NDArray[Any]:
    return np.array([np.nan if value is None else value for value in values], dtype)
