"""XGBoost inside a MOJO: floats of 32 bits on one-hot categories, which are sets of one level in the graph.

A category that is missing has a place of its own behind the column's levels. Of a sparse model a 0 is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from ranklet.errors import ImportRefused
from ranklet.importers.h2o import booster
from ranklet.importers.h2o.booster import Booster, Nodes
from ranklet.importers.h2o.columns import Cell, Columns, Level
from ranklet.importers.h2o.mojo import Mojo, refuse_unknown
from ranklet.importers.h2o.results import Scored, binomial, first_best
from ranklet.importers.tape import Tape
from ranklet.importers.trees import checks, lowering
from ranklet.importers.trees.records import LEAF, Ensemble, Tree

FLOAT = int(TensorProto.FLOAT)
ONE = np.array(1, np.float32)
ZERO, MISSING = np.array(0, np.float32), np.array(np.nan, np.float32)
LAST_AFTER = (1, 2)
"""Up to this version of XGBoost the base score is added after the trees, later before them."""


def score(mojo: Mojo, cells: Sequence[Cell], columns: Columns, offset: str | None) -> Scored:
    """Raises ImportRefused for an objective that is not served, and for trees that are none."""
    tape, model = columns.tape, booster.read(mojo.blob("boosterBytes"))
    if model.objective not in OBJECTIVES:
        raise refuse_unknown("objective", model.objective, list(OBJECTIVES))
    if model.outputs != (mojo.classes if mojo.classes > 2 else 1):
        raise ImportRefused(f"its booster has {model.outputs} outputs for {mojo.classes} classes")
    slots = _slots(mojo, cells, model)
    base = _base(model)
    start = tape.constant(np.full((1, 1), base)) if offset is None else tape.op("Cast", offset, to=FLOAT)
    if model.weights is not None:
        sums = _linear(slots, cells, columns, model.weights, start)
    else:
        sums = _sums(slots, cells, columns, model, base if offset is None else None, start)
    return _said(mojo, tape, OBJECTIVES[model.objective](tape, sums))


@dataclass(frozen=True)
class Slots:
    """column, level: of each of the booster's features; level is -1 of a number. sizes: places of each category."""

    column: NDArray[np.int64]
    level: NDArray[np.int64]
    sizes: tuple[int, ...]
    first: int
    sparse: bool


def _slots(mojo: Mojo, cells: Sequence[Cell], model: Booster) -> Slots:
    cats, nums = mojo.whole("cats"), mojo.whole("nums")
    offsets = mojo.wholes("cat_offsets", size=cats + 1) if cats else [0]
    if len(cells) != cats + nums or not all(isinstance(cell, Level) == (at < cats) for at, cell in enumerate(cells)):
        raise ImportRefused(f"it has {len(cells)} features; cats = {cats} and nums = {nums}, categories first")
    if sorted(offsets) != offsets or offsets[0] != 0 or model.width > offsets[-1] + nums or offsets[-1] >= 1 << 24:
        raise ImportRefused(f"its booster reads {model.width} columns; cat_offsets and nums give {offsets[-1] + nums}")
    sizes = tuple(int(size) for size in np.diff(offsets))
    column = np.concatenate([np.repeat(np.arange(cats), sizes), cats + np.arange(nums)]).astype(np.int64)
    level = np.concatenate([*(np.arange(size) for size in sizes), np.full(nums, -1)]).astype(np.int64)
    return Slots(column, level, sizes, 0 if mojo.flag("use_all_factor_levels") else 1, mojo.flag("sparse"))


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


def _given(slots: Slots, cells: Sequence[Cell], columns: Columns, at: int) -> str:
    """A column as the trees see it, float [n, 1]: a number, or the place of its level from 1, 0 for none."""
    tape, cell = columns.tape, cells[at]
    if isinstance(cell, Level):
        places = np.minimum(np.arange(len(cell.domain)) - slots.first, slots.sizes[at] - 1) + 1.0
        found = columns.lookup(cell, np.maximum(places, 0.0)[:, None], float(slots.sizes[at]))
        return tape.op("Cast", found, to=FLOAT)
    narrow = tape.op("Cast", cell.tensor, to=FLOAT)
    if not slots.sparse:
        return narrow
    return tape.op("Where", tape.op("Equal", narrow, ZERO), MISSING, narrow)


def _sums(
    slots: Slots, cells: Sequence[Cell], columns: Columns, model: Booster, base: np.float32 | None, start: str
) -> str:
    """Σ of leaves in the booster's order, float [n, outputs]."""
    tape = columns.tape
    read = sorted({int(slots.column[feature]) for one in model.trees for feature in _features(one, len(slots.column))})
    places = {column: at for at, column in enumerate(read)}
    before = base is not None and model.version > LAST_AFTER
    apart = base is None and model.version > LAST_AFTER
    ensemble = Ensemble(
        trees=tuple(_grown(slots, model, places, apart=apart)),
        dtype="float32",
        strict=True,
        width=max(1, len(read)),
        base=(float(base) if base is not None and before else 0.0,) * (len(model.trees) if apart else model.outputs),
        link="identity",
    )
    checks.check(ensemble)
    for one in model.trees:
        for at in np.flatnonzero((one.left != LEAF) & (slots.level[one.feature % len(slots.level)] < 0))[:20]:
            columns.hint(cells[int(slots.column[one.feature[at]])], float(one.value[at]))
    made = tape.name()
    node = lowering._trees(replace(ensemble, trees=(*lowering._starts(ensemble), *ensemble.trees)), made)
    parts = [_given(slots, cells, columns, column) for column in read]
    node.input[0] = tape.joined(parts or [tape.op("Cast", columns.rows(), to=FLOAT)])
    tape.nodes.append(node)
    if apart:
        return _after(tape, made, start, model)
    return made if before else tape.op("Add", made, start)


def _after(tape: Tape, leaves: str, start: str, model: Booster) -> str:
    """Of rows that begin with a number of their own: to it the leaves [n, trees], one after the other, as floats."""
    groups = np.array(model.groups)
    parts = []
    for output in range(model.outputs):
        mine = tape.joined([start, tape.columns(leaves, np.flatnonzero(groups == output))])
        running = tape.op("CumSum", mine, tape.whole(1))
        parts.append(tape.columns(running, [int((groups == output).sum())]))
    return tape.joined(parts)


def _features(one: Nodes, width: int) -> Sequence[int]:
    """Columns of splits. Raises ImportRefused for one that is not there."""
    found = np.unique(one.feature[one.left != LEAF])
    if len(found) and found[-1] >= width:
        raise ImportRefused(f"a tree of its booster reads column {found[-1]} of {width}")
    return [int(feature) for feature in found]


def _grown(slots: Slots, model: Booster, places: Mapping[int, int], *, apart: bool) -> Sequence[Tree]:
    """Trees in order; those of a DART with their weights. apart: each is an output of its own."""
    found, seen = list[Tree](), dict[int, int]()
    for one, group in zip(model.trees, model.groups, strict=True):
        if not 0 <= group < model.outputs:
            raise ImportRefused(f"a tree of its booster adds to output {group} of {model.outputs}")
        at = seen.setdefault(group, 0)
        seen[group] += 1
        if model.drop is not None and at >= len(model.drop):
            raise ImportRefused(f"its booster has {len(model.drop)} weights for more trees")
        times = np.float32(1) if model.drop is None else model.drop[at]
        found.append(_tree(slots, one, places, times=times, target=len(found) if apart else group))
    return found


def _tree(slots: Slots, one: Nodes, places: Mapping[int, int], *, times: np.float32, target: int) -> Tree:
    left, right, members = one.left.copy(), one.right.copy(), dict[int, NDArray[np.int64]]()
    ends = left == LEAF
    feature, threshold = np.zeros(len(left), np.int64), one.value.copy()
    for node in np.flatnonzero(~ends).tolist():
        slot = int(one.feature[node])
        feature[node] = places[int(slots.column[slot])]
        if slots.level[slot] < 0:
            continue
        hot = bool(threshold[node] > ONE)
        cold = bool(one.default_left[node]) if slots.sparse else bool(np.float32(0) < threshold[node])
        members[node] = np.array([slots.level[slot] + 1] if hot != cold else [], np.int64)
        if cold:  # all but one level go left, or all do: those that the set does not name go right
            left[node], right[node] = right[node], left[node]
    value = np.where(ends, one.value, np.float32(0)) * times
    return Tree(
        left,
        np.where(ends, LEAF, right),
        feature,
        np.where(ends, 0, threshold),
        value,
        one.default_left,
        members=members,
        target=target,
    )


def _linear(slots: Slots, cells: Sequence[Cell], columns: Columns, weights: NDArray[Any], start: str) -> str:
    """bias + base + Σ, one column after the other, as floats add; what is missing adds nothing."""
    tape = columns.tape
    sums = tape.op("Add", weights[-1:], start)
    for at, cell in enumerate(cells):
        mine = weights[:-1][slots.column[: len(weights) - 1] == at]
        if not len(mine):
            continue
        if isinstance(cell, Level):
            places = np.minimum(np.arange(len(cell.domain)) - slots.first, slots.sizes[at] - 1)
            table = np.vstack([np.zeros_like(mine[:1]), mine, np.zeros((slots.sizes[at] - len(mine), mine.shape[1]))])
            found = columns.lookup(
                cell, table[np.maximum(places, -1) + 1].astype(np.float64), table[-1].astype(np.float64)
            )
            sums = tape.op("Add", sums, tape.op("Cast", found, to=FLOAT))
        else:
            given = tape.op("Cast", cell.tensor, to=FLOAT)
            product = tape.op("Mul", given, mine)
            sums = tape.op("Add", sums, tape.op("Where", tape.op("IsNaN", given), ZERO, product))
    return sums


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
