"""MLeap's files in protobuf, read into the objects of JSON that MLeap writes for the same model.

The messages and the numbers of their fields are those of combust/bundle-protobuf, bundle/bundle.proto (ml.bundle) and
bundle/ext/dtree.proto (ml.bundle.dtree), as MLeap has written them since 0.8; how they stand in files is told by
combust/mleap: ModelSerializer, NodeSerializer, TreeSerializer and ArraySerializer of bundle-ml. Enumerations are read
as numbers and maps as lists of their entries, which are the same bytes.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.mleap.attributes import BIG_ENDIAN

FIELDS = {
    "TensorDimension": "int32 size 1, string name 2",
    "TensorShape": "TensorDimension* dimensions 1",
    "Tensor": "int32 base 1, TensorShape shape 2, bytes value 3",
    "DataShape": "int32 base 1, bool is_nullable 2, TensorShape tensor_shape 3",
    "List": "bool* b 1, string* s 2, int32* i 3, int64* l 4, float* f 5, double* d 6, bytes* bs 7, "
    "Tensor* t 8, int32* bt 9, DataShape* ds 10, Model* m 11",
    "Scalar": "bool b 1, string s 2, int32 i 3, int64 l 4, float f 5, double d 6, bytes bs 7, "
    "Tensor t 8, int32 bt 9, DataShape ds 10, Model m 11",
    "Value": "Scalar s 1, List l 2, Tensor t 3",
    "Attribute": "string key 1, Value value 2",
    "Attributes": "Attribute* list 1",
    "Model": "string op 1, Attributes attributes 2",
    "Socket": "string port 1, string name 2",
    "NodeShape": "Socket* inputs 1, Socket* outputs 2",
    "Node": "string name 1, NodeShape shape 2",
    "CategoricalSplit": "uint32 feature_index 1, bool is_left 2, uint32 num_categories 3, double* categories 4",
    "ContinuousSplit": "uint32 feature_index 1, double threshold 2",
    "Split": "CategoricalSplit categorical 1, ContinuousSplit continuous 2",
    "InternalNode": "Split split 1",
    "LeafNode": "double* values 1",
    "TreeNode": "InternalNode internal 1, LeafNode leaf 2",
}
"""Message → its fields: type, name, number; a star behind the type of repeated ones."""
SPELLED = {
    **{"b": "boolean", "s": "string", "i": "int", "l": "long", "f": "float", "d": "double", "bs": "byte_string"},
    **{"t": "tensor", "bt": "basic_type", "ds": "data_shape", "m": "model"},
}
"""Field of a Scalar or a List → its key in JSON."""
_AS_THEY_ARE = ("b", "s", "i", "l", "f", "d")
SHAPES = ("scalar", "list", "tensor")
BASICS = {1: "boolean", 2: "byte", 3: "short", 4: "int", 5: "long", 6: "float", 7: "double"}
"""BasicType since 0.9, when UNDEFINED became 0 and pushed them one up."""
WORDS = {100: "string", 101: "byte_string"}
"""Those that kept their number."""
ITEMS = {
    **{(7, 8): "double", (6, 4): "float", (5, 8): "long", (4, 4): "int", (3, 2): "short"},
    **{(6, 8): "double", (5, 4): "float", (4, 8): "long", (3, 4): "int", (2, 2): "short"},
}
"""(BasicType, bytes of a number) → what a tensor holds: since 0.9, and before. No pair means two things."""
_LENGTH = 4
"""Bytes before each node of a tree that say how long it is, the largest first."""


def model(content: bytes, place: str, basics: Mapping[int, str]) -> dict[str, Any]:
    """{op, attributes} of a model.pb. basics: what numbers of basic types are known to mean.

    Raises ImportRefused for a file that is damaged, or holds what the definitions do not have.
    """
    read = _read("Model", content, place)
    attributes = {}
    for one in read.attributes.list:
        try:
            attributes[one.key] = _value(one.value, basics)
        except ValueError as error:
            raise ImportRefused(f"{place}: the attribute {one.key[:80]!r} {error}") from error
    return {"op": read.op, "attributes": attributes}


def node(content: bytes, place: str) -> dict[str, Any]:
    """{name, shape} of a node.pb. Raises as `model` does."""
    read = _read("Node", content, place)
    ends = {"inputs": read.shape.inputs, "outputs": read.shape.outputs}
    shape = {end: [{"name": one.name, "port": one.port} for one in sockets] for end, sockets in ends.items()}
    return {"name": read.name, "shape": shape}


def tree(content: bytes, place: str) -> Iterator[dict[str, Any]]:
    """The nodes of a tree.pb, in order. Raises as `model` does."""
    at = number = 0
    while at < len(content):
        number += 1
        size = int.from_bytes(content[at : at + _LENGTH], "big", signed=True)
        at += _LENGTH
        if not 0 <= size <= len(content) - at:
            raise ImportRefused(f"{place}, node {number} is longer than its file; export the model again")
        read = _read("TreeNode", content[at : at + size], f"{place}, node {number}")
        try:
            yield _tree_node(read)
        except ValueError as error:
            raise ImportRefused(f"{place}, node {number} {error}; export the model again") from error
        at += size


def _value(value: Any, basics: Mapping[int, str]) -> dict[str, Any]:
    name = _only(value)
    if name == "t":
        return {"type": "tensor", **_tensor(value.t)}
    if name == "s":
        return {SPELLED[field.name]: _plain(field.name, one, basics) for field, one in value.s.ListFields()}
    lists = {SPELLED[field.name]: _all(field.name, several, basics) for field, several in value.l.ListFields()}
    return {"type": "list", **lists}


def _all(name: str, several: Any, basics: Mapping[int, str]) -> list[Any]:
    return list(several) if name in _AS_THEY_ARE else [_plain(name, one, basics) for one in several]


def _plain(name: str, one: Any, basics: Mapping[int, str]) -> Any:
    if name == "t":
        return _tensor(one)
    if name == "ds":
        if not 0 <= one.base < len(SHAPES):
            raise ValueError(f"has a shape of the kind {one.base}, which is not known")
        return {"base": SHAPES[one.base], "isNullable": one.is_nullable, "tensorShape": _shape(one.tensor_shape)}
    if name == "bt":
        if (found := {**basics, **WORDS}.get(one)) is None:
            raise ValueError(f"has a basic type of the number {one}, whose meaning is not certain in this version")
        return found
    if name == "m":
        raise ValueError("is a model, which is not served")
    return base64.b64encode(one).decode() if name == "bs" else one


def _tensor(given: Any) -> dict[str, Any]:
    shape = _shape(given.shape)
    count = math.prod(one["size"] for one in shape["dimensions"])
    if count <= 0 or not given.value:
        if count or given.value:
            raise ValueError("is a tensor whose shape and bytes do not go together")
        return {"double": [], "shape": shape}
    kind = ITEMS.get((given.base, len(given.value) // count)) if len(given.value) % count == 0 else None
    if kind is None:
        raise ValueError(
            f"is a tensor of {count} numbers in {len(given.value)} bytes of the type {given.base}: sparse tensors, and "
            "those of texts, bytes and booleans, are not served"
        )
    return {kind: np.frombuffer(given.value, BIG_ENDIAN[kind]).tolist(), "shape": shape}


def _shape(given: Any) -> dict[str, Any]:
    return {"dimensions": [{"size": one.size} for one in given.dimensions]}


def _tree_node(read: Any) -> dict[str, Any]:
    if _only(read) == "leaf":
        return {"type": "leaf", "values": list(read.leaf.values)}
    kind, split = _only(read.internal.split), read.internal.split
    if kind == "continuous":
        one, found = split.continuous, {"threshold": split.continuous.threshold}
    else:
        one = split.categorical
        found = {"isLeft": one.is_left, "categories": list(one.categories)}
    return {"type": "internal", "split": {"type": kind, "featureIndex": one.feature_index, **found}}


def _only(message: Any) -> str:
    """The name of the one field that a choice has. Raises ValueError for none, or several."""
    given = [field.name for field, _ in message.ListFields()]
    if len(given) != 1:
        raise ValueError(f"has {' and '.join(given) or 'nothing'}, where one of several stands")
    name: str = given[0]
    return name


def _read(message: str, content: bytes, place: str) -> Any:
    """What the definitions do not have would go unread, so that it is refused."""
    from google.protobuf.message import DecodeError

    try:
        found = _messages()[message].FromString(content)
    except (DecodeError, RecursionError, ValueError) as error:  # the last two of protobuf without its C
        raise ImportRefused(f"{place} is no message of MLeap's, or is cut off; export the model again") from error
    known = _messages()[message]()
    known.CopyFrom(found)
    known.DiscardUnknownFields()
    if known.ByteSize() != found.ByteSize():
        raise ImportRefused(
            f"{place} has fields that the definitions of MLeap 0.8 and later do not have: write the bundle with "
            "SerializationFormat.Json"
        )
    return found


@cache
def _messages() -> Mapping[str, Any]:
    """Message → its class."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="mleap.proto", package="ml.bundle", syntax="proto3")
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for kind, field, number in map(str.split, fields.split(", ")):
            one = message.field.add(name=field, number=int(number), label=3 if kind.endswith("*") else 1)
            kind = kind.rstrip("*")
            if kind in FIELDS:
                one.type, one.type_name = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE, f".ml.bundle.{kind}"
            else:
                one.type = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"ml.bundle.{name}")) for name in FIELDS}
