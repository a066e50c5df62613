"""Makes inputs for a graph: random ones to trace it by, adversarial ones to refute a split by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ranklet.graph.records import Array
from ranklet.graph.running import RunFailed

FOLLOWED = {"Cast", "Slice", "Squeeze", "Unsqueeze", "Reshape", "Gather", "Split", "Flatten", "Identity", "Transpose",
            "Concat", "Clip", "Where", "Expand"}  # fmt: skip
"""Ops through which an id stays an id on its way from the input to a table."""

FREE_LIMIT = 7
"""Integers that index no table are drawn below it."""


@dataclass(frozen=True)
class InputKind:
    """What an input holds. shape: sizes, or names of dynamic dimensions, the first of them the batch ("")."""

    name: str
    dtype: np.dtype[np.generic]
    shape: tuple[int | str, ...]
    limit: int | None

    def sized(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape at these sizes of the dynamic dimensions."""
        return tuple(dim if isinstance(dim, int) else sizes[dim] for dim in self.shape)

    def random(self, sizes: Mapping[str, int], random: np.random.Generator) -> Array:
        """Ids below the limit, standard normal floats, or the strings "0" to "6"."""
        shape = self.sized(sizes)
        if self.limit is not None:
            return random.integers(0, self.limit, shape).astype(self.dtype)
        if self.dtype.kind == "f":
            return random.standard_normal(shape).astype(self.dtype)
        if self.dtype.kind == "b":
            return random.random(shape) < 0.5
        values = random.integers(0, FREE_LIMIT, shape)
        return values.astype(str).astype(object) if self.dtype.kind == "O" else values.astype(self.dtype)


def input_kinds(model: ir.Model, limits: Mapping[str, int], extents: Mapping[str, int]) -> tuple[InputKind, ...]:
    """The model's inputs. Raises RunFailed for one whose rank is unknown."""
    return tuple(_kind(value, limits, extents) for value in model.graph.inputs if not value.is_initializer())


def _kind(value: ir.Value, limits: Mapping[str, int], extents: Mapping[str, int]) -> InputKind:
    if value.shape is None or value.dtype is None:
        raise RunFailed(f"input {value.name!r} has no shape or no type in the graph; export it with both")
    name = value.name or ""
    shape = tuple(_dim(dim, name, axis, extents) for axis, dim in enumerate(value.shape))
    dtype = np.dtype(object) if value.dtype == ir.DataType.STRING else np.dtype(value.dtype.numpy())
    limit = limits.get(name, id_limit(value)) if dtype.kind in "iuf" else None
    return InputKind(name, dtype, shape, limit)


def _dim(dim: int | ir.SymbolicDim, name: str, axis: int, extents: Mapping[str, int]) -> int | str:
    if isinstance(dim, int):
        return dim
    if axis == 0:
        return ""
    label = str(dim.value) if dim.value is not None else f"{name}.{axis}"
    return extents.get(label, label)


def id_limit(start: ir.Value) -> int | None:
    """The rows of the smallest table that the input's values index, None where they index none."""
    found: list[int] = []
    seen: set[ir.Value] = set()
    waiting = [(start, start.dtype is not None and start.dtype.is_integer())]
    while waiting:
        value, integer = waiting.pop()
        if value in seen:
            continue
        seen.add(value)
        for node, place in value.uses():
            if node.op_type == "Gather" and place == 1:
                found.extend(_rows(node) if integer else ())
            elif node.op_type in FOLLOWED and (place == 0 or node.op_type in ("Concat", "Where", "Clip")):
                cast = node.op_type == "Cast" and _casts_to_integer(node)
                waiting.extend((output, integer or cast) for output in node.outputs)
    return min(found, default=None)


def _rows(gather: ir.Node) -> list[int]:
    data, axis = gather.inputs[0], gather.attributes.get_int("axis", 0)
    if data is None or data.shape is None or not isinstance(size := data.shape[axis], int):
        return []
    return [size] if data.is_initializer() or data.const_value is not None else []


def _casts_to_integer(node: ir.Node) -> bool:
    return ir.DataType(node.attributes["to"].as_int()).is_integer()
