"""Deep learning: layers of weights of 32 bits on one-hot categories and standardised numbers, in doubles.

A category that is missing has a place of its own behind the column's levels, a missing number counts as 0. Dropout is
its mean: what a layer says, times the share that was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.h2o.columns import Cell, Columns, Level
from ranklet.importers.h2o.forests import bounded_exp, bounded_logistic
from ranklet.importers.h2o.mojo import Mojo, refuse_unknown
from ranklet.importers.h2o.results import Scored, balanced, classified
from ranklet.importers.tape import Tape

Array = NDArray[np.float64]
DROPOUT = "WithDropout"
MAX_LAYERS, MAX_WEIGHTS = 100, 1 << 26
LOGIT = ("bernoulli", "quasibinomial", "ordinal")
LOG = ("multinomial", "poisson", "gamma", "tweedie")
IDENTITY = ("AUTO", "gaussian", "laplace", "quantile", "huber", "custom")


def score(mojo: Mojo, cells: Sequence[Cell], columns: Columns, offset: str | None) -> Scored:
    """Raises ImportRefused for an activation or distribution that is not served, and for sizes that do not agree.

    H2O's own scorer leaves the offset of a network out.
    """
    tape, family = columns.tape, mojo.text("distribution")
    if mojo.text("category") == "AutoEncoder":
        raise ImportRefused("an autoencoder tells a row anew, and no score; it is not served")
    if family not in (*LOGIT, *LOG, *IDENTITY):
        raise refuse_unknown("distribution", family, (*LOGIT, *LOG, *IDENTITY))
    units = mojo.wholes("neural_network_sizes")
    if not 2 <= len(units) <= MAX_LAYERS or min(units) < 1 or units[-1] != mojo.classes:
        raise ImportRefused(f"neural_network_sizes = {units[:20]} for {mojo.classes} classes")
    hidden, kept = _activation(mojo, len(units) - 2)
    values = ""
    for at, share in enumerate([*kept, None]):
        pieces = 2 if hidden == "Maxout" and share is not None else 1
        weights, bias = _layer(mojo, at, units, pieces=pieces)
        sums = tape.op("MatMul", values, weights) if at else _inputs(mojo, cells, columns, weights)
        values = tape.op("Add", sums, bias[None])
        if share is not None:
            values = ACTIVATIONS[hidden](tape, values)
            values = tape.op("Mul", values, share) if share < 1 else values
    return _said(mojo, values, tape)


def _activation(mojo: Mojo, layers: int) -> tuple[str, list[float]]:
    """(its name without the dropout, of each hidden layer the share that is kept)."""
    activation = mojo.text("activation")
    hidden = activation.removesuffix(DROPOUT)
    if hidden not in ACTIVATIONS:
        raise refuse_unknown("activation", activation, [*ACTIVATIONS, *(f"{one}{DROPOUT}" for one in ACTIVATIONS)])
    if hidden == activation:
        return hidden, [1.0] * layers
    ratios = mojo.doubles("hidden_dropout_ratios")
    if len(ratios) < layers or (ratios < 0).any() or (ratios >= 1).any():
        raise ImportRefused(f"hidden_dropout_ratios = {ratios[:20].tolist()} for {layers} hidden layers")
    return hidden, (1 - ratios[:layers]).tolist()


def _said(mojo: Mojo, values: str, tape: Tape) -> Scored:
    if mojo.classes > 1:
        odds = tape.op("Exp", tape.op("Sub", values, tape.op("ReduceMax", values, [1], keepdims=1)))
        classes = tape.op("Div", odds, tape.total(odds))
        return classified(tape, balanced(tape, classes, mojo), mojo)
    times, less = mojo.doubles("norm_resp_mul"), mojo.doubles("norm_resp_sub")
    if len(times):
        values = tape.op("Add", tape.op("Div", values, times[:1]), less[:1] if len(less) else 0.0)
    family = mojo.text("distribution")
    if family in LOGIT:
        values = bounded_logistic(tape, values)
    elif family in LOG:
        values = bounded_exp(tape, values)
    return Scored((values,))


def _layer(mojo: Mojo, at: int, units: Sequence[int], *, pieces: int) -> tuple[Array, Array]:
    """(weights [from, to · pieces], bias): of Maxout both numbers of a unit stand side by side."""
    begin, end = units[at], units[at + 1]
    if begin * end * pieces > MAX_WEIGHTS:
        raise ImportRefused(f"layer {at} has {begin * end * pieces} weights; served are {MAX_WEIGHTS}")
    held = mojo.narrowed(f"weight_layer{at}", size=begin * end * pieces)
    bias = mojo.doubles(f"bias_layer{at}", size=end * pieces)
    weights = held.reshape(end, begin, pieces)
    return np.ascontiguousarray(weights.transpose(1, 0, 2).reshape(begin, end * pieces)), bias


def _inputs(mojo: Mojo, cells: Sequence[Cell], columns: Columns, weights: Array) -> str:
    """The first layer's sums: rows of weights for categories, products for numbers."""
    tape, cats, nums = columns.tape, mojo.whole("cats"), mojo.whole("nums")
    offsets = mojo.wholes("cat_offsets", size=cats + 1) if cats else [0]
    if len(cells) != cats + nums or not all(isinstance(cell, Level) == (at < cats) for at, cell in enumerate(cells)):
        raise ImportRefused(f"it has {len(cells)} features; cats = {cats} and nums = {nums}, categories first")
    if sorted(offsets) != offsets or offsets[0] != 0 or len(weights) != offsets[-1] + nums:
        raise ImportRefused(
            f"its first layer has {len(weights)} inputs; cat_offsets and nums need {offsets[-1] + nums}"
        )
    parts = [
        one_hot(mojo, cell, columns, weights[offsets[at] : offsets[at + 1]])
        for at, cell in enumerate(cells)
        if isinstance(cell, Level)
    ]
    if nums:
        given = columns.matrix(cells[cats:])
        if len(times := mojo.doubles("norm_mul")):
            less = mojo.doubles("norm_sub", size=nums)
            given = tape.op("Mul", tape.op("Sub", given, less[None]), times[None, :nums])
        given = tape.op("Where", tape.op("IsNaN", given), 0.0, given)
        parts.append(tape.op("MatMul", given, weights[offsets[-1] :]))
    return tape.added(parts)


def one_hot(mojo: Mojo, level: Level, columns: Columns, weights: Array) -> str:
    """The row of weights that is a level's (hex.genmodel's setCats); the last is that of a missing one."""
    if not len(weights):
        raise ImportRefused(f"column {level.column!r} has no weights")
    first = 0 if mojo.flag("use_all_factor_levels") else 1
    places = np.minimum(np.arange(len(level.domain)) - first, len(weights) - 1)
    table = np.where(places[:, None] < 0, 0.0, weights[np.maximum(places, 0)])
    return columns.lookup(level, table, weights[-1])


def _rectifier(tape: Tape, values: str) -> str:
    """As H2O writes it: 0.5 · (x + |x|)."""
    return tape.op("Mul", 0.5, tape.op("Add", values, tape.op("Abs", values)))


def _tanh(tape: Tape, values: str) -> str:
    grown = tape.op("Exp", tape.op("Mul", 2.0, values))
    return tape.op("Sub", 1.0, tape.op("Div", 2.0, tape.op("Add", 1.0, grown)))


def _exp_rectifier(tape: Tape, values: str) -> str:
    below = tape.op("Sub", tape.op("Exp", values), 1.0)
    return tape.op("Where", tape.op("GreaterOrEqual", values, 0.0), values, below)


def _maxout(tape: Tape, values: str) -> str:
    return tape.op("ReduceMax", tape.op("Reshape", values, [0, -1, 2]), [2], keepdims=0)


ACTIVATIONS: Mapping[str, Callable[[Tape, str], str]] = {
    "Rectifier": _rectifier, "Tanh": _tanh, "Maxout": _maxout, "ExpRectifier": _exp_rectifier,
}  # fmt: skip
