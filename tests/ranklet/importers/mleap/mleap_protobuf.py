"""Bundles in JSON as MLeap writes them in protobuf: bytes by the rules of the wire, apart from the library that reads.

Numbers of fields are written out here once more, from combust/bundle-protobuf (bundle.proto, ext/dtree.proto): what
the reader would have wrong, this has not.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mleap_writing as w

INFINITE = ("splits", "splits_array")
"""Lists whose null in JSON stands for an infinity at their ends."""


@dataclass(frozen=True)
class Dialect:
    """base, basics: numbers of BasicType, which changed in 0.9. packed: whether lists of numbers are one field."""

    version: str = "0.25.0"
    double: int = 7
    basics: tuple[str, ...] = ("?", "boolean", "byte", "short", "int", "long", "float", "double")
    packed: bool = True


NEW = Dialect()
UNPACKED = Dialect(packed=False)
OLD = Dialect("0.8.1", 6, ("boolean", "byte", "short", "int", "long", "float", "double"))


def moved(bundle: bytes, dialect: Dialect = NEW) -> bytes:
    """The same bundle in protobuf."""
    return w.zipped(files(bundle, dialect))


def files(bundle: bytes, dialect: Dialect = NEW) -> dict[str, bytes]:
    """Its files."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        given = {name: archive.read(name) for name in archive.namelist()}
    found = {}
    for name, content in given.items():
        folder, _, file = name.rpartition("/")
        if file == "bundle.json":
            head = json.loads(content) | {"format": "protobuf", "version": dialect.version}
            found[name] = json.dumps(head).encode()
        elif file == "model.json":
            found[f"{folder}/model.pb"] = model(json.loads(content), dialect)
        elif file == "node.json":
            found[f"{folder}/node.pb"] = node(json.loads(content))
        else:
            found[f"{folder}/{file.removesuffix('.json')}.pb"] = tree(content.decode().splitlines())
    return found


def model(given: Mapping[str, Any], dialect: Dialect = NEW) -> bytes:
    """Model: op 1, attributes 2, whose list 1 has entries of key 1 and value 2."""
    entries = [
        _bytes(1, _text(1, name) + _bytes(2, value(name, one, dialect)))
        for name, one in (given.get("attributes") or {}).items()
    ]
    return _text(1, given["op"]) + _bytes(2, b"".join(entries))


def node(given: Mapping[str, Any]) -> bytes:
    """Node: name 1, shape 2, whose inputs 1 and outputs 2 have port 1 and name 2."""
    ends = b"".join(
        _bytes(number, _text(1, one["port"]) + _text(2, one["name"]))
        for number, end in ((1, "inputs"), (2, "outputs"))
        for one in given["shape"].get(end, ())
    )
    return _text(1, given["name"]) + _bytes(2, ends)


def tree(lines: Iterable[str]) -> bytes:
    """Each node behind four bytes of its length: internal 1 (split 1) or leaf 2 (values 1)."""
    found = [tree_node(json.loads(line)) for line in lines if line.strip()]
    return b"".join(struct.pack(">i", len(one)) + one for one in found)


def tree_node(given: Mapping[str, Any]) -> bytes:
    if given["type"] == "leaf":
        return _bytes(2, _packed(1, "d", given["values"]))
    split = given["split"]
    feature = _int(1, split["featureIndex"])
    if split["type"] == "continuous":
        return _bytes(1, _bytes(1, _bytes(2, feature + _number(2, "d", split["threshold"]))))
    count = _int(3, split.get("numCategories", 0))
    inside = feature + _int(2, split["isLeft"]) + count + _packed(4, "d", split["categories"])
    return _bytes(1, _bytes(1, _bytes(1, inside)))


def value(name: str, given: Mapping[str, Any], dialect: Dialect) -> bytes:
    """Value: a scalar 1, a list 2 or a tensor 3."""
    kind = given.get("type")
    if kind == "tensor":
        return _bytes(3, _tensor(given, dialect))
    several = {key: one for key, one in given.items() if key != "type"}
    if kind != "list":
        return _bytes(1, b"".join(_scalar(key, one, dialect) for key, one in several.items()))
    return _bytes(2, b"".join(_list(key, _filled(name, one), dialect) for key, one in several.items()))


WHOLE = {"boolean": 1, "int": 3, "long": 4}
REAL = {"float": (5, "f"), "double": (6, "d")}


def _scalar(key: str, one: Any, dialect: Dialect) -> bytes:
    if key in WHOLE:
        return _int(WHOLE[key], one)
    if key in REAL:
        return _number(*REAL[key], float("nan") if one is None else one)
    return _text(2, one) if key == "string" else _message(key, one, dialect)


def _list(key: str, several: Sequence[Any], dialect: Dialect) -> bytes:
    if key in WHOLE:
        ints = [_varint(one) for one in several]
        one_by_one = b"".join(_tag(WHOLE[key], 0) + one for one in ints)
        return _bytes(WHOLE[key], b"".join(ints)) if dialect.packed else one_by_one
    if key in REAL:
        number, kind = REAL[key]
        tag = _tag(number, 5 if kind == "f" else 1)
        one_by_one = b"".join(tag + struct.pack(f"<{kind}", one) for one in several)
        return _packed(number, kind, several) if dialect.packed else one_by_one
    if key == "string":
        return b"".join(_bytes(2, one.encode()) for one in several)
    if key == "basic_type" and dialect.packed:
        return _bytes(9, b"".join(_varint(_basic(one, dialect)) for one in several))
    return b"".join(_message(key, one, dialect) for one in several)


def _message(key: str, one: Any, dialect: Dialect) -> bytes:
    if key == "tensor":
        return _bytes(8, _tensor(one, dialect))
    if key == "basic_type":
        return _tag(9, 0) + _varint(_basic(one, dialect))
    if key == "data_shape":
        sizes = one.get("tensorShape")
        inside = _int(1, ("scalar", "list", "tensor").index(one["base"])) + _int(2, one.get("isNullable", False))
        return _bytes(10, inside + (_bytes(3, _shape(sizes)) if sizes else b""))
    raise ValueError(f"no attribute of MLeap's is called {key}")


def _tensor(given: Mapping[str, Any], dialect: Dialect) -> bytes:
    base = "float" if "float" in given else "double"
    values = given[base]
    shape = given.get("shape") or {"dimensions": [{"size": len(values)}]}
    content = struct.pack(f">{len(values)}{base[0]}", *values)
    return _int(1, dialect.double - (base == "float")) + _bytes(2, _shape(shape)) + _bytes(3, content)


def _shape(given: Mapping[str, Any]) -> bytes:
    sizes = [one["size"] if isinstance(one, dict) else one for one in given["dimensions"]]
    return b"".join(_bytes(1, _int(1, size)) for size in sizes)


def _basic(name: str, dialect: Dialect) -> int:
    return 100 if name == "string" else dialect.basics.index(name)


def _filled(name: str, several: Sequence[Any]) -> Sequence[Any]:
    if name not in INFINITE or not several:
        return [float("nan") if one is None else one for one in several]
    ends = [several[0] if several[0] is not None else -float("inf")]
    ends.append(several[-1] if several[-1] is not None else float("inf"))
    return [ends[0], *several[1:-1], ends[1]]


def _varint(number: int) -> bytes:
    left, found = int(number) % (1 << 64), bytearray()
    while left > 127:
        found.append(left & 127 | 128)
        left >>= 7
    return bytes([*found, left])


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _bytes(number: int, content: bytes) -> bytes:
    return _tag(number, 2) + _varint(len(content)) + content


def _text(number: int, text: str) -> bytes:
    return _bytes(number, text.encode()) if text else b""


def _int(number: int, one: int) -> bytes:
    return _tag(number, 0) + _varint(one) if one else b""


def _number(number: int, kind: str, one: float) -> bytes:
    return _tag(number, 5 if kind == "f" else 1) + struct.pack(f"<{kind}", one) if one else b""


def _packed(number: int, kind: str, several: Sequence[float]) -> bytes:
    return _bytes(number, struct.pack(f"<{len(several)}{kind}", *several)) if several else b""
