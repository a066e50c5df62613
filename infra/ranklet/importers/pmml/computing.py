"""Expressions of what a model made, as nodes of the graph: numbers, comparisons and choices between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.values import BOOLEANS, FALSE, NUMERIC, TRUE, Choice, Domain, Kind, Number, Raw, Value

INTEGERS = 7
"""ONNX's int64, which codes are."""
ARITHMETIC = {"+": "Add", "-": "Sub", "*": "Mul", "/": "Div", "pow": "Pow"}
FUNCTIONS = {"exp": "Exp", "ln": "Log", "sqrt": "Sqrt", "abs": "Abs", "floor": "Floor", "ceil": "Ceil", "rint": "Round"}
COMPARED = {
    "equal": "Equal", "lessThan": "Less", "lessOrEqual": "LessOrEqual", "greaterThan": "Greater",
    "greaterOrEqual": "GreaterOrEqual",
}  # fmt: skip


def filled(found: Number | Choice, fill: Any, element: Element, scope: Context) -> Value:
    """A value for a missing one."""
    gone = scope.gone(found)
    if isinstance(found, Number):
        return Number(scope.where(gone, float(fill), found.tensor), found.kind)
    if (code := found.domain.code(fill)) is None:
        refuse(element, f"replaces a missing one by {fill!r}, which it cannot be")
    return scope.choice(scope.tape.op("Where", gone, [code], found.tensor), found.domain, found.kind)


def onehot(found: Number | Choice, word: Any, fill: float | None, element: Element, scope: Context) -> Value:
    """1 where it is the word, else 0."""
    if isinstance(found, Number):
        same = scope.tape.doubles(scope.tape.op("Equal", found.tensor, float(word)))
        return Number(scope.where(scope.gone(found), np.nan if fill is None else fill, same))
    return Number(scope.lookup(found, {word: 1.0}, missing=np.nan if fill is None else fill, other=0.0))


def norm(
    found: Number | Choice, line: Sequence[Sequence[float]], outliers: str, fill: float | None, element: Element,
    scope: Context,
) -> Value:  # fmt: skip
    """Straight lines between points."""
    if not isinstance(found, Number):
        refuse(element, "normalizes what is no number")
    x, y = np.array(line).T
    if len(x) < 2 or (np.diff(x) <= 0).any():
        refuse(element, "needs two LinearNorm at least, in ascending order")
    tape, at = scope.tape, found.tensor
    made = tape.constant(np.array([[np.nan]]))
    for left in range(len(x) - 1):
        slope = (y[left + 1] - y[left]) / (x[left + 1] - x[left])
        piece = tape.op("Add", tape.op("Mul", tape.op("Sub", at, float(x[left])), float(slope)), float(y[left]))
        made = piece if left == 0 else scope.where(tape.op("GreaterOrEqual", at, float(x[left])), piece, made)
    if outliers != "asIs":
        ends = (float(y[0]), float(y[-1])) if outliers == "asExtremeValues" else (np.nan, np.nan)
        made = scope.where(tape.op("Less", at, float(x[0])), ends[0], made)
        made = scope.where(tape.op("Greater", at, float(x[-1])), ends[1], made)
    return Number(made if fill is None else scope.where(scope.gone(found), fill, made))


def mapped(
    found: Value, rows: Sequence[Sequence[Any]], kind: Kind, fills: Sequence[Any], element: Element, scope: Context
) -> Value:
    """A cell for each word that a model chose. rows: (keys, cell). fills: the cells of other words, and of none."""
    if not isinstance(found, Choice):
        refuse(element, "maps a number that a model made, which is not served")
    same = float if found.kind in NUMERIC else str
    words = {same(word): word for word in found.domain.words}
    cells = {words[keys[0]]: cell for keys, cell in reversed(rows) if keys[0] in words}  # a key's first row counts
    if kind in NUMERIC:
        return Number(_looked(found, cells, [np.nan if fill is None else fill for fill in fills], scope), kind)
    told = [*cells.values(), *(fill for fill in fills if fill is not None)]
    domain = Domain.of(BOOLEANS if kind == "boolean" else told)
    code: dict[Any, int] = {None: 0, **domain.words}
    codes = _looked(found, {word: code[cell] for word, cell in cells.items()}, [code[fill] for fill in fills], scope)
    return scope.choice(scope.tape.op("Cast", codes, to=INTEGERS), domain, kind)


def _looked(found: Choice, cells: Mapping[str, float], fills: Sequence[float], scope: Context) -> str:
    return scope.lookup(found, cells, other=fills[0], missing=fills[1])


def call(name: str, parts: Sequence[Value], element: Element, scope: Context) -> Value:
    """A built-in function. Raises ImportRefused for one that the graph does not compute."""
    made = [scope.sources.on_tape(part) if not _is_constant(part) else part for part in parts]
    if name in ARITHMETIC and len(made) == 2:
        if all(part.kind == "integer" for part in parts) and name == "/":
            refuse(element, "divides integers that a model made, which is not served")
        return Number(scope.tape.op(ARITHMETIC[name], *(_number(one, element, scope) for one in made)))
    if name in FUNCTIONS and len(made) == 1:
        return Number(scope.tape.op(FUNCTIONS[name], _number(made[0], element, scope)))
    if name in OTHERS:
        return OTHERS[name](name, made, element, scope)
    refuse(element, f"computes {name!r} of what a model made, which is not served")


def _is_constant(part: Value) -> bool:
    return isinstance(part, Raw) and part.expr[0] in ("constant", "nothing")


def _number(one: Value, element: Element, scope: Context) -> str:
    if isinstance(one, Raw):
        value = one.expr[1] if one.expr[0] == "constant" else np.nan
        if isinstance(value, str):
            refuse(element, f"computes with the word {value!r}")
        return scope.tape.constant(np.array([[float(value)]]))
    if not isinstance(one, Number):
        refuse(element, "computes with words that a model made")
    return one.tensor


def _gone(one: Value, scope: Context) -> str:
    if isinstance(one, Raw):
        return scope.tape.constant(np.array([[one.expr[0] == "nothing"]]))
    return scope.gone(one)


def _compared(name: str, made: Sequence[Value], element: Element, scope: Context) -> Value:
    one, other = made
    gone = scope.tape.op("Or", _gone(one, scope), _gone(other, scope))
    turned = name == "notEqual"
    if isinstance(one, Choice) and isinstance(other, Raw) and name in ("equal", "notEqual"):
        code = one.domain.code(str(other.expr[1]))
        yes = scope.tape.op("Equal", one.tensor, [-1 if code is None else code])
    else:
        kind = COMPARED["equal" if turned else name]
        yes = scope.tape.op(kind, _number(one, element, scope), _number(other, element, scope))
    return scope.truth(scope.tape.op("Not", yes) if turned else yes, gone)


def _missing(name: str, made: Sequence[Value], element: Element, scope: Context) -> Value:
    gone = _gone(made[0], scope)
    return scope.truth(gone if name in ("isMissing", "isNotValid") else scope.tape.op("Not", gone))


def _if(name: str, made: Sequence[Value], element: Element, scope: Context) -> Value:
    condition, *ways = made
    if not isinstance(condition, Choice) or condition.kind != "boolean":
        refuse(element, "asks if of what is no boolean")
    tensors = [_number(way, element, scope) for way in ways]
    otherwise = tensors[1] if len(tensors) > 1 else scope.tape.constant(np.array([[np.nan]]))
    yes = scope.tape.op("Equal", condition.tensor, [TRUE])
    no = scope.tape.op("Equal", condition.tensor, [FALSE])
    return Number(scope.where(yes, tensors[0], scope.where(no, otherwise, np.nan)))


def _threshold(name: str, made: Sequence[Value], element: Element, scope: Context) -> Value:
    above = scope.tape.op("Greater", _number(made[0], element, scope), _number(made[1], element, scope))
    gone = scope.tape.op("Or", _gone(made[0], scope), _gone(made[1], scope))
    return Number(scope.where(gone, np.nan, scope.tape.doubles(above)), "integer")


def _not(name: str, made: Sequence[Value], element: Element, scope: Context) -> Value:
    (one,) = made
    if not isinstance(one, Choice) or one.kind != "boolean":
        refuse(element, "asks not of what is no boolean")
    return scope.truth(scope.tape.op("Equal", one.tensor, [FALSE]), scope.gone(one))


def _all(name: str, made: Sequence[Value], element: Element, scope: Context) -> Value:
    """and, or, of booleans that are there or missing."""
    tape = scope.tape
    if not all(isinstance(one, Choice) and one.kind == "boolean" for one in made):
        refuse(element, f"asks {name} of what is no boolean")
    deciding = FALSE if name == "and" else TRUE
    decided = [tape.op("Equal", one.tensor, [deciding]) for one in made if isinstance(one, Choice)]
    gone = [scope.gone(one) for one in made if isinstance(one, Choice)]
    some, lost = decided[0], gone[0]
    for more, missing in zip(decided[1:], gone[1:], strict=True):
        some, lost = tape.op("Or", some, more), tape.op("Or", lost, missing)
    yes = tape.op("Not", some) if name == "and" else some
    return scope.truth(yes, tape.op("And", lost, tape.op("Not", some)))


OTHERS: Mapping[str, Callable[[str, Sequence[Value], Element, Context], Value]] = {
    **dict.fromkeys((*COMPARED, "notEqual"), _compared),
    **dict.fromkeys(("isMissing", "isNotMissing", "isValid", "isNotValid"), _missing),
    "if": _if,
    "threshold": _threshold,
    "not": _not,
    "and": _all,
    "or": _all,
}
"""Function → what builds it."""
