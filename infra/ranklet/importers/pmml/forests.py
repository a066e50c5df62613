"""Diagrams of several trees in one node of the graph: the outcome of each row in each, or the sum of what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from ranklet.importers.pmml.context import Context
from ranklet.importers.trees import checks, lowering
from ranklet.importers.trees.records import Ensemble, Floats, Ints, Tree

if TYPE_CHECKING:
    from ranklet.importers.pmml.diagrams import Diagram


def leaves(diagrams: Sequence[Diagram], context: Context) -> str:
    """The outcome of each row in each tree: int64 [n, trees]."""
    numbers = [np.arange(len(one.outcomes), dtype=np.float64) for one in diagrams]
    found = _run(diagrams, numbers, context, apart=True)
    return context.tape.op("Cast", found, to=int(TensorProto.INT64))


def total(diagrams: Sequence[Diagram], values: Sequence[Floats], context: Context) -> str:
    """Σ over trees of the values of their outcomes, in the trees' order: double [n, 1]."""
    return _run(diagrams, values, context, apart=False)


def _run(
    diagrams: Sequence[Diagram],
    values: Sequence[Floats],
    context: Context,
    *,
    apart: bool,
) -> str:
    columns = {name: at for at, name in enumerate(dict.fromkeys(name for one in diagrams for name in one.columns))}
    trees = []
    for at, (one, said) in enumerate(zip(diagrams, values, strict=True)):
        places = np.array([columns[name] for name in one.columns] or [0], np.int64)
        tree = one.tree()
        trees.append(_valued(tree, places, said, at if apart else 0))
    if not columns:
        columns = {context.sources.rows(): 0}
    ensemble = Ensemble(
        trees=tuple(trees),
        dtype="float64",
        strict=False,
        width=len(columns),
        base=(0.0,) * (len(trees) if apart else 1),
        link="identity",
    )
    checks.check(ensemble)
    made = context.tape.name()
    node = lowering._trees(ensemble, made)
    node.input[0] = context.tape.joined(list(columns))
    context.tape.nodes.append(node)
    return made


def _valued(
    tree: Tree,
    places: Ints,
    said: Floats,
    target: int,
) -> Tree:
    value = said[tree.value.astype(np.int64)]
    return replace(tree, feature=places[tree.feature], value=value, target=target)
