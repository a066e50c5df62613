"""XGBoost inside a MOJO: its base score or a row's offset, the sum of its trees, and its objective, in 32 bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.h2o import booster, boosting, slots
from ranklet.importers.h2o.booster import Booster
from ranklet.importers.h2o.columns import Cell, Columns
from ranklet.importers.h2o.mojo import Mojo, refuse_unknown
from ranklet.importers.h2o.results import Scored, binomial, first_best
from ranklet.importers.h2o.slots import FLOAT
from ranklet.importers.tape import Tape

ONE = np.array(1, np.float32)


def score(mojo: Mojo, cells: Sequence[Cell], columns: Columns, offset: str | None) -> Scored:
    """Raises ImportRefused for an objective that is not served, and for trees that are none."""
    tape, model = columns.tape, booster.read(mojo.blob("boosterBytes"))
    if model.kind != "gbtree" and mojo.number("mojo_version") == 1.0:
        raise ImportRefused(
            f"mojo_version 1.00 has a {model.kind} whose categories are coded otherwise; export it again"
        )
    if model.objective not in OBJECTIVES:
        raise refuse_unknown("objective", model.objective, list(OBJECTIVES))
    if model.outputs != (mojo.classes if mojo.classes > 2 else 1):
        raise ImportRefused(f"its booster has {model.outputs} outputs for {mojo.classes} classes")
    given = slots.of(mojo, cells, model)
    base = _base(model)
    start = tape.constant(np.full((1, 1), base)) if offset is None else tape.op("Cast", offset, to=FLOAT)
    if model.weights is not None:
        sums = boosting.linear(given, cells, columns, model.weights, start)
    else:
        sums = boosting.trees(given, cells, columns, model, base if offset is None else None, start)
    return _said(mojo, tape, OBJECTIVES[model.objective](tape, sums))


def _base(model: Booster) -> np.float32:
    """As a margin: since version 1 the file has it as what the objective makes of it."""
    if model.version[0] < 1:
        return model.base
    link = OBJECTIVES[model.objective]
    with np.errstate(all="ignore"):
        if link is _sigmoid:
            found = np.float32(-np.log(np.float64(ONE / model.base - ONE)))
        else:
            found = np.float32(np.log(np.float64(model.base))) if link is _exponent else model.base
    if not np.isfinite(found):
        raise ImportRefused(f"its base score {model.base} has no margin")
    return found


def _said(mojo: Mojo, tape: Tape, told: str) -> Scored:
    if mojo.classes > 2:
        wide = tape.doubles(told)
        return Scored(tuple(tape.columns(wide, [at]) for at in range(mojo.classes)), first_best(tape, wide))
    if mojo.classes == 2:
        no = tape.doubles(tape.op("Sub", ONE, told))
        return binomial(tape, tape.doubles(told), no, mojo.number("default_threshold"))
    return Scored((tape.doubles(told),))


def _identity(tape: Tape, sums: str) -> str:
    return sums


def _narrow_exp(tape: Tape, sums: str) -> str:
    return tape.op("Cast", tape.op("Exp", tape.doubles(sums)), to=FLOAT)


def _exponent(tape: Tape, sums: str) -> str:
    return _narrow_exp(tape, sums)


def _sigmoid(tape: Tape, sums: str) -> str:
    return tape.op("Div", ONE, tape.op("Add", ONE, _narrow_exp(tape, tape.op("Neg", sums))))


def _softmax(tape: Tape, sums: str) -> str:
    odds = _narrow_exp(tape, tape.op("Sub", sums, tape.op("ReduceMax", sums, [1], keepdims=1)))
    return tape.op("Div", odds, tape.op("Cast", tape.total(tape.doubles(odds)), to=FLOAT))


OBJECTIVES: Mapping[str, Callable[[Tape, str], str]] = {
    **dict.fromkeys(("binary:logistic", "reg:logistic"), _sigmoid),
    **dict.fromkeys(("reg:linear", "reg:squarederror", "rank:pairwise", "rank:ndcg", "binary:logitraw"), _identity),
    **dict.fromkeys(("reg:gamma", "reg:tweedie", "count:poisson"), _exponent),
    "multi:softprob": _softmax,
}
"""Those that H2O's scorer knows."""
