"""ranklet's own form in JSON: columns of numbers go from text to arrays, without a Python object for each number.

simdjson parses a body of 500 candidates in a third of orjson's time, and its numbers need not be packed afterwards.
A column is read as its input's type says; whatever does not go like that (a null, a text, mixed types, lists in lists,
names that stand twice) is left to the long way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from csimdjson import Parser
from numpy.typing import NDArray
from orjson import OPT_SERIALIZE_NUMPY as NUMPY
from orjson import dumps

from ranklet_runtime.bodies import JSON, accepted, media_type
from ranklet_runtime.fast.base import LONGEST, Asked, Inputs, nested
from ranklet_runtime.served import Served

DTYPES = {"i": np.dtype(np.int64), "d": np.dtype(np.float64)}
MOST_TYPES = 64
LARGEST = 500_000
"""Bytes of a body after which the parser is made anew, as it keeps three times as much for the next one."""

UNUSUAL = (LookupError, TypeError, ValueError, AttributeError, RuntimeError)
"""What reading a document otherwise than it was written raises."""


class NativeJson:
    """`{"user": {…}, "context": {…}, "items": {…}, "top_k": …}`."""

    def __init__(self, served: Served, inputs: Inputs) -> None:
        self._inputs, self._once = inputs, len(inputs.defaults)
        self._sides = tuple((side.encode(), names) for side, names in inputs.once.items())
        # In bytes, as the parser looks them up.
        self._columns = {name.encode(): (name, letter) for name, letter in inputs.items.items()}
        self._nested = tuple(name for name, one in served.inputs.items() if one.side == "item" and nested(one))
        self._types: dict[tuple[str | None, str | None], bool] = {}
        self._parser = Parser()

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Asked | None:
        """As the protocol says."""
        try:
            types = headers.get("content-type"), headers.get("accept")
            if not (self._types.get(types) or self._learn(types)):
                return None
            asked = self._read(self._parser.parse(body), body)
        except UNUSUAL:
            self._parser = Parser()  # the old one may still be held by what was read
            return None
        if len(body) > LARGEST:
            self._parser = Parser()
        return asked

    def encode(self, scores: NDArray[np.float32], asked: Asked) -> dict[str, Any] | None:
        """As the protocol says."""
        if asked.top_k is not None or len(body := dumps({"scores": scores}, option=NUMPY)) > LONGEST:
            return None
        return {"statusCode": 200, "headers": {"content-type": JSON}, "body": body.decode(), "isBase64Encoded": False}

    def _learn(self, types: tuple[str | None, str | None]) -> bool:
        """Whether both headers mean JSON."""
        if len(self._types) >= MOST_TYPES:
            self._types.clear()
        found = self._types[types] = media_type(types[0]) == JSON and accepted(types[1]) in (None, JSON)
        return found

    def _read(self, document: Any, body: bytes) -> Asked | None:
        given, fields, top_k = document[b"items"], 1, None
        once: dict[str, Any] = {}  # `dict[str, Any]()` would make an alias first, for as long as reading three columns
        for side, names in self._sides:
            if side in document:
                part = document[side].as_dict()
                if not names.issuperset(part):
                    return None
                once.update(part)
                fields += 1
        if len(document) != fields:
            top_k = document[b"top_k"]
            if type(top_k) is not int or top_k < 1 or len(document) != fields + 1:
                return None
        wanted = self._columns
        if len(given) != len(wanted):  # some are left to their defaults
            wanted = {name: wanted[name] for name in map(str.encode, given)}
        items: dict[str, Any] = {}
        lengths: set[int] = set()
        for key, (name, letter) in wanted.items():
            column = given[key]
            lengths.add(len(column))
            items[name] = column.as_buffer(of_type=letter) if letter else column.as_list()
        (n,) = lengths
        if len(items) != len(given) or not 0 < n <= self._inputs.limit:
            return None
        at, find = -1, body.find
        for _ in items:  # `find` runs through memory, `count` does not
            at = find(b"[", at + 1)
        if find(b"[", at + 1) >= 0 and not self._flat(body, once, items):
            return None
        if len(once) < self._once:
            once = {**self._inputs.defaults, **once}
        if top_k is None:
            return Asked(once, items, n, None, JSON)
        return None if self._unnamed() else Asked(once, self._arrays(items), n, top_k, JSON)

    def _flat(self, body: bytes, once: Mapping[str, Any], items: Mapping[str, Any]) -> bool:
        """Whether no list stands in a list of numbers, which a buffer would not show: one bracket for each list."""
        rows = sum(_lists(items.get(name, ())) for name in self._nested)
        return body.count(b"[") == len(items) + _lists(once.values()) + rows

    def _arrays(self, items: Mapping[str, Any]) -> dict[str, Any]:
        """Columns of which the best candidates' names are taken."""
        return {
            name: np.frombuffer(items[name], DTYPES[letter]) if letter else items[name]
            for name, letter in self._columns.values()
            if name in items
        }

    def _unnamed(self) -> bool:
        """Whether the best candidates' names cannot be given back as they came: 7 would be 7.0."""
        return self._inputs.items.get(self._inputs.key) == "d"


def _lists(values: Iterable[Any]) -> int:
    return [type(value) for value in values].count(list)
