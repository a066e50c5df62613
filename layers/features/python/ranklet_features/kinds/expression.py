"""A number, or an id of a word, that an expression of raw fields makes, as PMML's derived fields are made."""

from __future__ import annotations

import json
from typing import Self

import numpy as np

from ranklet_features.errors import SpecError
from ranklet_features.expressions.compiling import compile_expression
from ranklet_features.expressions.values import TRUE, Made
from ranklet_features.kinds.base import Array, Compiled, Scope, Tensor, Values, side_of
from ranklet_features.kinds.vocabulary import read_vocabulary
from ranklet_features.lean import dataclass


@dataclass(frozen=True)
class Options:
    """expr: in JSON, see `ranklet_features.expressions`. vocabulary: of an expression that makes texts, its words, or a
    file in the bundle (.json)."""

    expr: str
    vocabulary: tuple[str, ...] | str | None = None


class Expression(Compiled):
    """float64 [n] of a number, NaN where it is missing; int64 [n] of a text or a boolean.

    There 0 is a missing one, 1 … are the words (of a boolean false, then true), and one more is all others.
    """

    schema = Options

    def __init__(self, made: Made, words: list[str] | None, scope: Scope) -> None:
        side = side_of([scope.inputs[name].side for name in scope.of])
        super().__init__(scope, {scope.feature: Tensor("float64" if made.number else "int64", (), side)})
        self.made, self.lead = made, next(name for name in scope.of if scope.inputs[name].side == side)
        if not made.number:
            self.ids = TRUE + 1 if words is None else len(words) + 2
        self.codes = None if words is None else {None: 0} | {word: at for at, word in enumerate(words, start=1)}
        self.other = len(words or ()) + 1

    @classmethod
    def compile(cls, options: Options, scope: Scope) -> Self:
        for name in scope.of:
            scope.input(name, ("int", "float", "string"), ("scalar",))
        try:
            made = compile_expression(json.loads(options.expr), scope.inputs)
        except (SpecError, ValueError) as error:
            raise scope.error(str(error)) from error
        if stray := sorted(set(made.fields) - set(scope.of)):
            raise scope.error(f"it reads {stray[0]!r}, which stands not in of")
        if (made.kind == "string") != (options.vocabulary is not None):
            raise scope.error(f"it makes a {made.kind}; a vocabulary goes with texts, and only with them")
        words = None if options.vocabulary is None else read_vocabulary(options.vocabulary, "string", scope)
        return cls(made, None if words is None else list(words), scope)

    def run(self, values: Values) -> dict[str, Array]:
        found = self.made.run(values.columns)
        rows = values.columns[self.lead].rows
        if self.codes is not None:
            codes = self.codes
            found = np.array([codes.get(word, self.other) for word in found.tolist()], np.int64)
        if len(found) != rows:
            found = np.broadcast_to(found, (rows,))
        return {self.name: np.ascontiguousarray(found)}
