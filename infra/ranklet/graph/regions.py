"""Region mode: what the static table cannot prove is tried.

A value that depends on one side only may still be computed by ops that no axis argument covers (a Loop, Unique,
NonZero, a custom op). It is trusted if its rows come out the same from a batch, from a permuted part of that batch and
from single rows, for random and for extreme ids. Statistics over the batch, positions in it and sums along it fail.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx_ir as ir

from ranklet.graph.feeds import InputKind
from ranklet.graph.records import Array
from ranklet.graph.running import RunFailed, Runner
from ranklet.graph.trace import EXTENTS, Grid, Prepare, exposed

ROWS = 6
CHOICES = ((4, 1, 3), (2,), (5, 5, 0, 1))
ROUNDS = 3
TOLERANCE = 1e-6


def trusted(
    model: ir.Model, kinds: tuple[InputKind, ...], grid: Grid, names: Iterable[str], *, seed: int, prepare: Prepare
) -> frozenset[str]:
    """Those of the values (batch in axis 0) whose rows passed every trial."""
    left = list(names)
    if not left:
        return frozenset()
    runner = Runner(exposed(model, left), plain=True)
    random = np.random.default_rng(seed)
    sizes = {"": ROWS, **dict.fromkeys(grid.extents, EXTENTS[0])}
    for round_ in range(ROUNDS):
        feeds = {kind.name: _extreme(kind, kind.random(sizes, random), round_) for kind in kinds}
        try:
            whole = runner.run(prepare(feeds))
            for choice in CHOICES:
                part = runner.run(prepare({k.name: _rows(k, feeds[k.name], choice) for k in kinds}))
                left = [name for name in left if _same(whole[name], part[name], choice)]
        except RunFailed:
            return frozenset()
    return frozenset(left)


def _extreme(kind: InputKind, value: Array, round_: int) -> Array:
    if kind.limit is not None and round_ and value.ndim:
        value[::2] = 0 if round_ == 1 else kind.limit - 1
    return value


def _rows(kind: InputKind, value: Array, choice: tuple[int, ...]) -> Array:
    return value[list(choice)] if kind.shape and kind.shape[0] == "" else value


def _same(whole: Array, part: Array, choice: tuple[int, ...]) -> bool:
    wanted = whole[list(choice)]
    if wanted.shape != part.shape:
        return False
    if wanted.dtype.kind != "f":
        return bool(np.array_equal(wanted, part))
    return bool(np.allclose(wanted, part, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))
