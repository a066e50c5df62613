"""One block as a tree (include/LightGBM/tree.h, Tree::NumericalDecision and Tree::CategoricalDecision).

Children below 0 are leaves, ~child their number: here, leaves come behind the splits. A bit field holds the
categories that go left; NaN and what is not in it go right. `decision_type`: bit 0 categorical, bit 1 missing goes
left, bits 2 and 3 what is missing: nothing (NaN is read as 0), zero and NaN, NaN.
"""

from __future__ import annotations

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.lightgbm.text import Block
from ranklet.importers.trees import columns
from ranklet.importers.trees.records import LEAF, Bools, Floats, Ints, Line, Tree, View

FIELDS = """
    Tree num_leaves num_cat split_feature split_gain threshold decision_type left_child right_child leaf_value
    leaf_weight leaf_count internal_value internal_weight internal_count cat_boundaries cat_threshold is_linear
    shrinkage leaf_const num_features leaf_features leaf_coeff
"""
KNOWN = frozenset(FIELDS.split())

CATEGORICAL, MISSING_LEFT = 1, 2
NONE, ZERO, NAN = 0, 1, 2

MAX_HELD = 1 << 22
"""Coefficients of a tree's leaves, each as long as the longest: a tree of 31 leaves and 20 features has 620."""


def read(block: Block, target: int) -> Tree:
    """Raises ImportRefused naming the field that is not served, or not as LightGBM writes it."""
    block.only(KNOWN)
    if block.fields.get("is_linear", "0") not in ("0", "1"):
        raise block.fault("is_linear", "0 or 1")
    leaves = block.whole("num_leaves")
    if leaves < 1:
        raise block.fault("num_leaves", "1 or more")
    values = block.floats("leaf_value", leaves)
    line = _line(block, leaves) if block.fields.get("is_linear") == "1" else None
    if leaves == 1:
        none = np.zeros(1, np.int64)
        return Tree(none + LEAF, none + LEAF, none, np.zeros(1), values, none == 1, target=target, line=line)
    return _splits(block, leaves - 1, values, target, line=line)


def _line(block: Block, leaves: int) -> Line:
    """What the leaves compute (Tree::Predict); behind the splits, as the leaves are."""
    sizes = block.ints("num_features", leaves)
    total, wide = int(sizes.sum()), int(sizes.max(initial=0))
    if (sizes < 0).any() or leaves * wide > MAX_HELD:
        raise block.fault("num_features", f"numbers of features, 0 or more, with {leaves} leaves of {MAX_HELD} in all")
    held = np.arange(wide) < sizes[:, None]
    features, coefficients = np.full((leaves, wide), -1, np.int64), np.zeros((leaves, wide))
    features[held] = block.ints("leaf_features", total)
    coefficients[held] = block.floats("leaf_coeff", total)
    if (wrong := held & (features < 0)).any():
        raise block.fault("leaf_features", f"features from 0 on, as leaf {int(wrong.any(axis=1).argmax())} has none")
    before = ((leaves - 1, 0), (0, 0))
    constant = np.pad(block.floats("leaf_const", leaves), before[0])
    return Line(constant, np.pad(features, before, constant_values=-1), np.pad(coefficients, before))


def _splits(block: Block, splits: int, values: Floats, target: int, *, line: Line | None) -> Tree:
    kinds = block.ints("decision_type", splits)
    missing = kinds >> 2
    if (wrong := (kinds < 0) | (missing > NAN)).any():
        node = int(np.argmax(wrong))
        raise ImportRefused(f"{block.place}: decision_type of split {node} is {kinds[node]}; save the model again")
    thresholds = block.floats("threshold", splits)
    members = _members(block, kinds & CATEGORICAL == 1, thresholds)
    left = np.where(missing == NONE, thresholds >= 0, kinds & MISSING_LEFT != 0) & (kinds & CATEGORICAL == 0)
    more = len(values)
    return Tree(
        left=_behind(_children(block, "left_child", splits), splits, more),
        right=_behind(_children(block, "right_child", splits), splits, more),
        feature=_padded(block.ints("split_feature", splits), more),
        threshold=np.concatenate([thresholds, np.zeros(more)]),
        value=np.concatenate([np.zeros(splits), values]),
        missing_left=np.concatenate([left, np.zeros(more, np.bool_)]),
        members=members,
        views=_views(kinds, thresholds),
        target=target,
        line=line,
    )


def _views(kinds: Ints, thresholds: Floats) -> dict[int, View]:
    """How a split sees its feature. LightGBM drops what is zero from a row before it predicts, so that -1e-35 is not
    at or below a threshold of -1e-35 (c_api.cpp, RowPairFunctionFromDenseMatric)."""
    numeric = kinds & CATEGORICAL == 0
    zero = numeric & (kinds >> 2 == ZERO)
    near = numeric & ~zero & (thresholds >= -columns.ZERO) & (thresholds < columns.ZERO)
    views: dict[int, View] = dict.fromkeys(np.flatnonzero(~numeric).tolist(), "trunc")
    views |= dict.fromkeys(np.flatnonzero(zero).tolist(), "zero")
    return views | dict.fromkeys(np.flatnonzero(near).tolist(), "clean")


def _children(block: Block, name: str, splits: int) -> Ints:
    children = block.ints(name, splits)
    if (wrong := (children >= splits) | (~children > splits)).any():
        node = int(np.argmax(wrong))
        raise ImportRefused(f"{block.place}: {name} of split {node} is {children[node]}; save the model again")
    return children


def _behind(children: Ints, splits: int, leaves: int) -> Ints:
    return np.concatenate([np.where(children < 0, splits + ~children, children), np.full(leaves, LEAF)])


def _padded(values: Ints, more: int) -> Ints:
    return np.concatenate([values, np.zeros(more, np.int64)])


def _members(block: Block, categorical: Bools, thresholds: Floats) -> dict[int, Ints]:
    """Split → the categories of its bit field, whose number stands for the threshold."""
    if not categorical.any():
        return {}
    bounds, words = block.ints("cat_boundaries"), block.ints("cat_threshold")
    if (np.diff(bounds) < 0).any() or not len(bounds) or bounds[0] != 0 or bounds[-1] != len(words):
        raise block.fault("cat_boundaries", f"a rising list from 0 to {len(words)}")
    if ((words < 0) | (words >= 1 << 32)).any():
        raise block.fault("cat_threshold", "words of 32 bits")
    found: dict[int, Ints] = {}
    for node in np.flatnonzero(categorical).tolist():
        at = thresholds[node]
        if not (at.is_integer() and 0 <= at < len(bounds) - 1):
            raise ImportRefused(f"{block.place}: threshold of split {node} is {at}; it has {len(bounds) - 1} sets")
        part = words[bounds[int(at)] : bounds[int(at) + 1]].astype("<u4")
        found[node] = np.flatnonzero(np.unpackbits(part.view(np.uint8), bitorder="little"))
    return found
