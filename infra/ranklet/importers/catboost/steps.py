"""Trees that are not symmetric, from a .cbm: node i's children are i + left and i + right, and where that is 0, a leaf.

ids: of each node, where its leaf's values begin (libs/model/cpu/evaluator_impl.cpp, CalcNonSymmetricTrees).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.catboost.document import Node, Split
from ranklet.importers.trees.records import Floats, Ints


def read(parts: Sequence[Ints], steps: tuple[Ints, Ints], ids: Ints, *, leaves: Floats, outputs: int) -> list[Node]:
    """parts: of each tree, what its nodes compare. Raises ImportRefused for what is no tree."""
    left, right = (one.astype(np.int64) for one in steps)
    total = sum(map(len, parts))
    if len(left) != total or len(ids) != total:
        raise ImportRefused(f"it has {total} splits, {len(left)} nodes and {len(ids)} leaf ids; save the model again")
    roots, begin = [], 0
    for number, part in enumerate(parts):
        end = begin + len(part)
        if not len(part):
            raise ImportRefused(f"trees[{number}] has no node; save the model again")
        _check(left[begin:end], right[begin:end], f"trees[{number}]")
        roots.append(_tree(part, (left[begin:end], right[begin:end]), ids[begin:end], leaves=leaves, outputs=outputs))
        begin = end
    return roots


def _check(left: Ints, right: Ints, place: str) -> None:
    at = np.arange(len(left))
    children = np.concatenate([(at + left)[left > 0], (at + right)[right > 0]])
    if (children >= len(left)).any() or len(np.unique(children)) != len(children):
        raise ImportRefused(f"{place} has a node that is not there, or that two have; save the model again")


def _tree(part: Ints, steps: tuple[Ints, Ints], ids: Ints, *, leaves: Floats, outputs: int) -> Node:
    """From the last node to the first, as children come after their parents."""
    found: dict[int, Node] = {}

    def leaf(at: int) -> Node:
        begin = int(ids[at])
        if begin + outputs > len(leaves):
            raise ImportRefused(f"a leaf begins at {begin} of {len(leaves)} values; save the model again")
        return Node(value=leaves[begin : begin + outputs].tolist())

    for at, split, left, right in reversed(
        list(zip(range(len(part)), part.tolist(), steps[0].tolist(), steps[1].tolist(), strict=True))
    ):
        if not left and not right:
            found[at] = leaf(at)
            continue
        below = [found.pop(at + step) if step else leaf(at) for step in (left, right)]
        found[at] = Node(split=Split(split, ""), left=below[0], right=below[1])
    return found[0]
