"""A MOJO's model on a tape: the algorithm's `score0`, and for ensembles those of their models."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from ranklet.importers.h2o import encodings
from ranklet.importers.h2o.columns import Cell, Columns, Number
from ranklet.importers.h2o.mojo import Mojo, refuse_unknown
from ranklet.importers.h2o.results import Scored

ALGORITHMS: Mapping[str, str] = {
    "deeplearning": "ranklet.importers.h2o.networks",
    "drf": "ranklet.importers.h2o.forests",
    "gbm": "ranklet.importers.h2o.forests",
    "glm": "ranklet.importers.h2o.linear",
    "isolationforest": "ranklet.importers.h2o.forests",
    "kmeans": "ranklet.importers.h2o.clusters",
    "stackedensemble": "ranklet.importers.h2o.ensembles",
    "xgboost": "ranklet.importers.h2o.boosters",
}
"""Algorithm → the module whose `score` writes it. To add one: a module, and a line here."""


class Algorithm(Protocol):
    """A module of ALGORITHMS."""

    def score(self, mojo: Mojo, cells: Sequence[Cell], columns: Columns, offset: str | None) -> Scored:
        """What `score0` makes of a row. cells: one for each feature. offset: double [n, 1], None where it has none."""
        ...


def score(mojo: Mojo, columns: Columns) -> Scored:
    """Of a whole file. Raises ImportRefused naming what is not served."""
    return inner(mojo, encodings.cells(mojo, columns), columns, offset=_offset(mojo, columns))


def inner(mojo: Mojo, cells: Sequence[Cell], columns: Columns, *, offset: str | None = None) -> Scored:
    """Of one model, fed by cells that may be another model's outputs."""
    if mojo.algorithm not in ALGORITHMS:
        raise refuse_unknown("algo", mojo.algorithm, sorted(ALGORITHMS))
    module = cast(Algorithm, importlib.import_module(ALGORITHMS[mojo.algorithm]))
    return module.score(mojo, cells, columns, offset)


def _offset(mojo: Mojo, columns: Columns) -> str | None:
    """The column that is added before the link."""
    name = mojo.text("offset_column", "")
    if not name:
        return None
    cell = columns.cell(name, None)
    columns.needed.add(name)
    assert isinstance(cell, Number)
    return cell.tensor
