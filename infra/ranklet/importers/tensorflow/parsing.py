"""ParseExample: the features of a serialised tf.Example are raw inputs, with their types, shapes and defaults.

Inputs and outputs as in TensorFlow's ops/parsing_ops.cc.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ranklet.importers.tensorflow.values import Indices, Mask, Raw, RawEntries, RawShape, Text, Value
from ranklet.importers.tensorflow.walk import Handler, Node, Walk, refused

DTYPES = {"float32": "float32", "int64": "int64", "string": "string"}


@dataclass(frozen=True)
class Parsed:
    """A feature of the example. default: of an absent one; None where it must be there."""

    raw: Raw
    default: Any = None


def parse_v2(walk: Walk, node: Node) -> Sequence[Value]:
    """ParseExampleV2."""
    _, _, sparse, dense, _, *defaults = node.inputs
    if node.attr["ragged_value_types"].list.type:
        raise refused(node, "it has ragged features; parse lists by VarLenFeature")
    return _parsed(walk, node, _texts(sparse), _texts(dense), defaults)


def parse(walk: Walk, node: Node) -> Sequence[Value]:
    """ParseExample."""
    sparse, dense = node.attr["Nsparse"].i, node.attr["Ndense"].i
    keys = [_texts(value)[0] for value in node.inputs[2 : 2 + sparse + dense]]
    return _parsed(walk, node, keys[:sparse], keys[sparse:], node.inputs[2 + sparse + dense :])


def _texts(value: Value) -> list[str]:
    if isinstance(value, Text):
        return [one.decode() for one in value.value.reshape(-1)]
    return []


def _parsed(walk: Walk, node: Node, sparse: list[str], dense: list[str], defaults: Sequence[Value]) -> Sequence[Value]:
    types = [walk.tf.as_dtype(one).name for one in node.attr["sparse_types"].list.type]
    lists = [Raw(key, type, (None,)) for key, type in zip(sparse, types, strict=True)]
    for raw in lists:
        _add(walk, node, Parsed(raw, []))
    found: list[Value] = [Indices(Mask(raw)) for raw in lists]
    found += [RawEntries(Mask(raw), raw) for raw in lists]
    found += [RawShape(raw) for raw in lists]
    dense_types = [walk.tf.as_dtype(one).name for one in node.attr["Tdense"].list.type]
    shapes = node.attr["dense_shapes"].list.shape
    for key, type, shape, default in zip(dense, dense_types, shapes, defaults, strict=True):
        sizes = tuple(dim.size for dim in shape.dim)
        if any(size < 0 for size in sizes):
            raise refused(node, f"{key!r} has no fixed shape; parse lists by VarLenFeature")
        raw = Raw(key, type, sizes)
        _add(walk, node, Parsed(raw, _default(walk, default, raw)))
        found.append(raw)
    return found


def _default(walk: Walk, value: Value, raw: Raw) -> Any:
    if isinstance(value, Text):
        flat = [one.decode() for one in value.value.reshape(-1)]
    else:
        found = walk.static(value)
        flat = [] if found is None else found.reshape(-1).tolist()
    if not flat:
        return None
    return (flat if len(flat) == raw.width else flat * raw.width) if raw.listed else flat[0]


def _add(walk: Walk, node: Node, one: Parsed) -> None:
    known = walk.features.parsed.setdefault(one.raw.name, one)
    if known != one:
        raise refused(node, f"{one.raw.name!r} is parsed in two ways; parse each feature once")


HANDLERS: Mapping[str, Handler] = {"ParseExample": parse, "ParseExampleV2": parse_v2}
