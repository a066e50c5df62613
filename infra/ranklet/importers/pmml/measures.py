"""Comparison measures: how far, or how alike, a row is to each of several points (dmg.org, Comparison Measures)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.trees.records import Floats

DISTANCES = ("euclidean", "squaredEuclidean", "chebychev", "cityBlock", "minkowski")
SIMILARITIES = ("simpleMatching", "jaccard", "tanimoto")
COMPARED = ("absDiff", "delta", "equal")
MAX_CELLS = 50_000_000
MAX_IN_ORDER = 64


def kind(measure: Element) -> Element:
    """The measure itself. Raises ImportRefused for one that is not served."""
    if (found := measure.one(*DISTANCES, *SIMILARITIES)) is None:
        named = ", ".join(child.tag for child in measure.children) or "nothing"
        refuse(measure, f"has {named}; served are {', '.join((*DISTANCES, *SIMILARITIES))}")
    return found


def similar(measure: Element) -> bool:
    """Whether the largest is the nearest."""
    return kind(measure).tag in SIMILARITIES


def compare(
    measure: Element,
    fields: Sequence[Element],
    x: str,
    points: Floats,
    context: Context,
    *,
    missing: Floats | None = None,
) -> str:
    """x [n, k] against points [p, k]: double [n, p].

    A field that is missing is left out, and the sum of the others stretched to all, by the missing value weights [k];
    where all are missing, so is the result.
    """
    chosen, tape = kind(measure), context.tape
    if points.size > MAX_CELLS:
        refuse(measure, f"compares with {points.size} numbers; at most {MAX_CELLS} are served")
    if chosen.tag in SIMILARITIES:
        return _similarity(chosen.tag, x, points, context)
    weights = np.array([one.number("fieldWeight", 1.0) for one in fields])
    there = tape.doubles(tape.op("Not", tape.op("IsNaN", x)))
    kept = there if missing is None else tape.op("Mul", there, missing[None])
    whole = float(len(fields)) if missing is None else float(missing.sum())
    stretch = tape.op("Div", whole, tape.total(kept))
    known = tape.op("Unsqueeze", context.where(tape.op("IsNaN", x), 0.0, x), [1])
    functions = [one.get("compareFunction") or measure.choice("compareFunction", COMPARED, "absDiff") for one in fields]
    if set(functions) == {"absDiff"}:
        away = tape.op("Abs", tape.op("Sub", known, points[None]))
    else:
        parts = [
            _inner(*one, known, points, context) for one in zip(fields, functions, range(len(fields)), strict=True)
        ]
        away = tape.op("Concat", *parts, axis=2) if len(parts) > 1 else parts[0]
    away = tape.op("Mul", away, tape.op("Unsqueeze", there, [1]))
    return _COMBINED[chosen.tag](away, weights, stretch, chosen, context)


def _inner(field: Element, function: str, at: int, known: str, points: Floats, context: Context) -> str:
    """How far one field is: double [n, p, 1]."""
    tape = context.tape
    one = tape.op("Gather", known, np.array([at], np.int64), axis=2)
    away = tape.op("Sub", one, np.ascontiguousarray(points[None, :, at : at + 1]))
    if function == "absDiff":
        return tape.op("Abs", away)
    same = tape.doubles(tape.op("Equal", away, 0.0))
    if function == "equal":
        return same
    if function != "delta":
        refuse(field, f"has compareFunction = {function!r}, which is not served; served are {', '.join(COMPARED)}")
    return tape.op("Sub", 1.0, same)


def _power(away: str, weights: Floats, stretch: str, context: Context, *, power: float, root: bool) -> str:
    tape = context.tape
    raised = away if power == 1 else tape.op("Mul", away, away) if power == 2 else tape.op("Pow", away, power)
    if (weights != 1).any():
        raised = tape.op("Mul", raised, weights[None, None])
    total = tape.op("Mul", _sum(raised, weights.size, context), stretch)
    if not root or power == 1:
        return total
    return tape.op("Sqrt", total) if power == 2 else tape.op("Pow", total, 1 / power)


def _sum(parts: str, count: int, context: Context) -> str:
    """Over the fields in order, so that what is equal stays equal: double [n, p]."""
    tape = context.tape
    if count > MAX_IN_ORDER:
        return tape.op("ReduceSum", parts, [2], keepdims=0)
    columns = [tape.op("Gather", parts, tape.whole(at), axis=2) for at in range(count)]
    return tape.added(columns)


def _largest(away: str, weights: Floats, stretch: str, chosen: Element, context: Context) -> str:
    weighed = context.tape.op("Mul", away, weights[None, None])
    return context.tape.op("Mul", context.tape.op("ReduceMax", weighed, [2], keepdims=0), stretch)


def _minkowski(away: str, weights: Floats, stretch: str, chosen: Element, context: Context) -> str:
    power = chosen.number("p-parameter", chosen.number("p", 2.0))
    if power <= 0:
        refuse(chosen, f"has p = {power}, which must be above 0")
    return _power(away, weights, stretch, context, power=power, root=True)


Combined = Callable[[str, Floats, str, Element, Context], str]


def _powers(power: float, *, root: bool) -> Combined:
    return lambda away, weights, stretch, chosen, context: _power(
        away, weights, stretch, context, power=power, root=root
    )


_COMBINED: Mapping[str, Combined] = {
    "euclidean": _powers(2.0, root=True),
    "squaredEuclidean": _powers(2.0, root=False),
    "cityBlock": _powers(1.0, root=False),
    "chebychev": _largest,
    "minkowski": _minkowski,
}


def _similarity(name: str, x: str, points: Floats, context: Context) -> str:
    """Of zeros and ones: a11, a10, a01, a00 counted by products."""
    tape = context.tape
    both = tape.op("MatMul", x, np.ascontiguousarray(points.T))
    mine, theirs = tape.total(x), points.sum(axis=1)[None]
    either = tape.op("Sub", tape.op("Add", mine, theirs), both)
    if name == "jaccard":
        return tape.op("Div", both, either)
    width = float(points.shape[1])
    none = tape.op("Sub", width, either)
    agree = tape.op("Add", both, none)
    if name == "simpleMatching":
        return tape.op("Div", agree, width)
    differ = tape.op("Sub", width, agree)
    return tape.op("Div", agree, tape.op("Add", agree, tape.op("Mul", differ, 2.0)))
