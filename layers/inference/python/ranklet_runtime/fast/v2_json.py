"""The Open Inference Protocol in JSON: tensors of numbers go from text to arrays, as in `native_json`.

What a client says of its tensors (names, datatypes, shapes) is the same from request to request, as long as the number
of candidates is. Read once, it is a layout, and the next request with the very same is its numbers alone. They may be
raw features or the model's own tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from csimdjson import Parser
from numpy import frombuffer
from numpy.typing import NDArray
from orjson import OPT_SERIALIZE_NUMPY as NUMPY
from orjson import dumps

from ranklet_features.kinds.dense import LARGE
from ranklet_runtime.dialects import flat, v2_numbers
from ranklet_runtime.dialects.tensors import DATATYPES, FP32
from ranklet_runtime.dialects.v2 import HEADER, Wanted, wanted_of
from ranklet_runtime.dialects.v2_inputs import INPUTS, SENT
from ranklet_runtime.dialects.v2_numbers import ESCAPED, FIELDS, LARGEST, QUICK, python_of
from ranklet_runtime.errors import RequestFault
from ranklet_runtime.fast.base import LONGEST, NUMBERS, Asked, Inputs, nested
from ranklet_runtime.fast.v2_answers import answered
from ranklet_runtime.served import Served

MOST_LAYOUTS = 256
INT, FLOAT, SINGLE = np.dtype(np.int64), np.dtype(np.float64), np.dtype(np.float32)
UNUSUAL = (*v2_numbers.UNUSUAL, RequestFault)

Key = tuple[Any, ...]


class Part(NamedTuple):
    """A tensor of a layout. letter: of its numbers, "" for texts. shape: which the model's own tensor gets.

    once: it is the user's or the context's. packed: a feature takes its bytes as they are. narrow: to 32 bits.
    """

    name: str
    letter: str
    size: int
    shape: tuple[int, ...]
    once: bool
    packed: bool
    narrow: bool


class Layout(NamedTuple):
    """own: the tensors are the model's own. missing: some of what comes once is left to its default."""

    parts: tuple[Part, ...]
    own: bool
    n: int
    missing: bool
    wanted: Wanted
    around: tuple[bytes, bytes] | None


class V2Json:
    """Tensors whose `data` is flat, of one value a row where they are raw features."""

    def __init__(self, served: Served, inputs: Inputs) -> None:
        self._served, self._inputs = served, inputs
        self._layouts: dict[Key, Layout] = {}
        self._parser = Parser()

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Asked | None:
        """As the protocol says."""
        if HEADER in headers:
            return None
        try:
            asked = self._read(self._parser.parse(body), body)
        except UNUSUAL:
            self._parser = Parser()  # the old one may still be held by what was read
            return None
        if len(body) > LARGEST:
            self._parser = Parser()
        return asked

    def encode(self, scores: NDArray[np.float32], asked: Asked) -> dict[str, Any] | None:
        """As the protocol says."""
        around = asked.made
        if around is None or len(body := dumps(scores, option=NUMPY).join(around)) > LONGEST:
            return None
        headers = {"content-type": "application/json"}
        return {"statusCode": 200, "headers": headers, "body": body.decode(), "isBase64Encoded": False}

    def _read(self, document: Any, body: bytes) -> Asked | None:
        key: list[Any] = []
        data: list[Any] = []
        for one in document[b"inputs"]:
            key += (one[b"name"], one[b"datatype"], bytes(one[b"shape"].as_buffer(of_type="i")))
            data.append(one[b"data"])
            if len(one) != FIELDS:
                return None
        more = {} if len(document) == 1 else {name: python_of(document[name]) for name in document if name != INPUTS}
        layout = self._layouts.get(tuple(key))
        if layout is None:
            layout = self._learn(key)
        # A list in a list of numbers would not show in a buffer: one bracket for each list, and none in a name.
        lists = 1 + 2 * len(data)
        if more:
            lists += dumps(more).count(b"[")
            if len(document) != len(more) + 1 or ESCAPED in body:
                return None
        at, find = -1, body.find
        for _ in range(lists):
            if (at := find(b"[", at + 1)) < 0:
                return None
        if find(b"[", at + 1) >= 0:
            return None
        wanted, around = layout.wanted, layout.around
        if more:
            wanted = wanted_of(more, self._served)
            around = around if wanted == layout.wanted else None
        if layout.own:
            tensors = {part.name: _tensor(part, values) for part, values in zip(layout.parts, data, strict=True)}
            return Asked({}, {}, layout.n, None, wanted, around, tensors)
        once: dict[str, Any] = {}
        items: dict[str, Any] = {}
        for part, values in zip(layout.parts, data, strict=True):
            if part.once:
                once[part.name] = _value(part, values)
            else:
                items[part.name] = _column(part, values)
        if layout.missing:
            once = {**self._inputs.defaults, **once}
        return Asked(once, items, layout.n, None, wanted, around)

    def _learn(self, key: Sequence[Any]) -> Layout:
        """Raises one of UNUSUAL for what is not plain."""
        told = {key[at]: (key[at + 1], np.frombuffer(key[at + 2], INT).tolist()) for at in range(0, len(key), 3)}
        own = flat.are_tensors(told, self._served)
        parts = [self._own(name, *one) if own else self._raw(name, *one) for name, one in told.items()]
        rows = {shape[0] for part, (_, shape) in zip(parts, told.values(), strict=True) if not part.once}
        (n,) = rows
        if 3 * len(told) != len(key) or "[" in "".join(told) or not 0 < n <= self._inputs.limit:
            raise ValueError(key)
        missing = not self._inputs.defaults.keys() <= told.keys()
        wanted = wanted_of({}, self._served)
        layout = Layout(tuple(parts), own, n, missing, wanted, answered(n, wanted, self._served))
        if len(self._layouts) >= MOST_LAYOUTS:
            self._layouts.clear()
        self._layouts[tuple(key)] = layout
        return layout

    def _own(self, name: str, datatype: str, shape: list[int]) -> Part:
        tensor, kind = self._served.tensors[name], DATATYPES[datatype]
        once, letter = tensor.side != "item", QUICK[datatype]
        if not letter or kind.dtype != tensor.dtype or (once and shape[0] != 1):
            raise ValueError(name)
        if shape[1:] == [1] and not tensor.shape:
            shape = shape[:1]
        if any(size is None or size != given for size, given in zip(tensor.shape, shape[1:], strict=True)):
            raise ValueError(name)
        return Part(name, letter, prod(shape), tuple(shape), once, packed=False, narrow=kind is FP32)

    def _raw(self, name: str, datatype: str, shape: list[int]) -> Part:
        declared, kind = self._served.inputs[name], DATATYPES[datatype]
        once, letter = declared.side != "item", QUICK[datatype]
        if declared.unread or nested(declared) or kind.sort not in SENT[declared.type] or shape[1:] not in ([], [1]):
            raise ValueError(name)
        if once and shape[0] != 1:
            raise ValueError(name)
        packed = letter != "" and NUMBERS.get(declared.type) == letter and kind is not FP32
        return Part(name, letter, prod(shape), tuple(shape), once, packed=packed, narrow=kind is FP32)


def _tensor(part: Part, data: Any) -> NDArray[Any]:
    """Raises one of UNUSUAL."""
    if len(data) != part.size:
        raise ValueError(part.name)
    numbers = frombuffer(data.as_buffer(of_type=part.letter), INT if part.letter == "i" else FLOAT)
    if part.narrow:
        if not numbers.dot(numbers) < LARGE:
            raise ValueError("beyond 32 bits, perhaps")
        numbers = numbers.astype(SINGLE)
    return numbers if len(part.shape) == 1 else numbers.reshape(part.shape)


def _column(part: Part, data: Any) -> Any:
    """Raises one of UNUSUAL."""
    if part.packed:
        if len(data) != part.size:
            raise ValueError(part.name)
        return data.as_buffer(of_type=part.letter)
    if part.letter:
        return _tensor(part, data).reshape(-1)
    texts = data.as_list()
    "".join(texts)
    if len(texts) != part.size:
        raise ValueError(part.name)
    return texts


def _value(part: Part, data: Any) -> Any:
    """Raises one of UNUSUAL."""
    if part.letter:
        return _tensor(part, data).item()
    (text,) = _column(part, data)
    return text
