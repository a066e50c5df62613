"""An encoder, asked: rows that are all alike but for one column, and what comes out of that column."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Floats, Ints
from ranklet.importers.sklearn.loading import need

MAX_CELLS = 1 << 25
_REFUSED = (ValueError, TypeError, KeyError, IndexError)


class Asked:
    """estimator: fitted, with `categories_`."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = copy.copy(estimator)
        self.hot = type(estimator).__name__ == "OneHotEncoder"
        if self.hot:
            self.estimator.sparse_output = True  # a million categories are a row of as many columns each
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
            self._part(number, [value])
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
        part = self._part(number, values)
        made: Floats = np.asarray(part.toarray() if hasattr(part, "toarray") else part, np.float64)
        return made

    def places(self, number: int, values: list[Any]) -> tuple[Ints, int]:
        """Of a OneHotEncoder, where each value's 1 stands, -1 for none; and how many columns there are."""
        part = self._part(number, values).tocsr()
        part.eliminate_zeros()
        counts = np.diff(part.indptr)
        if (counts > 1).any() or (part.data != 1).any():
            raise ImportRefused("makes other numbers than one 1 a row; save the model again")
        found = np.full(len(values), -1)
        found[counts == 1] = part.indices
        return found.astype(np.int64), int(part.shape[1])

    def _part(self, number: int, values: list[Any]) -> Any:
        """The columns that one column becomes."""
        start, end = self._ends[number - 1] if number else 0, self._ends[number]
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
        if self.hot:
            found.check_format(full_check=True)  # compiled code would write where a damaged encoder points
        return found.iloc[:, start:end] if hasattr(found, "iloc") else found[:, start:end]

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
