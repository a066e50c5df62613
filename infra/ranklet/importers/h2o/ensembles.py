"""Stacked ensembles: what other models say of a row is what one more model, the metalearner, reads.

Two classes give one column a model, the second's probability; more give one for each class; a regression one.
A model whose column's weight is 0 is left out of the file: its column is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from ranklet.errors import ImportRefused
from ranklet.importers.h2o import compiling, encodings
from ranklet.importers.h2o.columns import Cell, Columns, Level, Number
from ranklet.importers.h2o.mojo import Mojo, refuse_unknown
from ranklet.importers.h2o.results import Scored
from ranklet.importers.tape import Tape

TRANSFORMS = ("NONE", "Logit")
MAX_MODELS = 1_000
LEAST, LOWEST = 1e-9, -19.0


def score(mojo: Mojo, cells: Sequence[Cell], columns: Columns, offset: str | None) -> Scored:
    """Raises ImportRefused for a model that is not served, by its place."""
    count = mojo.whole("base_models_num", 0)
    if not 1 <= count <= MAX_MODELS:
        raise ImportRefused(f"base_models_num = {count}; served are 1 to {MAX_MODELS}")
    transform = mojo.text("metalearner_transform", "NONE")
    if transform not in TRANSFORMS:
        raise refuse_unknown("metalearner_transform", transform, TRANSFORMS)
    places = _places(mojo)
    wide = mojo.classes if mojo.classes > 2 else 1
    given = list[str]()
    for at in range(count):
        key = mojo.text(f"base_model{at}", "")
        given += _said(mojo, key, cells, columns, places) if key else [_zeros(columns)] * wide
    if transform == "Logit":
        given = [_logit(columns.tape, one) for one in given]
    last = _inside(mojo, mojo.text("metalearner"), places)
    if len(last.features) != len(given) or last.text("offset_column", ""):
        raise ImportRefused(f"its metalearner reads {len(last.features)} columns, and its models give {len(given)}")
    return compiling.inner(last, [Number(one) for one in given], columns)


def _places(mojo: Mojo) -> dict[str, str]:
    """Key of a model → its folder."""
    return {
        mojo.text(f"submodel_key_{at}"): mojo.text(f"submodel_dir_{at}") for at in range(mojo.whole("submodel_count"))
    }


def _inside(mojo: Mojo, key: str, places: dict[str, str]) -> Mojo:
    if key not in places:
        raise ImportRefused(f"it names the model {key[:60]!r}, which it does not hold")
    return mojo.inside(places[key])


def _said(mojo: Mojo, key: str, cells: Sequence[Cell], columns: Columns, places: dict[str, str]) -> list[str]:
    """What the metalearner reads of one model."""
    model = _inside(mojo, key, places)
    if (encoding := model.text(encodings.KEY, "AUTO")) not in encodings.PLAIN:
        raise ImportRefused(f"its model {key} encodes its categories by {encoding}, which ensembles do not")
    if model.text("offset_column", ""):
        raise ImportRefused(f"its model {key} has an offset, which H2O's scorer leaves out; train it without")
    try:
        scored = compiling.inner(model, _cells(model, mojo, cells), columns)
    except ImportRefused as error:
        raise ImportRefused(f"its model {key}: {error}") from error
    if mojo.classes > 2:
        if len(scored.values) != mojo.classes:
            raise ImportRefused(f"its model {key} has {len(scored.values)} classes of {mojo.classes}")
        return list(scored.values)
    if not scored.values or (mojo.classes == 2 and len(scored.values) != 2):
        raise ImportRefused(f"its model {key} tells no {'probability' if mojo.classes == 2 else 'number'}")
    return [scored.values[mojo.classes - 1]]


def _cells(model: Mojo, mojo: Mojo, cells: Sequence[Cell]) -> list[Cell]:
    """The ensemble's columns in the model's order. Raises ImportRefused where their levels differ."""
    known = dict(zip(mojo.features, cells, strict=True))
    found = list[Cell]()
    for at, name in enumerate(model.features):
        if name not in known:
            raise ImportRefused(f"it reads the column {name!r}, which the ensemble does not have")
        cell = known[name]
        if (cell.domain if isinstance(cell, Level) else None) != model.domains.get(at):
            raise ImportRefused(f"its levels of column {name!r} differ from the ensemble's")
        found.append(cell)
    return found


def _zeros(columns: Columns) -> str:
    return columns.tape.op("Mul", columns.rows(), 0.0)


def _logit(tape: Tape, given: str) -> str:
    held = tape.op("Min", tape.op("Max", given, LEAST), 0.999999999)
    return tape.op("Max", tape.op("Log", tape.op("Div", held, tape.op("Sub", 1.0, held))), LOWEST)
