"""scikit-learn itself on raw rows: a DataFrame where the model knows names, an array where it does not."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.proposal import Columns
from ranklet.importers.sklearn.choice import Choice
from ranklet.importers.sklearn.drawing import REACHES, Drawn
from ranklet.importers.sklearn.loading import need
from ranklet.importers.sklearn.sources import VECTOR, Column, Sources

FAULTS = (AttributeError, ArithmeticError, IndexError, KeyError, RuntimeError, TypeError, ValueError)
PROBES = 64


class Own:
    """The model's chosen output."""

    def __init__(self, model: Any, chosen: Choice, sources: Sources) -> None:
        self._model, self._chosen, self._sources = model, chosen, sources
        self.name = f"scikit-learn {need('sklearn').__version__}"

    def scores(self, columns: Columns) -> NDArray[Any]:
        """As the protocol says. Raises ImportRefused where the library fails."""
        try:
            found = np.asarray(self._asked(self.frame(columns)), np.float64)
        except FAULTS as error:
            said = f"{type(error).__name__}: {error}"[:400]
            raise ImportRefused(f"{self.name} does not score drawn rows: {said}") from error
        if found.ndim == 2 and self._chosen.column is None and found.shape[1] == 1:
            return found[:, 0]
        if found.ndim == 2 and self._chosen.column is None:
            raise ImportRefused(f"predicts {found.shape[1]} numbers a row; say which one ranks: -o column=0")
        if found.ndim == 2:
            if not 0 <= (self._chosen.column or 0) < found.shape[1]:
                raise ImportRefused(f"-o column={self._chosen.column} is not there; it has 0 to {found.shape[1] - 1}")
            return found[:, self._chosen.column or 0]
        if self._chosen.column:
            raise ImportRefused(f"-o column={self._chosen.column} is not there: it predicts one number a row")
        return found

    def frame(self, columns: Columns) -> Any:
        """What the library takes of raw values."""
        sources = self._sources
        count = len(next(iter(columns.values())))
        if sources.vector:
            rows = columns.get(VECTOR) or [[0.0] * len(sources.names)] * count
            return np.array([[np.nan if value is None else value for value in row] for row in rows], np.float64)
        if sources.form == "terms":
            return [list(row) for row in columns[sources.names[0]]]
        if sources.form == "dicts":
            return [
                {name: value for name, value in zip(columns, row, strict=True) if value is not None}
                for row in zip(*columns.values(), strict=True)
            ]
        if sources.form == "array" and all(column.kind not in ("string", "terms") for column in sources.columns):
            blank = [0.0] * count
            return np.stack([_array(columns.get(one.name, blank), one) for one in sources.columns], axis=1)
        pandas = need("pandas")
        values = {
            column.name: _array(columns.get(column.name, _blank(column, count)), column) for column in sources.columns
        }
        frame = pandas.DataFrame({name: pandas.Series(one, dtype=one.dtype) for name, one in values.items()})
        return frame if sources.form == "frame" else frame.to_numpy(dtype=object)

    def probe(self) -> None:
        """Ask of each column whether a missing value is taken. Raises ImportRefused where the library fails anyhow."""
        random = np.random.default_rng(0)
        base = self._base(random)
        for column in self._sources.columns:
            if not column.missing or column.kind == "int":
                continue
            gone = {**base, column.name: [None] * PROBES}
            column.missing = self._fault(gone) is None

    def _base(self, random: np.random.Generator) -> dict[str, list[Any]]:
        """Rows that the library predicts, of numbers as far away as it takes them."""
        fault: str | None = None
        for reach in REACHES:
            self._sources.reach = reach
            columns = self._sources.columns
            base = {
                one.name: Drawn((self._sources.drawn(one, missing=False),), reach).values(random, PROBES)
                for one in columns
            }
            if (found := self._fault(base)) is None:
                return base
            fault = fault or found
        raise ImportRefused(f"{type(self._model).__name__} does not predict: {fault}")

    def _fault(self, columns: dict[str, list[Any]]) -> str | None:
        if self._sources.vector:
            columns = {VECTOR: [list(row) for row in zip(*columns.values(), strict=True)]}
        try:
            self._asked(self.frame(columns))
        except FAULTS as error:
            return f"{type(error).__name__}: {error}"[:300]
        return None

    def _asked(self, frame: Any) -> NDArray[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # unknown categories and overflow are asked for on purpose
            with np.errstate(all="ignore"):
                return np.asarray(getattr(self._model, self._chosen.method)(frame))


def _blank(column: Column, count: int) -> list[Any]:
    """Of a column that nothing reads."""
    blank: Any = {"int": 0, "string": "", "terms": []}.get(column.kind or "", 0.0)
    return [blank] * count


def _array(values: Any, column: Column) -> NDArray[Any]:
    if column.kind == "terms":
        lists = np.empty(len(values), object)
        lists[:] = [list(value) for value in values]
        return lists
    if column.kind == "string":
        found = np.empty(len(values), object)
        found[:] = [np.nan if value is None else value for value in values]
        return found
    if column.kind == "int":
        return np.array(values, np.int64)
    return np.array([np.nan if value is None else value for value in values], np.float64)
