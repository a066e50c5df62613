"""Predictions by walking the records in NumPy, level by level: the meaning of `records`, which the graph is held to."""

from __future__ import annotations

import numpy as np

from ranklet.importers.trees import linear
from ranklet.importers.trees.columns import places, widen
from ranklet.importers.trees.links import LINKS
from ranklet.importers.trees.records import LEAF, Bools, Ensemble, Floats, Ints, Tree


def predict(ensemble: Ensemble, features: Floats) -> Floats:
    """features [n, width] → [n, outputs]."""
    values = widen(ensemble, features)
    sums = np.tile(np.array(ensemble.base, ensemble.dtype), (len(features), 1))
    if ensemble.weights is not None:
        sums += np.nan_to_num(values, nan=0, posinf=np.inf, neginf=-np.inf) @ ensemble.weights.astype(ensemble.dtype)
    for tree in ensemble.trees:
        leaves = _leaves(ensemble, tree, values)
        given = tree.value[leaves] if tree.line is None else linear.values(tree, leaves, values)
        sums[:, tree.target] += given.astype(ensemble.dtype)
    return LINKS[ensemble.link].values(sums * sums.dtype.type(ensemble.scale))


def _leaves(ensemble: Ensemble, tree: Tree, values: Floats) -> Ints:
    """The leaf that each row falls into."""
    columns = tree.feature.copy()
    for node, view in tree.views.items():
        columns[node] = places(ensemble)[view, int(tree.feature[node])]
    at = np.zeros(len(values), np.int64)
    while (moving := np.flatnonzero(tree.left[at] != LEAF)).size:
        nodes = at[moving]
        left = _goes_left(ensemble, tree, nodes, values[moving, columns[nodes]])
        at[moving] = np.where(left, tree.left[nodes], tree.right[nodes])
    return at


def _goes_left(ensemble: Ensemble, tree: Tree, nodes: Ints, values: Floats) -> Bools:
    thresholds = tree.threshold[nodes].astype(ensemble.dtype)
    left = values < thresholds if ensemble.strict else values <= thresholds
    for node in set(nodes.tolist()) & set(tree.members):
        here = nodes == node
        left[here] = np.isin(values[here], tree.members[node])
    found: Bools = np.where(np.isnan(values), tree.missing_left[nodes], left)
    return found
