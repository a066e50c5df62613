"""One tree of a GBM, a DRF or an isolation forest, from its bytes (hex.genmodel's SharedTreeMojoModel.scoreTree).

A node: its type (1 byte), column (2; 65535 is a leaf's value, 4), where NaN goes (1), a threshold (4) or a set of
levels, the left side's size, the left side, the right side. The type's bits: 0x30 and 0x03 say whether the left side is
a leaf, or how many bytes its size has; 0x0C whether it compares or has a set, of 32 levels or of any range; 0xC0
whether the right side is a leaf. d < threshold and levels not in the set go left.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.trees.checks import MAX_DEPTH
from ranklet.importers.trees.records import LEAF, Tree

ROOT_LEAF = 65535
NA_REST, NA_LEFT, LEFT = 1, 2, 4
LEFT_LEAF, RIGHT_LEAF = 48, 16
SMALL_SET, RANGE_SET = 8, 12
MAX_LEVELS = 1 << 24


@dataclass(frozen=True)
class Bits:
    """Levels offset … offset + size - 1, of which the bytes say which are in the set."""

    offset: int
    size: int
    data: bytes

    def side(self, level: int) -> bool | None:
        """Whether a level is in the set; None beyond the range, where it is taken for a missing one."""
        at = level - self.offset
        return None if not 0 <= at < self.size else bool(self.data[at >> 3] >> (at & 7) & 1)


@dataclass
class Grown:
    """Nodes while they are read. gone: node → it only asks whether the column is missing."""

    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)
    members: dict[int, set[int]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)

    def add(self, *, value: float = 0.0, feature: int = 0, threshold: float = 0.0, missing_left: bool = False) -> int:
        """A node; its children are set later, a leaf has none."""
        self.left.append(LEAF)
        self.right.append(LEAF)
        self.value.append(value)
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.missing_left.append(missing_left)
        return len(self.left) - 1


class Reader:
    """levels: of each column, None of a number."""

    def __init__(self, data: bytes, levels: Sequence[int | None]) -> None:
        self._data, self._levels = data, levels
        self.grown = Grown()

    def read(self) -> Grown:
        """The whole tree. Raises ImportRefused for bytes that are none."""
        try:
            self._node(0, None, 0)
        except struct.error as error:
            raise ImportRefused("its bytes end within a node; export the MOJO again") from error
        return self.grown

    def _node(self, at: int, held: Bits | None, depth: int) -> int:
        """held: the set that was read last on the way here, which H2O still asks where a node has none of its own."""
        if depth > MAX_DEPTH:
            raise ImportRefused(f"it is more than {MAX_DEPTH} deep; train with a max_depth")
        kind, column = struct.unpack_from("<BH", self._data, at)
        if column == ROOT_LEAF:
            return self._leaf(at + 3)
        (direction,) = struct.unpack_from("<B", self._data, at + 3)
        at, threshold = at + 4, 0.0
        if direction != NA_REST:
            at, threshold, held = self._test(at, kind, held)
        node = self._split(column, kind, direction, threshold=threshold, held=held)
        begin, end = self._left(at, kind & 51)
        left = self._leaf(begin) if kind & LEFT_LEAF == LEFT_LEAF else self._node(begin, held, depth + 1)
        right = self._leaf(end) if kind >> 2 & RIGHT_LEAF else self._node(end, held, depth + 1)
        self.grown.left[node], self.grown.right[node] = left, right
        return node

    def _leaf(self, at: int) -> int:
        if len(self.grown.left) > len(self._data):
            raise ImportRefused("its nodes overlap; export the MOJO again")
        return self.grown.add(value=struct.unpack_from("<f", self._data, at)[0])

    def _test(self, at: int, kind: int, held: Bits | None) -> tuple[int, float, Bits | None]:
        """(where it ends, threshold, set)."""
        if kind & 12 == 0:
            return at + 4, struct.unpack_from("<f", self._data, at)[0], held
        if kind & 12 == SMALL_SET:
            offset, size = 0, 32
        elif kind & 12 == RANGE_SET:
            offset, size = struct.unpack_from("<Hi", self._data, at)
            at += 6
        else:
            raise ImportRefused(f"a node has the type {kind}, which no exporter writes")
        count = (size - 1 >> 3) + 1
        if not 0 <= size <= MAX_LEVELS or at + count > len(self._data):
            raise ImportRefused(f"a set has {size} levels, beyond its bytes")
        return at + count, 0.0, Bits(offset, size, self._data[at : at + count])

    def _left(self, at: int, mask: int) -> tuple[int, int]:
        """(where the left side begins, where the right one does)."""
        if mask == LEFT_LEAF:
            return at, at + 4
        if mask > 3:
            raise ImportRefused(f"a node has the mask {mask}, which no exporter writes")
        width = mask + 1
        if at + width > len(self._data):
            raise struct.error
        size = int.from_bytes(self._data[at : at + width], "little")
        return at + width, at + width + size

    def _split(self, column: int, kind: int, direction: int, *, threshold: float, held: Bits | None) -> int:
        if column >= len(self._levels):
            raise ImportRefused(f"a node reads column {column} of {len(self._levels)}")
        if len(self.grown.left) > len(self._data):
            raise ImportRefused("its nodes overlap; export the MOJO again")
        left = direction in (NA_LEFT, LEFT)
        node = self.grown.add(feature=column, threshold=threshold, missing_left=left)
        sets = kind & 12 != 0 and held is not None
        if sets:
            assert held is not None
            self.grown.members[node] = self._members(column, held, left, rest=direction == NA_REST)
        elif direction == NA_REST:
            self.grown.gone.add(node)
        return node

    def _members(self, column: int, bits: Bits, missing_left: bool, *, rest: bool) -> set[int]:
        """Levels that go left. rest: all that are not missing do."""
        levels = self._levels[column]
        if levels is None:
            raise ImportRefused(f"a set of levels splits column {column}, which is a number; this is not served")
        sides = [(level, bits.side(level)) for level in range(levels)]
        return {level for level, side in sides if (missing_left if side is None else rest or not side)}


def tree(grown: Grown, target: int) -> Tree:
    """As a record of the shared core; nodes of `gone` are left to the caller's columns."""
    ends = np.array(grown.left) == LEAF
    return Tree(
        left=np.array(grown.left),
        right=np.array(grown.right),
        feature=np.array(grown.feature),
        threshold=np.array(grown.threshold, np.float64),
        value=np.where(ends, np.array(grown.value, np.float64), 0.0),
        missing_left=np.array(grown.missing_left),
        members={node: np.array(sorted(levels), np.int64) for node, levels in grown.members.items()},
        target=target,
    )
