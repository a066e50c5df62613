"""An encoder, asked: rows that are all alike but for one column, and what comes out of that column."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Floats
from ranklet.importers.sklearn.loading import need

MAX_CELLS = 1 << 25
_REFUSED = (ValueError, TypeError, KeyError, IndexError)


class Asked:
    """estimator: fitted, with `categories_`."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self._pandas = need("pandas")
        count = len(estimator.categories_)
        self._names = [str(name) for name in getattr(estimator, "feature_names_in_", range(count))]
        self._base = [self._first(number) for number in range(count)]
        self._ends = np.cumsum(self._widths()).tolist()

    def categories(self, number: int) -> Any:
        """Of a column."""
        return np.asarray(self.estimator.categories_[number])

    def takes(self, number: int, value: Any) -> bool:
        """Whether it transforms this value."""
        try:
            self.rows(number, [value])
        except _REFUSED:
            return False
        return True

    def rows(self, number: int, values: list[Any]) -> Floats:
        """What each value of a column becomes: [values, columns]."""
        start = self._ends[number - 1] if number else 0
        if len(values) * (self._ends[number] - start) > MAX_CELLS:
            raise ImportRefused(
                f"makes {self._ends[number] - start} columns of one; use min_frequency, max_categories or an embedding"
            )
        frame = self._pandas.DataFrame(
            {
                name: self._column(at, values if at == number else [self._base[at]] * len(values))
                for at, name in enumerate(self._names)
            }
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unknown categories, asked for on purpose
            given = frame if hasattr(self.estimator, "feature_names_in_") else self._bare(frame)
            found = self.estimator.transform(given)
        part = (
            found[:, start : self._ends[number]]
            if not hasattr(found, "iloc")
            else found.iloc[:, start : self._ends[number]]
        )
        made: Floats = np.asarray(part.toarray() if hasattr(part, "toarray") else part, np.float64)
        return made

    def _bare(self, frame: Any) -> Any:
        kinds = {self.categories(at).dtype.kind for at in range(len(self._names))}
        return frame.to_numpy(dtype=object) if kinds & set("OUT") else frame.to_numpy(dtype=np.float64)

    def _column(self, number: int, values: list[Any]) -> Any:
        text = self.categories(number).dtype.kind in "OUT"
        return self._pandas.Series(values, dtype=object if text else np.float64)

    def _first(self, number: int) -> Any:
        found = self.categories(number)
        if not len(found):
            raise ImportRefused(f"column {self._names[number]!r} has no categories; save the model again")
        return found[0]

    def _widths(self) -> list[int]:
        estimator, name = self.estimator, type(self.estimator).__name__
        if name == "OneHotEncoder":
            return [int(count) for count in estimator._n_features_outs]
        several = name == "TargetEncoder" and estimator.target_type_ == "multiclass"
        return [len(estimator.classes_) if several else 1] * len(self._base)
