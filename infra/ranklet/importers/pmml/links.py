"""What makes predictions and probabilities of sums: the normalization methods of RegressionModel.

Each of a sum y to a cumulative probability; softmax and simplemax of all sums together. In doubles, written so that
large sums do not overflow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from ranklet.importers.pmml import series
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.tape import Tape

Link = Callable[[Tape, str], str]


def _identity(tape: Tape, y: str) -> str:
    return y


def _logit(tape: Tape, y: str) -> str:
    return tape.op("Div", 1.0, tape.op("Add", tape.op("Exp", tape.op("Neg", y)), 1.0))


def _exp(tape: Tape, y: str) -> str:
    return tape.op("Exp", y)


def _cloglog(tape: Tape, y: str) -> str:
    return tape.op("Sub", 1.0, tape.op("Exp", tape.op("Neg", tape.op("Exp", y))))


def _loglog(tape: Tape, y: str) -> str:
    return tape.op("Exp", tape.op("Neg", tape.op("Exp", tape.op("Neg", y))))


def _cauchit(tape: Tape, y: str) -> str:
    return tape.op("Add", tape.op("Mul", series.arctangent(tape, y), 1 / math.pi), 0.5)


LINKS: Mapping[str, Link] = {
    "none": _identity,
    "logit": _logit,
    "softmax": _logit,
    "exp": _exp,
    "probit": series.normal,
    "cloglog": _cloglog,
    "loglog": _loglog,
    "cauchit": _cauchit,
}
NORMALIZATIONS = (*LINKS, "simplemax")


def regression(model: Element, name: str, total: str, context: Context) -> str:
    """The prediction of a regression."""
    if name not in LINKS:
        refuse(model, f"has normalizationMethod = {name!r} in a regression, which is not served")
    return LINKS[name](context.tape, total)


CUMULATIVE = ("none", "logit", "probit", "cloglog", "loglog", "cauchit")
"""Of a sum alone that is a probability."""


def classification(model: Element, name: str, totals: Sequence[str], context: Context) -> list[str]:
    """Probabilities in the order of the tables, as JPMML has them: of two classes the first one's decides."""
    tape = context.tape
    if len(totals) == 1:
        refuse(model, "is a classification with one table; it needs one for each class")
    if name == "simplemax":
        return shares(tape, list(totals))
    if name == "softmax":
        return softmax(tape, totals)
    if len(totals) == 2 and name in CUMULATIVE:
        first = probability(name, totals[0], context)
        return [first, tape.op("Sub", 1.0, first)]
    if name == "none":
        return [*totals[:-1], tape.op("Sub", 1.0, tape.added(list(totals[:-1])))]
    if name != "logit":
        refuse(model, f"has normalizationMethod = {name!r} with {len(totals)} classes, which is not served")
    return shares(tape, [LINKS[name](tape, one) for one in totals])


def ordinal(model: Element, name: str, totals: Sequence[str], context: Context) -> list[str]:
    """Of classes in order: each sum makes the probability of all classes up to its own."""
    if name not in CUMULATIVE:
        refuse(model, f"has {name!r} of classes in order, which is not served; served are {', '.join(CUMULATIVE)}")
    below = [probability(name, total, context) for total in totals]
    parts = [context.tape.op("Sub", one, before) for before, one in pairwise(below)]
    return [below[0], *parts, context.tape.op("Sub", 1.0, below[-1])]


def probability(name: str, total: str, context: Context) -> str:
    """Of one sum, by a cumulative link."""
    if name == "none":
        return context.tape.op("Min", context.tape.op("Max", total, 0.0), 1.0)
    return LINKS[name](context.tape, total)


def softmax(tape: Tape, totals: Sequence[str]) -> list[str]:
    """exp(y) / Σ exp(y), less the largest y."""
    together = tape.joined(list(totals))
    largest = tape.op("ReduceMax", together, [1], keepdims=1)
    return shares(tape, [tape.op("Exp", tape.op("Sub", one, largest)) for one in totals])


def shares(tape: Tape, parts: list[str]) -> list[str]:
    """Each part over the sum of all."""
    whole = tape.added(parts)
    return [tape.op("Div", part, whole) for part in parts]
