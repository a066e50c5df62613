"""Vectors joined, scaled, sliced and turned: each column by numbers of the model."""

from __future__ import annotations

import numpy as np

from ranklet.importers.mleap.attributes import Floats
from ranklet.importers.mleap.context import Context
from ranklet.importers.mleap.nodes import Node
from ranklet.importers.mleap.values import Numbers, Part


def vector_assembler(node: Node, context: Context) -> None:
    """Columns side by side. A row in which a scalar is missing is one that Spark refuses, or drops."""
    shapes = node.attributes.widths("input_shapes") if node.attributes.has("input_shapes") else []
    ports = [f"input{at}" for at in range(len(node.inputs))]
    if shapes and len(shapes) != len(ports):
        node.refuse(f"has {len(shapes)} shapes for {len(ports)} columns; export the model again")
    keeps = node.attributes.text("handle_invalid", "error") == "keep"
    parts: list[Part] = []
    for at, port in enumerate(ports):
        made = context.columns.get(node.inputs.get(port, ""))
        width = made.width if isinstance(made, Numbers) else shapes[at] if shapes else None
        numbers = context.numbers(node, port, width)
        if numbers.loose and not keeps:
            context.drop(context.tape.op("IsNaN", context.dense(numbers)))
        parts += numbers.parts
    if not parts:
        node.refuse("joins no column; drop it from the pipeline")
    context.give(node, "output", Numbers(tuple(parts)))


def standard_scaler(node: Node, context: Context) -> None:
    """(x - mean) / std, of which either may be left out; 0 where std is."""
    given = node.attributes
    mean = given.numbers("mean") if given.has("mean") else None
    std = given.numbers("std") if given.has("std") else None
    if mean is None and std is None:
        node.refuse("has neither mean nor std; drop it from the pipeline")
    if mean is not None and std is not None and len(mean) != len(std):
        node.refuse(f"has {len(mean)} means and {len(std)} deviations; export the model again")
    known = mean if mean is not None else std
    assert known is not None
    factor = None if std is None else np.divide(1.0, std, out=np.zeros(len(std)), where=std != 0)
    _scaled(node, context, len(known), mean=mean, factor=factor)


def min_max_scaler(node: Node, context: Context) -> None:
    """From [min, max] to [minValue, maxValue]; the middle where a column is constant."""
    low, high = node.attributes.numbers("min"), node.attributes.numbers("max")
    bottom, top = node.attributes.number("minValue", 0.0), node.attributes.number("maxValue", 1.0)
    if len(low) != len(high):
        node.refuse(f"has {len(low)} minima and {len(high)} maxima; export the model again")
    span = high - low
    factor = np.divide(top - bottom, span, out=np.zeros(len(span)), where=span != 0)
    _scaled(node, context, len(low), mean=low, factor=factor, plus=np.where(factor != 0, bottom, (bottom + top) / 2))


def max_abs_scaler(node: Node, context: Context) -> None:
    """x over its largest size."""
    largest = node.attributes.numbers("maxAbs" if node.attributes.has("maxAbs") else "max_abs")
    _scaled(node, context, len(largest), divisor=np.where(largest == 0, 1.0, largest))


def elementwise_product(node: Node, context: Context) -> None:
    """x times numbers of the model."""
    factor = node.attributes.numbers("scaling_vec" if node.attributes.has("scaling_vec") else "scalingVec")
    _scaled(node, context, len(factor), factor=factor)


def _scaled(
    node: Node, context: Context, width: int, *, mean: Floats | None = None, factor: Floats | None = None,
    divisor: Floats | None = None, plus: Floats | None = None,
) -> None:  # fmt: skip
    if width < 1:
        node.refuse("scales no column; export the model again")
    found = context.dense(context.numbers(node, "input", width))
    for op, other in (("Sub", mean), ("Mul", factor), ("Div", divisor), ("Add", plus)):
        if other is not None:
            found = context.tape.op(op, found, context.tape.constant(other[None]))
    context.give_tensor(node, "output", found, width)


def normalizer(node: Node, context: Context) -> None:
    """x over its p-norm, where that is not 0."""
    p = node.attributes.maybe("p_norm")
    if not p >= 1:
        node.refuse(f"has p_norm = {p:g}; served are norms of at least 1, and infinity that is written as such")
    numbers, tape = context.vector(node), context.tape
    dense = context.dense(numbers)
    size = tape.op("Abs", dense)
    if p == 2:
        norm = tape.op("Sqrt", tape.total(tape.op("Mul", dense, dense)))
    elif np.isinf(p):
        norm = tape.op("ReduceMax", size, [1], keepdims=1)
    else:
        norm = tape.op("Pow", tape.total(tape.op("Pow", size, p)), 1 / p)
    divisor = tape.op("Where", tape.op("Equal", norm, 0.0), 1.0, norm)
    context.give_tensor(node, "output", tape.op("Div", dense, divisor), numbers.width)


def pca(node: Node, context: Context) -> None:
    """The projections on the principal components, of what is not centred, as Spark has it."""
    if node.by_python:
        node.refuse("was written from scikit-learn's PCA without the means that it subtracts, and cannot be served")
    components = node.attributes.matrix("principal_components")
    numbers = context.numbers(node, "input", components.shape[0])
    context.give_tensor(node, "output", context.product(numbers, components), components.shape[1])


def vector_slicer(node: Node, context: Context) -> None:
    """Some columns in an order of their own."""
    given = node.attributes
    chosen = [*_places(node, "indices"), *_places(node, "named_indices")]
    if given.has("filter_indices"):
        chosen = _places(node, "filter_indices")
    numbers = context.vector(node)
    if not chosen or any(not 0 <= at < numbers.width for at in chosen):
        node.refuse(f"takes columns that are none of {numbers.width}; export the model again")
    context.give_tensor(node, "output", context.tape.columns(context.dense(numbers), chosen), len(chosen))


def _places(node: Node, name: str) -> list[int]:
    return [int(at) for at in node.attributes.numbers(name)] if node.attributes.has(name) else []
