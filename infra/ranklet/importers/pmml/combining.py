"""Numbers of several segments as one: sums, averages and medians of those that are active (Multiple Models)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element


@dataclass
class Segment:
    """One model. active: where its predicate is true, None where it always is. weight: of its vote."""

    element: Element
    model: Element
    active: str | None
    weight: float


def kept(segments: Sequence[Segment], gone: Sequence[str], context: Context) -> list[Segment]:
    """The segments as they are where they predict something."""
    there = [context.tape.op("Not", one) for one in gone]
    return [
        replace(one, active=known if one.active is None else context.tape.op("And", one.active, known))
        for one, known in zip(segments, there, strict=True)
    ]


def too_few(segments: Sequence[Segment], gone: Sequence[str], element: Element, context: Context) -> str:
    """Whether the segments without a prediction have more of all weight than missingThreshold allows."""
    tape = context.tape
    lost, whole = [], []
    for one, none in zip(segments, gone, strict=True):
        weight = active(one, tape.constant(np.array([[one.weight]])), 0.0, context)
        whole.append(weight)
        lost.append(context.where(none, weight, 0.0))
    share = tape.op("Div", tape.added(lost), tape.added(whole))
    return tape.op("Greater", share, element.number("missingThreshold", 1.0))


def _sum(values: Sequence[str], segments: Sequence[Segment], context: Context) -> str:
    return _weighted(values, segments, context, weighted=False)[0]


def average(values: Sequence[str], segments: Sequence[Segment], context: Context) -> str:
    return context.tape.op("Div", *_weighted(values, segments, context, weighted=False))


def _weighted_sum(values: Sequence[str], segments: Sequence[Segment], context: Context) -> str:
    return _weighted(values, segments, context, weighted=True)[0]


def weighted_average(values: Sequence[str], segments: Sequence[Segment], context: Context) -> str:
    return context.tape.op("Div", *_weighted(values, segments, context, weighted=True))


def _weighted(
    values: Sequence[str], segments: Sequence[Segment], context: Context, *, weighted: bool
) -> tuple[str, str]:
    """Σ weight · value and Σ weight over the active segments; missing where none is active."""
    tape = context.tape
    sums, weights = [], []
    for value, segment in zip(values, segments, strict=True):
        weight = segment.weight if weighted else 1.0
        sums.append(active(segment, tape.op("Mul", value, weight) if weight != 1 else value, 0.0, context))
        weights.append(active(segment, tape.constant(np.array([[weight]])), 0.0, context))
    whole = tape.added(weights)
    if all(segment.active is not None for segment in segments):
        whole = context.where(tape.op("Equal", whole, 0.0), np.nan, whole)
        sums.append(tape.op("Mul", whole, 0.0))
    return tape.added(sums), whole


def active(segment: Segment, value: str, other: float, context: Context) -> str:
    return value if segment.active is None else context.where(segment.active, value, other)


def _weighted_median(values: Sequence[str], segments: Sequence[Segment], context: Context) -> str:
    """The first value, in order, at which half of all weight is reached."""
    tape = context.tape
    ordered, gone = _ordered(values, segments, context)
    given = [active(one, tape.constant(np.array([[one.weight]])), 0.0, context) for one in segments]
    if all(one.active is None for one in segments):
        weights = tape.op("Gather", np.array([one.weight for one in segments]), f"{ordered}_1", axis=0)
    else:
        weights = tape.op("GatherElements", tape.joined(_wide(given, context)), f"{ordered}_1", axis=1)
    reached = tape.op("CumSum", weights, tape.constant(np.array(1, np.int64)))
    enough = tape.op("Cast", tape.op("GreaterOrEqual", reached, tape.op("Mul", tape.added(given), 0.5)), to=7)
    place = tape.op("ArgMax", enough, axis=1, keepdims=1)
    return context.where(gone, np.nan, tape.op("GatherElements", ordered, place, axis=1))


def _median(values: Sequence[str], segments: Sequence[Segment], context: Context) -> str:
    """Of the active segments: the middle one, or the mean of the two."""
    tape = context.tape
    ordered, gone = _ordered(values, segments, context)
    count = tape.added([active(one, tape.constant(np.array([[1.0]])), 0.0, context) for one in segments])
    high = tape.op("Floor", tape.op("Div", count, 2.0))
    low = tape.op("Max", tape.op("Floor", tape.op("Div", tape.op("Sub", count, 1.0), 2.0)), 0.0)
    last = float(len(values) - 1)
    pair = _wide([low, tape.op("Min", high, last)], context)
    places = [tape.op("Cast", one, to=7) for one in pair]
    middle = [tape.op("GatherElements", ordered, one, axis=1) for one in places]
    return context.where(gone, np.nan, tape.op("Div", tape.added(middle), 2.0))


def _wide(parts: Sequence[str], context: Context) -> list[str]:
    """Each with a row for each one asked, where some are the same for all."""
    zero = context.sources.rows()
    return [context.tape.op("Add", part, context.tape.op("Mul", zero, 0.0)) for part in parts]


def _ordered(values: Sequence[str], segments: Sequence[Segment], context: Context) -> tuple[str, str]:
    """Values ascending, those of segments that are not active last; and where there is none, or one is missing."""
    tape = context.tape
    together = tape.joined([active(one, value, np.inf, context) for one, value in zip(segments, values, strict=True)])
    ordered = tape.op("TopK", together, [len(values)], axis=1, largest=0, sorted=1, outputs=2)
    none = tape.op("IsInf", tape.columns(ordered, [0]))
    return ordered, tape.op("Or", none, tape.op("IsNaN", tape.total(together)))


REGRESSIONS: Mapping[str, Callable[[Sequence[str], Sequence[Segment], Context], str]] = {
    "sum": _sum,
    "average": average,
    "weightedSum": _weighted_sum,
    "weightedAverage": weighted_average,
    "median": _median,
    "weightedMedian": _weighted_median,
}
