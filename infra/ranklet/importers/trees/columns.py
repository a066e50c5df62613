"""The columns that trees read: the features as they are, then each that some node sees in another way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from ranklet.importers.trees.records import Ensemble, Floats, View

ZERO = float(np.float32(1e-35))
"""LightGBM's kZeroThreshold, a float constant: what lies within is zero to it."""

Place = tuple[View, int]


def places(ensemble: Ensemble) -> Mapping[Place, int]:
    """(view, feature) → the column behind the features that holds it; columns of one view lie side by side."""
    seen = {(view, int(tree.feature[node])) for tree in ensemble.trees for node, view in tree.views.items()}
    return {place: ensemble.width + at for at, place in enumerate(sorted(seen))}


def widen(ensemble: Ensemble, features: Floats) -> Floats:
    """features [n, width] with the further columns behind, in the ensemble's dtype."""
    values = features.astype(ensemble.dtype)
    seen = [_VALUES[view](values[:, feature]) for view, feature in places(ensemble)]
    return np.concatenate([values, np.stack(seen, axis=1)], axis=1) if seen else values


_VALUES: Mapping[View, Callable[[Floats], Floats]] = {
    "floor": np.floor,
    "trunc": np.trunc,
    "zero": lambda values: np.where(np.abs(values) <= ZERO, np.nan, values),
    "clean": lambda values: np.where(np.abs(values) <= ZERO, 0, values),
}


def nodes(ensemble: Ensemble, values: str) -> Iterator[NodeProto | TensorProto]:
    """The same as a graph: nodes and constants that make the tensor `columns` of the tensor `values`."""
    parts = [values]
    for view in sorted({view for view, _ in places(ensemble)}):
        chosen = [feature for seen, feature in places(ensemble) if seen == view]
        yield numpy_helper.from_array(np.array(chosen, np.int64), f"{view}_features")
        yield helper.make_node("Gather", [values, f"{view}_features"], [f"{view}_of"], axis=1)
        yield from _NODES[view](ensemble)
        parts.append(view)
    if len(parts) > 1:
        yield helper.make_node("Concat", parts, ["columns"], axis=1)
    else:
        yield helper.make_node("Identity", parts, ["columns"])


def _floor(ensemble: Ensemble) -> Iterator[NodeProto | TensorProto]:
    yield helper.make_node("Floor", ["floor_of"], ["floor"])


def _trunc(ensemble: Ensemble) -> Iterator[NodeProto | TensorProto]:
    yield helper.make_node("Abs", ["trunc_of"], ["trunc_abs"])
    yield helper.make_node("Floor", ["trunc_abs"], ["trunc_floor"])
    yield helper.make_node("Sign", ["trunc_of"], ["trunc_sign"])
    yield helper.make_node("Mul", ["trunc_floor", "trunc_sign"], ["trunc"])


def _zero(ensemble: Ensemble) -> Iterator[NodeProto | TensorProto]:
    yield from _instead_of_zero(ensemble, "zero", np.nan)


def _clean(ensemble: Ensemble) -> Iterator[NodeProto | TensorProto]:
    yield from _instead_of_zero(ensemble, "clean", 0)


def _instead_of_zero(ensemble: Ensemble, view: View, value: float) -> Iterator[NodeProto | TensorProto]:
    yield numpy_helper.from_array(np.array(ZERO, ensemble.dtype), f"{view}_threshold")
    yield numpy_helper.from_array(np.array(value, ensemble.dtype), f"{view}_value")
    yield helper.make_node("Abs", [f"{view}_of"], [f"{view}_abs"])
    yield helper.make_node("LessOrEqual", [f"{view}_abs", f"{view}_threshold"], [f"{view}_is"])
    yield helper.make_node("Where", [f"{view}_is", f"{view}_value", f"{view}_of"], [view])


_NODES: Mapping[View, Callable[[Ensemble], Iterator[NodeProto | TensorProto]]] = {
    "floor": _floor,
    "trunc": _trunc,
    "zero": _zero,
    "clean": _clean,
}
