"""What the graph is fed: one tensor of all features, or beside it ids of those whose categories the file names.

An id is a position among the categories. What is none of them, missing or unknown, has a larger one: NaN to trees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from ranklet.errors import ImportRefused
from ranklet.importers.base import TensorSpec
from ranklet.importers.trees.records import Ensemble, Floats

FEATURES = "features"


@dataclass(frozen=True)
class Ids:
    """A feature that comes as ids. at: its place among the features. name: of the tensor. count: of its categories."""

    at: int
    name: str
    count: int


def chosen(ensemble: Ensemble, names: Sequence[str]) -> tuple[Ids, ...]:
    """The features of these names. Raises ImportRefused for one whose categories the file does not name."""
    known = {ensemble.names[at]: at for at in ensemble.categories}
    if unknown := [name for name in names if name not in known]:
        raise ImportRefused(
            f"options.categories has {unknown[0]!r}; the file names categories of {sorted(known) or 'none'}"
        )
    places = sorted({known[name] for name in names})
    return tuple(Ids(at, f"{ensemble.names[at]}_id", len(ensemble.categories[at])) for at in places)


def specs(ensemble: Ensemble, ids: Sequence[Ids]) -> tuple[TensorSpec, ...]:
    """The graph's inputs."""
    wide = ensemble.width - len(ids)
    numbers = (TensorSpec(FEATURES, ensemble.dtype, (None, wide)),) if wide else ()
    return (*numbers, *(TensorSpec(one.name, "int64", (None,)) for one in ids))


def declared(ensemble: Ensemble, ids: Sequence[Ids]) -> list[Any]:
    """The same, as ONNX has them."""
    return [
        helper.make_tensor_value_info(
            spec.name, helper.np_dtype_to_tensor_dtype(np.dtype(spec.dtype)), ["n", *(spec.shape or ())[1:]]
        )
        for spec in specs(ensemble, ids)
    ]


def nodes(ensemble: Ensemble, ids: Sequence[Ids], made: str) -> Iterator[NodeProto | TensorProto]:
    """From the inputs to the tensor `made` [n, width] of all features in their order."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(ensemble.dtype))
    yield numpy_helper.from_array(np.array(np.nan, ensemble.dtype), "no_category")
    yield numpy_helper.from_array(np.array([1], np.int64), "column_axis")
    parts = [FEATURES] if ensemble.width > len(ids) else []
    for one in ids:
        yield numpy_helper.from_array(np.array(one.count, np.int64), f"{one.name}:count")
        yield helper.make_node("Less", [one.name, f"{one.name}:count"], [f"{one.name}:known"])
        yield helper.make_node("Cast", [one.name], [f"{one.name}:number"], to=kind)
        given = [f"{one.name}:known", f"{one.name}:number", "no_category"]
        yield helper.make_node("Where", given, [f"{one.name}:code"])
        yield helper.make_node("Unsqueeze", [f"{one.name}:code", "column_axis"], [f"{one.name}:column"])
        parts.append(f"{one.name}:column")
    order = [*(at for at in range(ensemble.width) if at not in {one.at for one in ids}), *(one.at for one in ids)]
    yield numpy_helper.from_array(np.argsort(order).astype(np.int64), "feature_order")
    yield helper.make_node("Concat", parts, ["in_parts"], axis=1)
    yield helper.make_node("Gather", ["in_parts", "feature_order"], [made], axis=1)


def codes(ids: Sequence[Ids], rows: Floats) -> Floats:
    """Rows whose ids are codes, whatever they were: of most a category, of some NaN."""
    found = rows.copy()
    for one in ids:
        numbers = np.arange(len(rows)) * 7919 % (one.count + 1)
        found[:, one.at] = np.where(numbers < one.count, numbers, np.nan)
    return found


def feeds(ids: Sequence[Ids], rows: Floats) -> Mapping[str, NDArray[Any]]:
    """Rows [n, width], as `codes` makes them, for the graph."""
    beside = [one.at for one in ids]
    found: dict[str, NDArray[Any]] = {FEATURES: np.delete(rows, beside, axis=1)} if rows.shape[1] > len(ids) else {}
    for one in ids:
        given = rows[:, one.at]
        found[one.name] = np.where(np.isnan(given), one.count, np.nan_to_num(given)).astype(np.int64)
    return found
