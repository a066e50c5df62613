"""Trees for the NumPy engine `trees`: which of them it serves, when it is the faster one, and their arrays.

onnxruntime walks a row down a tree, and a processor guesses wrong at every second split. The engine `trees` compares
each different threshold with all rows instead: what a split costs does not depend on the rows, and there is work per
threshold and per leaf that a walk does not have. So large ensembles of flat trees go there, by an estimate, not by a
clock: the same file gives the same package. `steps.engine` overrides it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.base import Exported, TensorSpec
from ranklet.importers.npz import npz
from ranklet.importers.trees import trial
from ranklet.importers.trees.columns import ZERO
from ranklet.importers.trees.records import LEAF, Ensemble, Floats, Ints, Link, Tree
from ranklet.importers.trees.walking import predict
from ranklet.model import StepSource
from ranklet_runtime.engines.forest import DEPTH
from ranklet_runtime.engines.thresholds import distinct
from ranklet_runtime.engines.trees import TreesEngine
from ranklet_runtime.manifest import Step

ENGINE, FEATURES = "trees", "features"

LINKS: Mapping[Link, str] = {"identity": "identity", "sigmoid": "sigmoid", "exp": "exp"}
"""Those that the engine has."""

VIEWS = {"clean"}
"""That a threshold can express: what is zero is 0, so that it is below every t ≥ 0, and beyond every other."""

LEVEL = 1.3
"""µs that 512 rows take in onnxruntime for a level of a tree, half of whose splits are the user's and easily guessed.
The estimates are of one core (AMD EPYC, 2.6 GHz); only their ratios count."""

SHIPS = (
    'trees this flat are served by NumPy (engine = "trees"), without onnxruntime; engine = "onnx" in [[steps]] takes it'
)

TOLERANCE = 1e-6
"""Relative: sums are in the records' order, the engine's answer is of 32 bits."""

CALLS, THRESHOLD, COLUMN, TREE, EXIT = 150.0, 0.08, 1.5, 1.0, 0.012
"""µs that they take in NumPy: calling it, a different threshold, a feature, a tree, a leaf of it when it is full."""

SYMMETRIC_CALLS, SYMMETRIC_COLUMN, SYMMETRIC_TREE, SYMMETRIC_LEVEL = 100.0, 0.3, 0.55, 0.035
"""The same of trees that ask one question a level, and a level of theirs. They are gathers to onnxruntime, not walks
(`catboost.oblivious`), which takes as long."""


class Flat(NamedTuple):
    """A tree's nodes breadth first. depth [nodes]; child: the left one, 0 of a leaf; order: of the records' nodes."""

    order: Ints
    child: Ints
    depth: Ints


def why_not(ensemble: Ensemble) -> str | None:
    """What the engine does not serve, None where it serves all."""
    if ensemble.outputs != 1 or ensemble.link not in LINKS or ensemble.weights is not None:
        return f"has {ensemble.outputs} outputs and the link {ensemble.link}; it serves one, and {', '.join(LINKS)}"
    if not ensemble.trees or ensemble.computes:
        return "has no trees, or leaves that compute"
    if any(tree.members for tree in ensemble.trees):
        return "has splits by sets of categories"
    odd = {view for tree in ensemble.trees for view in tree.views.values()}
    if odd := odd if ensemble.strict else odd - VIEWS:
        return f"has splits that see {sorted(odd)[0]} of a feature"
    if any(_flat(tree).depth.max() > DEPTH for tree in ensemble.trees):
        return f"has trees of more than {DEPTH} levels"
    return None


def faster(ensemble: Ensemble) -> bool:
    """Whether NumPy is expected to be, for hundreds of rows, of trees that it serves."""
    found = [(tree, _flat(tree)) for tree in ensemble.trees]
    walked = sum(float(flat.depth[flat.child == 0].mean()) for _, flat in found)
    inner = [(tree, flat.order[flat.child > 0]) for tree, flat in found]
    features, thresholds, _ = distinct(
        np.concatenate([tree.feature[nodes] for tree, nodes in inner]),
        np.concatenate([tree.threshold[nodes] for tree, nodes in inner]),
    )
    cost, columns = THRESHOLD * len(thresholds), len(np.unique(features))
    if all(_symmetric(tree, flat) for tree, flat in found):
        cost += SYMMETRIC_CALLS + SYMMETRIC_COLUMN * columns + SYMMETRIC_TREE * len(found) + SYMMETRIC_LEVEL * walked
    else:
        full = sum(2.0 ** float(flat.depth.max()) for _, flat in found)
        cost += CALLS + COLUMN * columns + TREE * len(found) + EXIT * full
    return cost < LEVEL * walked


def _symmetric(tree: Tree, flat: Flat) -> bool:
    """Whether it asks one question a level, as CatBoost's do."""
    levels = int(flat.depth.max())
    if len(flat.order) != (2 << levels) - 1:
        return False
    nodes = flat.order[: len(flat.order) >> 1]
    asked = np.stack([tree.feature[nodes], tree.threshold[nodes], tree.missing_left[nodes]])
    first = (1 << flat.depth[: len(nodes)]) - 1
    return np.array_equal(asked, asked[:, first])


def chosen(ensemble: Ensemble, engine: str | None, *, ids: bool) -> bool:
    """Whether the engine `trees` serves them. engine: the author's, None for no wish. ids: categories come as ids.

    Raises ImportRefused for an engine that cannot.
    """
    if engine not in (None, "onnx", ENGINE):
        raise ImportRefused(f"steps.engine is {engine!r}; trees are served by onnx and {ENGINE}, or leave the choice")
    if engine == "onnx":
        return False
    reason = "takes categories as ids" if ids else why_not(ensemble)
    if engine == ENGINE and reason is not None:
        raise ImportRefused(f"steps.engine is {ENGINE!r}, but the model {reason}; drop it, and onnxruntime serves it")
    return reason is None and (engine == ENGINE or faster(ensemble))


def export(ensemble: Ensemble, source: StepSource, notes: tuple[str, ...]) -> Exported:
    """The step. Raises ImportRefused for unknown outputs, and where the engine differs from the records."""
    if unknown := sorted(set(source.outputs) - {"logit", "score"}):
        raise ImportRefused(f"it has no output {unknown}; its outputs are logit and score")
    held = arrays(ensemble)
    _try(ensemble, held)
    return Exported(
        ENGINE,
        (TensorSpec(FEATURES, ensemble.dtype, (None, ensemble.width)),),
        tuple(TensorSpec(name, "float32", (None,)) for name in source.outputs or ("logit", "score")),
        f"{PurePosixPath(source.source or '').stem}.npz",
        npz(held),
        options(ensemble),
        notes=(*notes, SHIPS),
    )


def _try(ensemble: Ensemble, held: Mapping[str, NDArray[Any]]) -> None:
    """Holds the engine to the records on the rows at which splits turn."""
    rows = trial.turning_points(ensemble)
    step = Step(ENGINE, "item", {FEATURES: FEATURES}, {"logit": "logit"}, options=options(ensemble))
    found = TreesEngine(step, held).run({FEATURES: rows})["logit"]
    wanted = predict(replace(ensemble, link="identity"), rows)[:, 0]
    same = np.isclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    if not same.all():
        row = int(np.argmin(same))
        raise ImportRefused(f"the engine {ENGINE} gives {found[row]} for {rows[row].tolist()}, the trees {wanted[row]}")


def options(ensemble: Ensemble) -> dict[str, Any]:
    """Of the engine."""
    return {
        "widths": {FEATURES: ensemble.width},
        "strict": ensemble.strict,
        "link": LINKS[ensemble.link],
        "precision": ensemble.dtype,
        "scale": float(ensemble.scale),
    }


def arrays(ensemble: Ensemble) -> dict[str, NDArray[Any]]:
    """As the engine's docstring says. Whole numbers as floats of 32 bits, where those tell them apart."""
    parts: dict[str, list[Any]] = {name: [] for name in ("child", "feature", "number", "missing", "roots")}
    start = 0
    for tree in ensemble.trees:
        flat = _flat(tree)
        split = flat.child > 0
        parts["roots"].append([start])
        parts["child"].append(np.where(split, flat.child + start, 0))
        parts["feature"].append(np.where(split, tree.feature[flat.order], 0))
        parts["number"].append(_numbers(ensemble, tree, flat))
        parts["missing"].append(split & tree.missing_left[flat.order])
        start += len(flat.order)
    whole = np.float32 if max(start, ensemble.width) < 1 << 24 else np.float64
    found = {name: np.concatenate(values).astype(whole) for name, values in parts.items() if name != "number"}
    number = np.concatenate(parts["number"]).astype(ensemble.dtype)
    return found | {"number": number, "bias": np.array(ensemble.base, ensemble.dtype)}


def _numbers(ensemble: Ensemble, tree: Tree, flat: Flat) -> Floats:
    """Thresholds of splits, values of leaves."""
    thresholds = tree.threshold.astype(ensemble.dtype)
    for node in tree.views:
        below = np.nextafter(thresholds.dtype.type(-ZERO), thresholds.dtype.type(-1))
        thresholds[node] = max(thresholds[node], ZERO) if thresholds[node] >= 0 else min(thresholds[node], below)
    return np.where(flat.child > 0, thresholds[flat.order], tree.value[flat.order])


def _flat(tree: Tree) -> Flat:
    """The nodes that the root reaches."""
    levels = [np.zeros(1, np.int64)]
    while len(inner := levels[-1][tree.left[levels[-1]] != LEAF]):
        levels.append(np.stack([tree.left[inner], tree.right[inner]], axis=1).ravel())
    order = np.concatenate(levels)
    number = np.zeros(len(tree.left), np.int64)
    number[order] = np.arange(len(order))
    left = tree.left[order]
    depth = np.repeat(np.arange(len(levels)), [len(level) for level in levels])
    return Flat(order, np.where(left == LEAF, 0, number[left]), depth)
