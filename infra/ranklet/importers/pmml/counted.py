"""Expressions that follow from how often one term is found in a text: columns of a feature that counts many at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from ranklet.importers.pmml.values import Expr
from ranklet_features.kinds.terms import COUNT

DEEP = 60


class Kind(NamedTuple):
    """What columns of one feature have in common, in JSON. text: its expression. told: the index. then: what follows
    from the count, None for the count itself. narrow: rounded to 32 bits at the end."""

    text: str
    told: str
    then: str | None
    narrow: bool = False


class Counted(NamedTuple):
    """A column: what a term's count is worth, times a factor."""

    kind: Kind
    term: str
    factor: float


@dataclass
class Group:
    """A feature. columns: (term, factor) → its place."""

    name: str
    kind: Kind
    columns: dict[tuple[str, float], int] = field(default_factory=dict)

    def place(self, one: Counted) -> int:
        """Of a column, a new one where it is not there yet."""
        return self.columns.setdefault((one.term, one.factor), len(self.columns))

    def ordered(self) -> dict[tuple[str, float], int]:
        """The columns in the order of their terms."""
        return {column: at for at, column in enumerate(sorted(self.columns))}

    @property
    def text(self) -> Expr:
        """What is read."""
        found: Expr = json.loads(self.kind.text)
        return found

    def fields(self, vocabulary: str, of: list[str]) -> dict[str, Any]:
        """Its line of [features]."""
        then = {} if self.kind.then is None else {"then": self.kind.then}
        fields = {"kind": "terms", "of": of, "expr": self.kind.text, "index": self.kind.told}
        narrow = {"narrow": True} if self.kind.narrow else {}
        return {**fields, "vocabulary": vocabulary, **then, **narrow}

    def vocabulary(self) -> bytes:
        """Its file."""
        return orjson.dumps([list(one) for one in self.columns])


def read(expr: Expr) -> Counted | None:
    """None for an expression that reads something else, or several terms."""
    factor, narrow = 1.0, expr[:2] == ["cast", "float"]
    if narrow:
        expr = expr[2]
    if expr[:2] == ["call", "*"] and not expr[3] and len(expr[2]) == 2:
        last = expr[2][1]
        if last[0] == "constant" and last[2] in ("double", "integer"):
            expr, factor = expr[2][0], float(last[1])
    found: list[Expr] = []
    then = _then(expr, found, 0)
    if not found or any(one != found[0] for one in found) or found[0][2][0] != "constant":
        return None
    _, text, term, index = found[0]
    written = None if expr == found[0] or expr == ["cast", "double", found[0]] else orjson.dumps(then).decode()
    return Counted(Kind(orjson.dumps(text).decode(), index, written, narrow), str(term[1]), factor)


def _then(expr: Any, found: list[Expr], depth: int) -> Any:
    """The expression with `count` for the terms in it, which go to `found`; a raw field is one of its own."""
    if not isinstance(expr, list) or depth > DEEP:
        return expr
    if expr[:1] == ["terms"]:
        found.append(expr)
        count: Expr = ["field", COUNT]
        return count if json.loads(expr[3])["weight"] == "log" else ["as", count, "integer"]
    if expr[:1] == ["field"]:
        found.append(["terms", expr, ["nothing", "string"], ""])
        return expr
    return [_then(one, found, depth + 1) for one in expr]
