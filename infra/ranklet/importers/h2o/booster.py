"""XGBoost's old binary model, as H2O's MOJOs hold it (`boosterBytes`; read as biz.k11i's xgboost-predictor reads it).

`binf`, then numbers of four bytes, little-endian: base score, features, classes, …; the objective and the booster by
name; trees, each with its nodes (parent, left, right, feature, threshold or leaf) and their statistics.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused

MAGIC = b"binf"
MODEL, FOREST, TREE, LINEAR = 136, 160, 148, 136
"""Bytes of the headers."""
NODE, STATISTICS = 20, 16
MAX_NAME, MAX_TREES, MAX_NODES = 100, 100_000, 1 << 24
DEFAULT_LEFT = 1 << 31

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Nodes:
    """left, right: children, -1 of a leaf. value: its threshold, or the leaf's number."""

    left: Ints
    right: Ints
    feature: Ints
    default_left: NDArray[np.bool_]
    value: Floats


@dataclass(frozen=True)
class Booster:
    """groups: of each tree, the output that it adds to. drop: of a DART, weights by the place within a group.

    weights: of a linear booster [features + 1, outputs]. version: of the XGBoost that wrote it.
    """

    base: np.float32
    width: int
    outputs: int
    version: tuple[int, int]
    objective: str
    kind: str
    trees: tuple[Nodes, ...] = ()
    groups: tuple[int, ...] = ()
    drop: Floats | None = None
    weights: Floats | None = None


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, form: str) -> Any:
        found = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return found if len(found) > 1 else found[0]

    def array(self, kind: Any, count: int) -> NDArray[Any]:
        width = np.dtype(kind).itemsize
        if not 0 <= count <= (len(self.data) - self.at) // width:
            raise ImportRefused(f"boosterBytes ends before {count} values; export the MOJO again")
        found = np.frombuffer(self.data, kind, count, self.at)
        self.at += count * width
        return found

    def text(self) -> str:
        if (length := self.take("q")) not in range(MAX_NAME):
            raise ImportRefused(f"boosterBytes has a name of {length} bytes")
        return bytes(self.array("u1", length)).decode("ascii", "replace")


def read(data: bytes) -> Booster:
    """Raises ImportRefused for what is no booster of trees or weights."""
    given = _Bytes(data[4:] if data[:4] == MAGIC else data)
    try:
        return _booster(given)
    except struct.error as error:
        raise ImportRefused("boosterBytes ends too early; export the MOJO again") from error


def _booster(given: _Bytes) -> Booster:
    begin = given.at
    base, width, classes, buffered, _ = given.take("f4i")
    major, minor = given.take("2i")
    given.at = begin + MODEL
    objective, kind = given.text(), given.text()
    if not 1 <= width < 1 << 24 or not 0 <= classes < 1 << 14 or not np.isfinite(base):
        raise ImportRefused(f"boosterBytes has {width} features, {classes} classes and the base score {base}")
    outputs = max(classes, 1)
    found = Booster(np.float32(base), width, outputs, (major, minor), objective, kind)
    if kind == "gblinear":
        return replace(found, weights=_linear(given, width, outputs))
    if kind not in ("gbtree", "dart"):
        raise ImportRefused(f"booster = {kind!r} is not served; served are gbtree, dart, gblinear")
    return _forest(given, found, buffered=bool(buffered))


def _linear(given: _Bytes, width: int, outputs: int) -> Floats:
    given.at += LINEAR
    count = given.take("q")
    if count not in (0, (width + 1) * outputs):
        raise ImportRefused(f"boosterBytes has {count} weights for {width} features")
    found = given.array("<f4", count) if count else np.zeros((width + 1) * outputs, np.float32)
    return found.astype(np.float32).reshape(width + 1, outputs)


def _forest(given: _Bytes, head: Booster, *, buffered: bool) -> Booster:
    begin = given.at
    count = given.take("i")
    given.at = begin + 16
    rows, _, leaf = given.take("q2i")
    given.at = begin + FOREST
    if not 1 <= count <= MAX_TREES:
        raise ImportRefused(f"boosterBytes has {count} trees; served are 1 to {MAX_TREES}")
    trees = tuple(_tree(given, number) for number in range(count))
    groups = tuple(int(one) for one in given.array("<i4", count))
    if buffered and rows:
        given.at += 8 * head.outputs * rows * (leaf + 1)
    drop = given.array("<f4", given.take("q")).astype(np.float32) if head.kind == "dart" else None
    return replace(head, trees=trees, groups=groups, drop=drop)


def _tree(given: _Bytes, number: int) -> Nodes:
    begin = given.at
    _, count = given.take("2i")
    given.at = begin + TREE
    if not 1 <= count <= MAX_NODES:
        raise ImportRefused(f"tree {number} has {count} nodes; served are 1 to {MAX_NODES}")
    rows = given.array("<i4", count * NODE // 4).reshape(count, NODE // 4)
    given.array("u1", count * STATISTICS)
    feature = rows[:, 3].astype(np.int64)
    return Nodes(
        left=rows[:, 1].astype(np.int64),
        right=rows[:, 2].astype(np.int64),
        feature=feature & DEFAULT_LEFT - 1,
        default_left=feature < 0,
        value=np.ascontiguousarray(rows[:, 4]).view("<f4").astype(np.float32),
    )
