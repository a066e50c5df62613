"""One id per row, from a vocabulary, a hash, or the value itself."""

from __future__ import annotations

from typing import Self

from ranklet_features.kinds.base import Array, Compiled, Scope, Tensor, Values
from ranklet_features.kinds.ids import Encoder, IdOptions


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

    def run(self, values: Values) -> dict[str, Array]:
        return {self.name: self.encoder(values.columns[self.of])}
