"""What a booster's trees or weights add up to, in floats of 32 bits and in its own order.

A split by a one-hot column is a set of one level in the graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.h2o.booster import Booster, Nodes
from ranklet.importers.h2o.columns import Cell, Columns, Level
from ranklet.importers.h2o.slots import FLOAT, ZERO, Slots, hot_places, levels, numbers
from ranklet.importers.tape import Tape
from ranklet.importers.trees import checks, lowering
from ranklet.importers.trees.records import LEAF, Ensemble, Tree

ONE = np.float32(1)
LAST_AFTER = (1, 2)
"""Up to this version of XGBoost the base score is added after the trees, later before them."""


def trees(
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
    _hint(slots, cells, columns, model)
    made = tape.name()
    node = lowering._trees(replace(ensemble, trees=(*lowering._starts(ensemble), *ensemble.trees)), made)
    node.input[0] = _given(slots, [(at, cells[at]) for at in read], columns)
    tape.nodes.append(node)
    if apart:
        return _after(tape, made, start, model)
    return made if before else tape.op("Add", made, start)


def _given(slots: Slots, cells: Sequence[tuple[int, Cell]], columns: Columns) -> str:
    """The columns that trees read, float [n, k]: categories come first."""
    parts = [levels(slots, cell, columns, at) for at, cell in cells if isinstance(cell, Level)]
    plain = [cell for _, cell in cells if not isinstance(cell, Level)]
    parts += [numbers(slots, plain, columns)] if plain else []
    return columns.tape.joined(parts or [columns.tape.op("Cast", columns.rows(), to=FLOAT)])


def _hint(slots: Slots, cells: Sequence[Cell], columns: Columns, model: Booster) -> None:
    """Thresholds, for rows worth trying."""
    for one in model.trees:
        for at in np.flatnonzero((one.left != LEAF) & (slots.level[one.feature % len(slots.level)] < 0))[:20]:
            columns.hint(cells[int(slots.column[one.feature[at]])], float(one.value[at]))


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
        times = ONE if model.drop is None else model.drop[at]
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


def linear(slots: Slots, cells: Sequence[Cell], columns: Columns, weights: NDArray[Any], start: str) -> str:
    """bias + base + Σ, one column after the other, as floats add; what is missing adds nothing."""
    tape = columns.tape
    sums = tape.op("Add", weights[-1:], start)
    for at, cell in enumerate(cells):
        mine = weights[:-1][slots.column[: len(weights) - 1] == at]
        if not len(mine):
            continue
        if isinstance(cell, Level):
            table = np.vstack([np.zeros_like(mine[:1]), mine, np.zeros((slots.sizes[at] - len(mine), mine.shape[1]))])
            found = columns.lookup(
                cell, table[hot_places(slots, cell, at) + 1].astype(np.float64), table[-1].astype(np.float64)
            )
            sums = tape.op("Add", sums, tape.op("Cast", found, to=FLOAT))
        else:
            given = tape.op("Cast", cell.tensor, to=FLOAT)
            product = tape.op("Mul", given, mine)
            sums = tape.op("Add", sums, tape.op("Where", tape.op("IsNaN", given), ZERO, product))
    return sums
