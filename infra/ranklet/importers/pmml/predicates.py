"""Predicates as masks of the graph, with three truth values as the specification has them: true, false and unknown.

For segments and rules. Trees do not use them: there a predicate is nodes (`diagrams`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.dictionary import typed
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.values import Choice, Number
from ranklet.importers.tape import Tape

TAGS = ("SimplePredicate", "CompoundPredicate", "SimpleSetPredicate", "True", "False")
OPERATORS = (
    "equal", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual", "isMissing", "isNotMissing",
)  # fmt: skip
ORDERED = {
    "lessThan": "Less", "lessOrEqual": "LessOrEqual", "greaterThan": "Greater", "greaterOrEqual": "GreaterOrEqual",
}  # fmt: skip


class Truth(NamedTuple):
    """Masks bool [n, 1]: where it is true, and where it is unknown. None of both is everywhere true."""

    yes: str
    unknown: str | None


def of(element: Element) -> Element:
    """The predicate of an element. Raises ImportRefused where there is none."""
    return element.need(*TAGS)


def always(predicate: Element) -> bool:
    """Whether it is true for every row."""
    return predicate.tag == "True"


def build(predicate: Element, context: Context) -> Truth:
    """Raises ImportRefused for what is not served."""
    if predicate.tag in ("True", "False"):
        row = context.sources.rows()
        return Truth(context.tape.op("Equal", row, 0.0 if predicate.tag == "True" else 1.0), None)
    return _BUILD[predicate.tag](predicate, context)


def _simple(predicate: Element, context: Context) -> Truth:
    operator = predicate.choice("operator", OPERATORS)
    found = context.tensor(predicate.name("field"), predicate)
    gone = context.gone(found)
    if operator == "isMissing":
        return Truth(gone, None)
    if operator == "isNotMissing":
        return Truth(context.tape.op("Not", gone), None)
    return Truth(_known(context, compared(found, operator, predicate, context), gone), gone)


def compared(found: Number | Choice, operator: str, predicate: Element, context: Context) -> str:
    """Whether it holds, of values that are there."""
    tape, written = context.tape, predicate.name("value")
    if isinstance(found, Number):
        value = typed(predicate, written, found.kind)
        context.sources.hint(context.value(predicate.name("field"), predicate), [float(value)])
        if operator in ORDERED:
            return tape.op(ORDERED[operator], found.tensor, threshold(value, found.kind))
        same = tape.op("Equal", found.tensor, threshold(value, found.kind))
    else:
        if operator in ORDERED:
            words = context.below_or_above(predicate.name("field"), operator, written, predicate)
            known = np.array([[_code(found, word) for word in words] or [-1]], np.int64)
            matches = tape.doubles(tape.op("Equal", found.tensor, known))
            return tape.op("Greater", tape.op("ReduceMax", matches, [1], keepdims=1), 0.5)
        context.sources.hint(context.value(predicate.name("field"), predicate), [written])
        same = tape.op("Equal", found.tensor, [_code(found, written)])
    return same if operator == "equal" else tape.op("Not", same)


def threshold(value: float, kind: str) -> float:
    """A number as a field of that kind is compared with it."""
    return float(np.float32(value)) if kind == "float" else float(value)


def _code(found: Choice, word: str) -> int:
    code = found.domain.code(word)
    return -1 if code is None else code


def _set(predicate: Element, context: Context) -> Truth:
    inside = predicate.choice("booleanOperator", ("isIn", "isNotIn")) == "isIn"
    words = array(predicate.need("Array"))
    found = context.tensor(predicate.name("field"), predicate)
    gone = context.gone(found)
    if isinstance(found, Number):
        known: list[float] = [threshold(typed(predicate, word, found.kind), found.kind) for word in words]
        matches = context.tape.op("Equal", found.tensor, np.array([known or [np.nan]]))
    else:
        codes = [_code(found, word) for word in words]
        matches = context.tape.op("Equal", found.tensor, np.array([codes or [-1]], np.int64))
    context.sources.hint(
        context.value(predicate.name("field"), predicate), known if isinstance(found, Number) else words
    )
    counted = context.tape.op("ReduceMax", context.tape.doubles(matches), [1], keepdims=1)
    yes = context.tape.op("Greater", counted, 0.5)
    yes = yes if inside else context.tape.op("Not", yes)
    return Truth(_known(context, yes, gone), gone)


def _compound(predicate: Element, context: Context) -> Truth:
    operator = predicate.choice("booleanOperator", ("and", "or", "xor", "surrogate"))
    parts = [build(child, context) for child in predicate.all(*TAGS)]
    if len(parts) < 2:
        refuse(predicate, f"has {len(parts)} predicates; it needs two at least")
    found = parts[0]
    for part in parts[1:]:
        found = _JOIN[operator](context.tape, found, part)
    return found


def _and(tape: Tape, a: Truth, b: Truth) -> Truth:
    yes = tape.op("And", a.yes, b.yes)
    if a.unknown is None and b.unknown is None:
        return Truth(yes, None)
    # Unknown where none is false and not both are true.
    no = tape.op("Or", _false(tape, a), _false(tape, b))
    return Truth(yes, tape.op("Not", tape.op("Or", yes, no)))


def _or(tape: Tape, a: Truth, b: Truth) -> Truth:
    yes = tape.op("Or", a.yes, b.yes)
    if a.unknown is None and b.unknown is None:
        return Truth(yes, None)
    no = tape.op("And", _false(tape, a), _false(tape, b))
    return Truth(yes, tape.op("Not", tape.op("Or", yes, no)))


def _xor(tape: Tape, a: Truth, b: Truth) -> Truth:
    yes = tape.op("Xor", a.yes, b.yes)
    unknown = [one.unknown for one in (a, b) if one.unknown is not None]
    if not unknown:
        return Truth(yes, None)
    either = unknown[0] if len(unknown) == 1 else tape.op("Or", *unknown)
    return Truth(tape.op("And", yes, tape.op("Not", either)), either)


def _surrogate(tape: Tape, a: Truth, b: Truth) -> Truth:
    if a.unknown is None:
        return a
    yes = tape.op("Or", a.yes, tape.op("And", a.unknown, b.yes))  # what is unknown is not true
    return Truth(yes, None if b.unknown is None else tape.op("And", a.unknown, b.unknown))


def _false(tape: Tape, one: Truth) -> str:
    return tape.op("Not", one.yes if one.unknown is None else tape.op("Or", one.yes, one.unknown))


def _known(context: Context, yes: str, gone: str) -> str:
    return context.tape.op("And", yes, context.tape.op("Not", gone))


_BUILD: Mapping[str, Callable[[Element, Context], Truth]] = {
    "SimplePredicate": _simple,
    "SimpleSetPredicate": _set,
    "CompoundPredicate": _compound,
}
_JOIN: Mapping[str, Callable[[Tape, Truth, Truth], Truth]] = {
    "and": _and,
    "or": _or,
    "xor": _xor,
    "surrogate": _surrogate,
}
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


def array(element: Element) -> list[str]:
    """The words of an Array: apart by white space, in quotes where they hold some."""
    found = [_unquoted(match) for match in _WORD.finditer(element.text)]
    if (count := element.get("n")) is not None and element.whole("n") != len(found):
        refuse(element, f"says n = {count} and holds {len(found)}")
    return found


def _unquoted(match: re.Match[str]) -> str:
    return match[2] if match[1] is None else match[1].replace('\\"', '"').replace("\\\\", "\\")
