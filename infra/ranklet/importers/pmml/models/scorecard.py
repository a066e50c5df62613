"""Scorecard: partial scores of characteristics, and the reasons for the lowest ones (dmg.org, Scorecard)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ranklet.importers.pmml import expressions, predicates
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Choice, Domain, Number

TRUE = ("true", "1")


@dataclass(frozen=True)
class Part:
    """What one characteristic adds: double [n, 1], missing where no attribute is true. reason: codes of the domain."""

    element: Element
    score: str
    reason: str | None


def build(model: Element, context: Context) -> Result:
    """As the protocol says."""
    model.choice("functionName", ("regression",))
    characteristics = model.need("Characteristics").all("Characteristic")
    if not characteristics:
        refuse(model, "has no Characteristic")
    reasons = Domain.of(_codes(characteristics))
    told = model.get("useReasonCodes", "true") in TRUE
    parts = [_part(one, reasons if told else None, context) for one in characteristics]
    total = context.tape.added([part.score for part in parts])
    initial = model.number("initialScore", 0.0)
    value = Number(context.tape.op("Add", total, initial) if initial else total)
    ranked = _ranked(model, parts, reasons, context) if told else ()
    return Result("regression", value, reasons=ranked)


def _codes(characteristics: Sequence[Element]) -> list[str]:
    return [
        code
        for one in characteristics
        for element in (one, *one.all("Attribute"))
        if (code := element.get("reasonCode")) is not None
    ]


def _part(characteristic: Element, reasons: Domain | None, context: Context) -> Part:
    """The first attribute that is true."""
    score = context.tape.constant(np.array([[np.nan]]))
    reason: str | None = None if reasons is None else context.tape.constant(np.array([[0]], np.int64))
    for attribute in reversed(characteristic.all("Attribute")):
        yes = predicates.build(predicates.of(attribute), context).yes
        score = context.where(yes, _points(attribute, context), score)
        if reasons is not None and reason is not None:
            code = attribute.get("reasonCode") or characteristic.get("reasonCode")
            if code is None:
                refuse(attribute, "has no reasonCode, nor has its characteristic, and the model tells reasons")
            reason = context.tape.op("Where", yes, [reasons.words[code]], reason)
    return Part(characteristic, score, reason)


def _points(attribute: Element, context: Context) -> str | float:
    if (complex_score := attribute.one("ComplexPartialScore")) is not None:
        found = context.sources.on_tape(expressions.only(complex_score, context))
        if not isinstance(found, Number):
            refuse(complex_score, "is no number")
        return found.tensor
    return attribute.number("partialScore")


def _ranked(model: Element, parts: Sequence[Part], reasons: Domain, context: Context) -> tuple[Choice, ...]:
    """Reason codes, the one that cost most points first; a code of several characteristics counts their sum."""
    tape = context.tape
    above = model.choice("reasonCodeAlgorithm", ("pointsAbove", "pointsBelow"), "pointsBelow") == "pointsAbove"
    baselines = np.array([[_baseline(model, part.element) for part in parts]])
    scores = tape.joined([part.score for part in parts])
    lost = tape.op("Sub", scores, baselines) if above else tape.op("Sub", baselines, scores)
    codes = tape.op("Concat", *(part.reason for part in parts if part.reason is not None), axis=1)
    sums = _by_code(codes, lost, len(reasons.words), context)
    count = min(len(parts), len(reasons.words))
    ordered = tape.op("TopK", sums, [count], axis=1, largest=1, sorted=1, outputs=2)
    found = []
    for at in range(count):
        points = tape.columns(ordered, [at])
        code = tape.op("Gather", f"{ordered}_1", np.array([at], np.int64), axis=1)
        kept = tape.op("GreaterOrEqual", points, 0.0)
        found.append(context.choice(tape.op("Where", kept, tape.op("Add", code, [1]), [0]), reasons))
    return tuple(found)


def _by_code(codes: str, lost: str, count: int, context: Context) -> str:
    """Σ of the points that each code stands for: double [n, codes]; -1 where it stands for none."""
    tape = context.tape
    columns = []
    for code in range(1, count + 1):
        mine = tape.op("Equal", codes, [code])
        points = tape.op("Where", mine, lost, 0.0)
        some = tape.op("ReduceMax", tape.doubles(mine), [1], keepdims=1)
        columns.append(context.where(tape.op("Greater", some, 0.5), tape.total(points), -1.0))
    return tape.joined(columns)


def _baseline(model: Element, characteristic: Element) -> float:
    return characteristic.number("baselineScore", model.number("baselineScore", 0.0))
