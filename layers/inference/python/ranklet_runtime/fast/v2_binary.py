"""The Open Inference Protocol with its tensors as bytes after the JSON.

The JSON of a client says the same from request to request, as long as the number of candidates does: names, datatypes,
shapes, sizes. Read once, it is a layout, and the next request with the very same JSON is its bytes alone.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Mapping
from struct import Struct
from struct import error as StructError
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet_features.blocks import HELD
from ranklet_features.spec import Input
from ranklet_runtime.bodies import read_json
from ranklet_runtime.dialects.tensors import DATATYPES, Datatype
from ranklet_runtime.dialects.v2 import BINARY, HEADER, Wanted, wanted_of
from ranklet_runtime.dialects.v2_inputs import SENT, named
from ranklet_runtime.errors import RequestFault
from ranklet_runtime.fast.base import LONGEST, Asked, Inputs
from ranklet_runtime.fast.v2_answers import of_zeros
from ranklet_runtime.served import Served

SINGLE = np.dtype(np.float32).itemsize
MOST_LAYOUTS, LONGEST_HEAD = 256, 8192
"""Layouts that are kept, and bytes of the JSON that one may have."""

LENGTH = re.compile("[0-9]{1,7}").fullmatch
ID = re.compile(rb'"id": ?"([\w.:/-]{1,128})",? ?')
"""A request's own name, which alone differs between requests that are laid out alike."""

Key = bytes | tuple[int, bytes]
"""The JSON; with an id, where that stood and the JSON without it."""

FIELDS = frozenset({"id", "inputs", "outputs", "parameters"})


class Written(NamedTuple):
    """An answer's JSON, which the scores' bytes follow, and its headers."""

    head: bytes
    headers: Mapping[str, str]


class Layout(NamedTuple):
    """Where the values stand. once: names and their Struct, which skips the columns. columns: name, dtype, offset.

    written: None where the answer is not the scores as bytes, alone.
    """

    names: tuple[str, ...]
    once: Struct
    columns: tuple[tuple[str, np.dtype[Any], int], ...]
    n: int
    size: int
    wanted: Wanted
    written: Written | None


class V2Binary:
    """Every input in bytes, one value each."""

    def __init__(self, served: Served, inputs: Inputs) -> None:
        self._served, self._inputs, self._once = served, inputs, len(inputs.defaults)
        self._layouts: dict[Key, Layout] = {}

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Asked | None:
        """As the protocol says."""
        length = headers.get(HEADER)
        if type(length) is not str or not LENGTH(length) or headers.get("content-type", BINARY) != BINARY:
            return None
        start = int(length)
        head = body[:start]
        layout, id_ = self._layouts.get(head), None
        if layout is None:
            id_ = ID.search(head)
            key: Key = head if id_ is None else (id_.start(), head[: id_.start()] + head[id_.end() :])
            layout = self._layouts.get(key) or self._learn(key, head)
        if layout is None or len(body) != start + layout.size:
            return None
        once = dict(zip(layout.names, layout.once.unpack_from(body, start), strict=True))
        n = layout.n
        items = {name: np.frombuffer(body, dtype, n, start + offset) for name, dtype, offset in layout.columns}
        if len(once) < self._once:
            once = {**self._inputs.defaults, **once}
        if id_ is not None:
            return Asked(once, items, n, None, layout.wanted._replace(id=id_[1].decode()))
        return Asked(once, items, n, None, layout.wanted, layout.written)

    def encode(self, scores: NDArray[np.float32], asked: Asked) -> dict[str, Any] | None:
        """As the protocol says."""
        written: Written | None = asked.made
        if written is None or scores.nbytes > LONGEST:
            return None
        text = b2a_base64(written.head + scores.tobytes(), newline=False).decode()
        headers = {"content-type": BINARY, **written.headers}
        return {"statusCode": 200, "headers": headers, "body": text, "isBase64Encoded": True}

    def _learn(self, key: Key, head: bytes) -> Layout | None:
        if len(head) > LONGEST_HEAD:
            return None
        try:
            document = read_json(head)
            if key is not head and ID.findall(head) != [document["id"].encode()]:
                return None  # what is called so is something else
            layout = self._layout(document)
        except (RequestFault, LookupError, TypeError, ValueError, AttributeError, StructError):
            return None
        if layout is not None:
            if len(self._layouts) >= MOST_LAYOUTS:
                self._layouts.clear()
            self._layouts[key] = layout
        return layout

    def _layout(self, document: Any) -> Layout | None:
        if not FIELDS.issuperset(document):
            return None
        names, form, columns, rows, size = list[str](), "<", list[tuple[str, Any, int]](), set[int](), 0
        for name, one in named(document["inputs"], "inputs").items():
            declared, kind = self._served.inputs[name], DATATYPES[one["datatype"]]
            count, width = one["shape"][0], one["parameters"]["binary_data_size"]
            if not _plain(one, declared, kind, count, width):
                return None
            if declared.side == "item":
                columns.append((name, kind.dtype, size))
                rows.add(count)
                form += f"{width}x"
            else:
                names.append(name)
                form += kind.letter
                if count != 1:
                    return None
            size += width
        if len(rows) != 1 or not 0 < max(rows) <= self._inputs.limit:
            return None
        n, wanted = rows.pop(), wanted_of(document, self._served)
        return Layout(tuple(names), Struct(form), tuple(columns), n, size, wanted, self._written(n, wanted))

    def _written(self, n: int, wanted: Wanted) -> Written | None:
        """As the dialect writes the JSON for so many scores."""
        if wanted.outputs != {self._served.score: True}:
            return None
        response = of_zeros(n, wanted, self._served)
        return Written(response.body[: -n * SINGLE], response.headers)


def _plain(one: Mapping[str, Any], declared: Input, kind: Datatype, count: Any, width: Any) -> bool:
    """Whether a tensor is one number a row in bytes, of the input's type."""
    return (
        type(count) is int
        and type(width) is int
        and kind.plain
        and kind.sort in SENT[declared.type]
        and declared.type in HELD
        and not (declared.list or declared.unread or declared.length is not None)
        and one["shape"][1:] in ([], [1])
        and one.keys() == {"name", "datatype", "shape", "parameters"}
        and one["parameters"].keys() == {"binary_data_size"}
        and width == count * kind.size
    )
