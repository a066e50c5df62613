"""Generalized linear models: hex.genmodel's GlmMojoModel, GlmMultinomialMojoModel and GlmOrdinalMojoModel.

Categories come first: each has its coefficients from cat_offsets on, the first level none unless all levels have one. A
missing value is the column's mean or its most frequent level. eta = Σ coefficients + intercept + offset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.h2o.columns import NAN, Cell, Columns, Level, Number
from ranklet.importers.h2o.mojo import Mojo, refuse_unknown
from ranklet.importers.h2o.results import Scored, complement, first_best
from ranklet.importers.tape import Tape

Array = NDArray[np.float64]

BINOMIAL = ("binomial", "fractionalbinomial", "quasibinomial")
LEAST = 1e-5
"""Below it an inverse is taken of this."""


def score(mojo: Mojo, cells: Sequence[Cell], columns: Columns, offset: str | None) -> Scored:
    """Raises ImportRefused for a family or link that is not known, and for sizes that do not agree."""
    tape, family = columns.tape, mojo.text("family")
    if family == "multinomial":
        return _multinomial(mojo, sums(mojo, cells, columns), tape)
    if family == "ordinal":
        return _ordinal(mojo, sums(mojo, cells, columns), tape, offset)
    eta = sums(mojo, cells, columns)
    if offset is not None:
        eta = tape.op("Add", eta, offset)
    link = mojo.text("link")
    if link not in LINKS:
        raise refuse_unknown("link", link, list(LINKS))
    mean = LINKS[link](tape, eta, mojo)
    if family in BINOMIAL:
        return complement(tape, mean, mojo.number("default_threshold"))
    return Scored((mean,))


def sums(mojo: Mojo, cells: Sequence[Cell], columns: Columns) -> str:
    """Σ coefficients and intercept of each class, [n, k]."""
    cats, nums = mojo.whole("cats", 0), mojo.whole("nums", 0)
    classes = mojo.classes if mojo.text("family") in ("multinomial", "ordinal") else 1
    beta = mojo.doubles("beta")
    if not len(beta) or len(beta) % classes:
        raise ImportRefused(f"beta has {len(beta)} numbers for {classes} classes")
    weights = beta.reshape(classes, -1).T
    offsets = mojo.wholes("cat_offsets", size=cats + 1) if cats else [0]
    if sorted(offsets) != offsets or offsets[0] != 0 or len(weights) != offsets[-1] + nums + 1:
        raise ImportRefused(
            f"beta has {len(weights)} numbers a class; cat_offsets and nums need {offsets[-1] + nums + 1}"
        )
    if len(cells) != cats + nums or not all(isinstance(cell, Level) == (at < cats) for at, cell in enumerate(cells)):
        raise ImportRefused(f"it has {len(cells)} features; cats = {cats} and nums = {nums}, categories first")
    parts = [
        _category(mojo, cell, columns, weights[a:b], at)
        for at, (cell, a, b) in enumerate(zip(cells, offsets, offsets[1:], strict=False))
        if isinstance(cell, Level)
    ]
    if nums:
        parts.append(_numbers(mojo, cells[cats:], columns, weights[offsets[-1] : -1]))
    if not parts:
        parts.append(columns.rows())
    return columns.tape.op("Add", columns.tape.added(parts), weights[-1:])


def _category(mojo: Mojo, level: Level, columns: Columns, weights: Array, at: int) -> str:
    """weights [levels, k]: of the levels that have any."""
    table = np.zeros((len(level.domain), weights.shape[1]))
    first = 0 if mojo.flag("use_all_factor_levels", False) else 1
    filled = table[first : first + len(weights)]
    filled[:] = weights[: len(filled)]
    missing: Array | float = NAN
    if not mojo.flag("mean_imputation", False):
        columns.needed.add(level.column)
    else:
        mode = mojo.wholes("cat_modes")[at : at + 1]
        missing = table[mode[0]] if mode and 0 <= mode[0] < len(table) else np.zeros(weights.shape[1])
    return columns.lookup(level, table, missing)


def _numbers(mojo: Mojo, cells: Sequence[Cell], columns: Columns, weights: Array) -> str:
    assert all(isinstance(cell, Number) for cell in cells)
    tape, given = columns.tape, columns.matrix(cells)
    if mojo.flag("mean_imputation", False):
        means = mojo.doubles("num_means", size=len(cells))
        given = tape.op("Where", tape.op("IsNaN", given), means[None], given)
    return tape.op("MatMul", given, weights)


def _multinomial(mojo: Mojo, eta: str, tape: Tape) -> Scored:
    most = tape.op("Max", tape.op("ReduceMax", eta, [1], keepdims=1), 0.0)
    shares = tape.op("Exp", tape.op("Sub", eta, most))
    classes = tape.op("Div", shares, tape.total(shares))
    return Scored(tuple(tape.columns(classes, [at]) for at in range(mojo.classes)), first_best(tape, classes))


def _ordinal(mojo: Mojo, eta: str, tape: Tape, offset: str | None) -> Scored:
    """Of each class the probability up to it; the last of all, whose sum is not used."""
    if offset is not None:
        eta = tape.op("Add", eta, offset)
    below = tape.columns(logistic(tape, eta), range(mojo.classes - 1))
    zero = tape.op("Mul", tape.columns(below, [0]), 0.0)
    upper, lower = tape.joined([below, tape.op("Add", zero, 1.0)]), tape.joined([zero, below])
    classes = tape.op("Sub", upper, lower)
    return Scored(tuple(tape.columns(classes, [at]) for at in range(mojo.classes)), first_best(tape, classes))


def logistic(tape: Tape, eta: str) -> str:
    """1 / (exp(-eta) + 1), as H2O writes it: tiny ones keep their digits."""
    return tape.op("Div", 1.0, tape.op("Add", tape.op("Exp", tape.op("Neg", eta)), 1.0))


def _identity(tape: Tape, eta: str, mojo: Mojo) -> str:
    return eta


def _logit(tape: Tape, eta: str, mojo: Mojo) -> str:
    return logistic(tape, eta)


def _log(tape: Tape, eta: str, mojo: Mojo) -> str:
    return tape.op("Exp", eta)


def _inverse(tape: Tape, eta: str, mojo: Mojo) -> str:
    away = tape.op("Where", tape.op("Less", eta, 0.0), tape.op("Min", eta, -LEAST), tape.op("Max", eta, LEAST))
    return tape.op("Div", 1.0, away)


def _tweedie(tape: Tape, eta: str, mojo: Mojo) -> str:
    power = mojo.number("tweedie_link_power", 0.0)
    if power == 0:
        return tape.op("Max", tape.op("Exp", eta), 2e-16)
    return tape.op("Pow", eta, 1 / power)


LINKS: Mapping[str, Callable[[Tape, str, Mojo], str]] = {
    "identity": _identity, "logit": _logit, "log": _log, "inverse": _inverse, "tweedie": _tweedie,
}  # fmt: skip
"""Those that GlmMojoModel knows."""
