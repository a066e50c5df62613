"""What a name of a PMML file stands for while it is compiled: an expression of raw fields, or a tensor of the graph.

A field that only raw values make stays an expression, for feature assembly: text and dates never reach the graph. What
a model made, and all that follows from it, is a tensor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["double", "float", "integer", "string", "boolean"]
"""The type of a value, as PMML's data types come down to it. Numbers are doubles in the graph."""

NUMERIC: tuple[Kind, ...] = ("double", "float", "integer")

Expr = list[Any]
"""See `ranklet_features.kinds.expression`: nested lists, the first element says what it is."""


@dataclass(eq=False)
class Domain:
    """The words that codes stand for: 0 is missing, 1 … are the words, one more is all others, where it is open.

    An open domain grows while the model is read, so that what a model asks of a text becomes a word of it.
    """

    words: dict[str, int] = field(default_factory=dict)
    open: bool = False

    @staticmethod
    def of(words: Iterable[str]) -> Domain:
        """A closed one."""
        return Domain({word: at for at, word in enumerate(dict.fromkeys(words), start=1)})

    def code(self, word: str) -> int | None:
        """The code of a word; None for one that a closed domain does not have."""
        if word not in self.words and self.open:
            self.words[word] = len(self.words) + 1
        return self.words.get(word)


@dataclass(eq=False)
class Raw:
    """expr: what feature assembly computes of raw fields. kind: of the value."""

    expr: Expr
    kind: Kind


@dataclass(eq=False)
class Number:
    """tensor: double [n, 1], NaN where it is missing. kind: of the numbers."""

    tensor: str
    kind: Kind = "double"


@dataclass(eq=False)
class Choice:
    """tensor: codes of the domain, int64 [n, 1]. kind: `string` or `boolean`, or of numbers that are only names."""

    tensor: str
    domain: Domain
    kind: Kind = "string"


Value = Raw | Number | Choice

FALSE, TRUE = 1, 2
"""Codes of booleans."""
BOOLEANS = ("false", "true")
