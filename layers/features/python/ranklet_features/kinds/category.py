"""One id per row, from a vocabulary, a hash, or the value itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy import frombuffer, ndarray

from ranklet_features.kinds.base import Array, Compiled, Plain, Scope, Tensor, Values
from ranklet_features.kinds.ids import Encoder, IdOptions
from ranklet_features.spec import Input
from ranklet_features.values import DTYPES

INT = DTYPES["int"]


class Category(Compiled):
    """int64 [n]."""

    schema = IdOptions

    def __init__(self, encoder: Encoder, scope: Scope) -> None:
        (self.of,) = scope.of
        super().__init__(scope, {scope.feature: Tensor("int64", (), scope.inputs[self.of].side)})
        self.encoder = encoder
        self.ids, self.pads = encoder.ids, encoder.pads

    @classmethod
    def compile(cls, options: IdOptions, scope: Scope) -> Self:
        declared = scope.only_input(("int", "string"), ("scalar",))
        return cls(Encoder(options, declared, scope), scope)

    def plain(self, inputs: Mapping[str, Input]) -> Plain | None:
        name, declared, encode = self.of, inputs[self.of], self.encoder.alone
        if encode is None:
            return None
        if declared.side != "item" and self.encoder.itself:
            return _number(name, self.encoder.known, encode)
        if declared.side != "item":
            return _once(name, int if declared.type == "int" else str, encode)
        return _integers(name, encode) if declared.type == "int" else _words(name, encode)

    def run(self, values: Values) -> dict[str, Array]:
        return {self.name: self.encoder(values.columns[self.of])}


def _number(name: str, known: int, encode: Any) -> Plain:
    def plain(once: Mapping[str, Any], items: Mapping[str, Any]) -> Array:
        value = once[name]
        if type(value) is not int:
            raise TypeError(name)
        alone = np.array((value,), INT)
        ids: Array = alone if 0 <= value < known else encode(alone)
        return ids

    return plain


def _once(name: str, wanted: type, encode: Any) -> Plain:
    def plain(once: Mapping[str, Any], items: Mapping[str, Any]) -> Array:
        value = once[name]
        if type(value) is not wanted:
            raise TypeError(name)
        ids: Array = encode(np.array((value,), INT) if wanted is int else [value])
        return ids

    return plain


def _integers(name: str, encode: Any) -> Plain:
    def plain(once: Mapping[str, Any], items: Mapping[str, Any]) -> Array:
        column = items[name]
        if type(column) is not ndarray:
            column = frombuffer(column, INT)
        elif column.dtype is not INT or not column.flags.aligned:
            column = column.astype(INT)
        ids: Array = encode(column)
        return ids

    return plain


def _words(name: str, encode: Any) -> Plain:
    def plain(once: Mapping[str, Any], items: Mapping[str, Any]) -> Array:
        column = items[name]
        "".join(column)  # as `values.typed` looks for what is no text
        ids: Array = encode(column)
        return ids

    return plain
