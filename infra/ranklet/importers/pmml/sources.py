"""Raw fields and what is computed of them before the graph: a feature each, made when a model first reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import onnx
import orjson
from onnx import TensorProto, helper

from ranklet.importers.pmml import counted, reads
from ranklet.importers.pmml.drawing import Drawn
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.reads import NUMBERS, ROWS, Reads, fields_of
from ranklet.importers.pmml.values import BOOLEANS, NUMERIC, Choice, Domain, Expr, Kind, Number, Raw, Value
from ranklet.importers.tape import DOUBLE, Tape
from ranklet_features.expressions.values import MISSING_TEXT

INLINE = 24
"""Words of a vocabulary that stand in model.toml; longer ones are files."""
MAX_PARTS, MAX_CALLS = 250_000, 50_000
"""Of one expression, written out, as fields of fields may double with each step; and of functions of the file."""


@dataclass
class Field:
    """A raw field as callers send it. kind: of its values. drawn: values worth trying."""

    name: str
    kind: Kind
    drawn: Drawn

    @property
    def fields(self) -> dict[str, Any]:
        """Its line of [inputs]: what is not sent, or null, is missing, and the model says what that means."""
        if self.kind in NUMERIC:
            return {"type": "float", "nan": "allow"}
        return {"type": "string", "default": MISSING_TEXT}


class Sources:
    """fields: the raw fields, in the file's order. known: what was read when the file was compiled before."""

    def __init__(self, fields: Mapping[str, Field], tape: Tape, known: Reads | None = None) -> None:
        self.fields, self.tape, self.known = dict(fields), tape, known
        first = known or Reads()
        self._plain = {name: at for at, name in enumerate(first.plain)}
        self._numbers = dict(first.numbers)
        self._choices = dict(first.choices)
        self._counted = dict(first.counted)
        self._given: dict[str, str] = {}
        self._codes: dict[str, Choice] = {}
        self._calls = 0

    def bound(self, expr: Expr, element: Element) -> None:
        """Raises ImportRefused for an expression of too many parts."""
        left, parts = list[Any]([expr]), 0
        while left:
            parts += 1
            if parts > MAX_PARTS:
                refuse(element, f"makes an expression of more than {MAX_PARTS} parts; at most so many are served")
            left += [one for one in left.pop() if isinstance(one, list)]

    def call(self, element: Element) -> None:
        """Count a function of the file that is written out. Raises ImportRefused for too many."""
        self._calls += 1
        if self._calls > MAX_CALLS:
            refuse(element, f"is one of more than {MAX_CALLS} calls, written out; at most so many are served")

    def number(self, raw: Raw) -> Number:
        """As a tensor of doubles [n, 1]. A plain number is a column of the one feature that holds all of them."""
        if raw.expr[0] == "field":
            given = self._column_of(raw.expr[1])
            return Number(self.tape.narrowed(given) if raw.kind == "float" else given, raw.kind)
        if (raw.kind != "float" or raw.expr[0] == "cast") and (column := counted.read(raw.expr)) is not None:
            return Number(self._column(column, raw), raw.kind)
        name = self._named(self._numbers, raw, lambda made: (made, raw.expr))
        return Number(self.tape.op("Reshape", name, [-1, 1]), raw.kind)

    def _column_of(self, name: str) -> str:
        """A raw number. Columns that are read side by side are one read, once their order is known."""
        place = self._plain.setdefault(name, len(self._plain))
        if self.known is not None:
            return self.tape.picked(NUMBERS, place)
        if name not in self._given:
            self._given[name] = self.tape.columns(NUMBERS, [place])
        return self._given[name]

    def _column(self, column: counted.Counted, raw: Raw) -> str:
        """Of the feature that counts all terms of a text."""
        if column.kind not in self._counted:
            self._counted[column.kind] = counted.Group(self._free(raw.expr), column.kind)
        group = self._counted[column.kind]
        return self.tape.picked(group.name, group.place(column))

    def choice(self, raw: Raw) -> Choice:
        """As codes int64 [n, 1]; its domain is open, booleans' is closed."""
        key = json.dumps(raw.expr)
        if key not in self._codes:
            domain = Domain.of(BOOLEANS) if raw.kind == "boolean" else Domain(open=True)
            name = self._named(self._choices, raw, lambda made: (made, raw.expr, domain))
            codes = self.tape.op("Reshape", name, [-1, 1])
            self.tape.kinds[codes] = int(TensorProto.INT64)
            self._codes[key] = Choice(codes, self._choices[key][2], raw.kind)
        return self._codes[key]

    def rows(self) -> str:
        """Zeros double [n, 1]: for models that read nothing, and still have a row for each one asked."""
        found = self._any()
        return self.tape.doubles(self.tape.op("IsInf", self.tape.op("Mul", found, 0.0)))

    def _any(self) -> str:
        """Doubles [n, 1] of an input that the model reads anyway, as soon as that is known."""
        if self.known is None:
            return ROWS
        if self.known.plain:
            return self.tape.picked(NUMBERS, 0)
        if self.known.counted:
            return self.tape.picked(next(iter(self.known.counted.values())).name, 0)
        alone = [*(one[0] for one in self.known.numbers.values()), *(one[0] for one in self.known.choices.values())]
        if not alone:
            return ROWS  # of what nobody is told
        return self.tape.doubles(self.tape.op("Reshape", alone[0], [-1, 1]))

    def on_tape(self, value: Value) -> Number | Choice:
        """The value as a tensor."""
        if isinstance(value, Raw):
            return self.number(value) if value.kind in NUMERIC else self.choice(value)
        return value

    def hint(self, value: Value, known: Any) -> None:
        """Values worth trying, of a raw field."""
        if isinstance(value, Raw) and len(names := fields_of(value.expr)) == 1:
            found = self.fields[names[0]].drawn.known
            found += [one for one in known if one not in found][: max(0, 200 - len(found))]

    def reads(self, used: set[str]) -> Reads:
        """What is used, in its final order and by its final names. used: tensors, as `Tape.reads` says them."""
        found = Reads(
            tuple(name for name in self.fields if self._given.get(name) in used),
            {key: made for key, made in self._numbers.items() if made[0] in used},
            {key: made for key, made in self._choices.items() if made[0] in used},
            {kind: group for kind, group in self._counted.items() if group.name in used},
        )
        return reads.ordered(found, self.fields, idle=ROWS in used)

    @property
    def _wide(self) -> list[str]:
        """Raw numbers of the one feature that holds them."""
        return list(self._plain) if self.known is None else list(self.known.plain)

    def graph_inputs(self, used: set[str]) -> list[onnx.ValueInfoProto]:
        """Inputs of the graph that are used."""
        wide = [(NUMBERS, len(self._wide))] if NUMBERS in used else []
        wide += [(one.name, len(one.columns)) for one in self._counted.values() if one.name in used]
        alone = [(name, DOUBLE) for name, _ in self._numbers.values() if name in used]
        alone += [(name, int(TensorProto.INT64)) for name, _, _ in self._choices.values() if name in used]
        return [
            *(helper.make_tensor_value_info(name, DOUBLE, ["n", count]) for name, count in wide),
            *(helper.make_tensor_value_info(name, kind, ["n"]) for name, kind in alone),
        ]

    def features(self, used: set[str], files: dict[str, bytes]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Lines of [features] for the graph's inputs that are used. files: gets the vocabularies that are long."""
        if NUMBERS in used:
            yield NUMBERS, {"kind": "dense", "of": self._wide, "dtype": "float64"}
        for name, expr in self._numbers.values():
            if name in used:
                yield name, {"kind": "expression", "of": fields_of(expr), "expr": _written(expr)}
        for group in self._counted.values():
            if group.name in used:
                place = f"vocabularies/{group.name}.json"
                files[place] = group.vocabulary()
                yield group.name, group.fields(place, fields_of(group.text))
        for name, expr, domain in self._choices.values():
            if name in used:
                fields = {"kind": "expression", "of": fields_of(expr), "expr": _written(expr)}
                yield name, {**fields, **({"vocabulary": _words(name, domain, files)} if domain.open else {})}

    def _named(self, made: dict[str, Any], raw: Raw, record: Any) -> str:
        key = json.dumps(raw.expr)
        if key not in made:
            made[key] = record(self._free(raw.expr))
        return str(made[key][0])

    def _free(self, expr: Expr) -> str:
        """A new feature's name."""
        alone = {*(one[0] for one in self._numbers.values()), *(one[0] for one in self._choices.values())}
        return reads.free(expr, {NUMBERS, *alone, *(one.name for one in self._counted.values())}, self.fields)


def _words(name: str, domain: Domain, files: dict[str, bytes]) -> Any:
    if len(domain.words) <= INLINE:
        return list(domain.words) or [MISSING_TEXT]  # a vocabulary is never empty
    files[f"vocabularies/{name}.json"] = orjson.dumps(list(domain.words))
    return f"vocabularies/{name}.json"


def _written(expr: Expr) -> str:
    return orjson.dumps(expr).decode()
