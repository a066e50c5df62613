"""MiningModel: segments with predicates, and what is made of their results (dmg.org, Multiple Models)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ranklet.importers.pmml import forests, models, outputs, predicates, scopes
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.models import tree as trees
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Choice, Domain, Number, Value
from ranklet.importers.pmml.winners import voted, winner
from ranklet.importers.trees.records import Floats

METHODS = (
    "sum", "average", "weightedAverage", "weightedSum", "median", "weightedMedian", "majorityVote",
    "weightedMajorityVote", "selectFirst", "modelChain", "x-multiModelChain", "multiModelChain",
)  # fmt: skip


CHAINS = ("modelChain", "x-multiModelChain", "multiModelChain")
TREATMENTS = ("continue", "skipSegment", "returnMissing")
"""Of segments that predict nothing."""


@dataclass
class Segment:
    """One model. active: where its predicate is true, None where it always is. weight: of its vote."""

    element: Element
    model: Element
    active: str | None
    weight: float


def build(model: Element, context: Context) -> Result:
    """As the protocol says."""
    segmentation = model.need("Segmentation")
    method = segmentation.choice("multipleModelMethod", METHODS)
    elements = segmentation.all("Segment")
    if not elements:
        refuse(segmentation, "has no Segment")
    treatment = segmentation.choice("missingPredictionTreatment", TREATMENTS, "continue")
    allowed = ("continue", "returnMissing") if method in CHAINS else ("continue",)
    if method in (*CHAINS, "selectFirst") and treatment not in allowed:
        refuse(segmentation, f"has missingPredictionTreatment = {treatment!r} with {method}, which is not served")
    if method in CHAINS:
        return _chain(elements, context, whole=treatment == "returnMissing")
    segments = [_segment(one, context) for one in elements]
    function = model.choice("functionName", ("regression", "classification"))
    if method == "selectFirst":
        return _first(segments, context)
    if function == "regression":
        return Result("regression", Number(_regression(method, segments, segmentation, context)))
    return _classification(method, segments, segmentation, context)


def _segment(element: Element, context: Context) -> Segment:
    predicate = predicates.of(element)
    active = None if predicates.always(predicate) else predicates.build(predicate, context).yes
    return Segment(element, models.of(element), active, element.number("weight", 1.0))


def _chain(elements: Sequence[Element], context: Context, *, whole: bool) -> Result:
    """Each segment may read the outputs of those before it; the last one's result is the model's.

    whole: missing where one of them predicts nothing.
    """
    scope = context.below()
    found: Result | None = None
    told: dict[str, Value] = {}
    gone: list[str] = []
    for element in elements:
        predicate = predicates.of(element)
        if not predicates.always(predicate):
            refuse(predicate, "of a segment in a chain is not served; served is <True/>")
        model = models.of(element)
        found, made = scopes.run(model, scope)
        gone.append(context.gone(context.sources.on_tape(found.value)))
        told = {**found.told, **{name: made[name] for name in outputs.final(model)}}
        for name, value in {**found.told, **made}.items():
            scope.later[name] = partial(_same, value)
    assert found is not None
    if whole and len(gone) > 1:
        return _withheld(replace(found, told=told), gone[:-1], context)
    return replace(found, told=told)


def _withheld(result: Result, gone: Sequence[str], context: Context) -> Result:
    """The result, missing where something else is."""
    lost = gone[0]
    for one in gone[1:]:
        lost = context.tape.op("Or", lost, one)

    def kept(value: Value) -> Value:
        found = context.sources.on_tape(value)
        if isinstance(found, Number):
            return Number(context.where(lost, np.nan, found.tensor), found.kind)
        return context.choice(context.tape.op("Where", lost, [0], found.tensor), found.domain, found.kind)

    probabilities = {name: context.where(lost, np.nan, one) for name, one in result.probabilities.items()}
    told = {name: kept(value) for name, value in result.told.items()}
    return replace(result, value=kept(result.value), probabilities=probabilities, told=told)


def _same(value: Value) -> Value:
    return value


def _first(segments: Sequence[Segment], context: Context) -> Result:
    """The result of the first segment that is active, output fields and all."""
    found = [scopes.run(one.model, context)[0] for one in segments]
    result = found[-1]
    last = segments[-1]
    merged = _masked(result, last.active, context)
    for one, segment in zip(found[-2::-1], segments[-2::-1], strict=True):
        merged = one if segment.active is None else _either(segment.active, one, merged, context)
    return merged


def _masked(result: Result, active: str | None, context: Context) -> Result:
    return result if active is None else _either(active, result, None, context)


def _either(active: str, one: Result, other: Result | None, context: Context) -> Result:
    """Where it is active the one, else the other, or nothing."""
    classes = list(dict.fromkeys([*one.probabilities, *(other.probabilities if other else ())]))
    none = context.tape.constant(np.array([[np.nan]]))
    probabilities = {
        name: context.where(
            active, one.probabilities.get(name, none), other.probabilities.get(name, none) if other else none
        )
        for name in classes
    }
    return Result(one.function, _chosen(active, one.value, other.value if other else None, context), probabilities)


def _chosen(active: str, one: Value, other: Value | None, context: Context) -> Value:
    first = context.sources.on_tape(one)
    second = context.sources.on_tape(other) if other is not None else None
    if isinstance(first, Number):
        assert second is None or isinstance(second, Number)
        return Number(context.where(active, first.tensor, np.nan if second is None else second.tensor), first.kind)
    assert second is None or isinstance(second, Choice)
    domain = Domain.of([*first.domain.words, *(second.domain.words if second else ())])
    codes = recoded(first, domain, context)
    others = recoded(second, domain, context) if second else [0]
    return context.choice(context.tape.op("Where", active, codes, others), domain)


def recoded(choice: Choice, domain: Domain, context: Context) -> str:
    """Codes of one domain as those of another that has all its words."""
    table = np.array([0, *(domain.words[word] for word in choice.domain.words)], np.int64)
    return context.tape.op("Gather", table, choice.tensor, axis=0)


def _regression(method: str, segments: Sequence[Segment], element: Element, context: Context) -> str:
    plain = element.get("missingPredictionTreatment") != "skipSegment"
    if method == "sum" and plain and (found := _forest(segments, context)) is not None:
        return found
    values = [_number(one, context) for one in segments]
    if method not in REGRESSIONS:
        refuse(element, f"has multipleModelMethod = {method!r} in a regression, which is not served")
    if element.get("missingPredictionTreatment") != "skipSegment":
        return REGRESSIONS[method](values, segments, context)
    gone = [context.tape.op("IsNaN", value) for value in values]
    kept = _kept(segments, gone, context)
    found = REGRESSIONS[method](values, kept, context)
    if method in ("sum", "weightedSum"):  # of nothing is 0, where some segment is active
        known = [context.where(none, 0.0, value) for none, value in zip(gone, values, strict=True)]
        found = REGRESSIONS[method](known, segments, context)
    return context.where(_too_few(segments, gone, element, context), np.nan, found)


def _kept(segments: Sequence[Segment], gone: Sequence[str], context: Context) -> list[Segment]:
    """The segments as they are where they predict something."""
    there = [context.tape.op("Not", one) for one in gone]
    return [
        replace(one, active=known if one.active is None else context.tape.op("And", one.active, known))
        for one, known in zip(segments, there, strict=True)
    ]


def _too_few(segments: Sequence[Segment], gone: Sequence[str], element: Element, context: Context) -> str:
    """Whether the segments without a prediction have more of all weight than missingThreshold allows."""
    tape = context.tape
    lost, whole = [], []
    for one, none in zip(segments, gone, strict=True):
        weight = _active(one, tape.constant(np.array([[one.weight]])), 0.0, context)
        whole.append(weight)
        lost.append(context.where(none, weight, 0.0))
    share = tape.op("Div", tape.added(lost), tape.added(whole))
    return tape.op("Greater", share, element.number("missingThreshold", 1.0))


def _forest(segments: Sequence[Segment], context: Context) -> str | None:
    """Trees that are all active, as one node of the graph; None where it is another kind of ensemble."""
    if any(one.active is not None or not _plain(one.model) for one in segments):
        return None
    from ranklet.importers.pmml import diagrams

    made = [diagrams.of(one.model, scopes.of(one.model, context)) for one in segments]
    said = [
        np.array([trees.numbers(end, one.model) for end in diagram.outcomes])
        for one, diagram in zip(segments, made, strict=True)
    ]
    if any(np.isnan(one).any() for one in said):
        leaf = forests.leaves(made, context)
        return _summed(made, said, leaf, context)
    return forests.total(made, said, context)


def _summed(made: Sequence[object], said: Sequence[Floats], leaf: str, context: Context) -> str:
    """Where some outcomes are none: Σ of what the trees say, none where one says none."""
    starts = np.cumsum([0, *(len(one) for one in said[:-1])])[None]
    places = context.tape.op("Add", leaf, starts.astype(np.int64))
    return context.tape.total(context.tape.op("Gather", np.concatenate(said), places, axis=0))


def _plain(model: Element) -> bool:
    """A tree whose result is its score: nothing is made of it before the sum."""
    return model.tag == "TreeModel" and not model.all("Targets", "Output") and model.get("functionName") == "regression"


def _number(segment: Segment, context: Context) -> str:
    result, _ = scopes.run(segment.model, context)
    value = context.sources.on_tape(result.value)
    if not isinstance(value, Number):
        refuse(segment.model, "predicts words in a regression of several models")
    return value.tensor


def _sum(values: Sequence[str], segments: Sequence[Segment], context: Context) -> str:
    return _weighted(values, segments, context, weighted=False)[0]


def _average(values: Sequence[str], segments: Sequence[Segment], context: Context) -> str:
    return context.tape.op("Div", *_weighted(values, segments, context, weighted=False))


def _weighted_sum(values: Sequence[str], segments: Sequence[Segment], context: Context) -> str:
    return _weighted(values, segments, context, weighted=True)[0]


def _weighted_average(values: Sequence[str], segments: Sequence[Segment], context: Context) -> str:
    return context.tape.op("Div", *_weighted(values, segments, context, weighted=True))


def _weighted(
    values: Sequence[str], segments: Sequence[Segment], context: Context, *, weighted: bool
) -> tuple[str, str]:
    """Σ weight · value and Σ weight over the active segments; missing where none is active."""
    tape = context.tape
    sums, weights = [], []
    for value, segment in zip(values, segments, strict=True):
        weight = segment.weight if weighted else 1.0
        sums.append(_active(segment, tape.op("Mul", value, weight) if weight != 1 else value, 0.0, context))
        weights.append(_active(segment, tape.constant(np.array([[weight]])), 0.0, context))
    whole = tape.added(weights)
    if all(segment.active is not None for segment in segments):
        whole = context.where(tape.op("Equal", whole, 0.0), np.nan, whole)
        sums.append(tape.op("Mul", whole, 0.0))
    return tape.added(sums), whole


def _active(segment: Segment, value: str, other: float, context: Context) -> str:
    return value if segment.active is None else context.where(segment.active, value, other)


def _weighted_median(values: Sequence[str], segments: Sequence[Segment], context: Context) -> str:
    """The first value, in order, at which half of all weight is reached."""
    tape = context.tape
    ordered, gone = _ordered(values, segments, context)
    given = [_active(one, tape.constant(np.array([[one.weight]])), 0.0, context) for one in segments]
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
    count = tape.added([_active(one, tape.constant(np.array([[1.0]])), 0.0, context) for one in segments])
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
    together = tape.joined([_active(one, value, np.inf, context) for one, value in zip(segments, values, strict=True)])
    ordered = tape.op("TopK", together, [len(values)], axis=1, largest=0, sorted=1, outputs=2)
    none = tape.op("IsInf", tape.columns(ordered, [0]))
    return ordered, tape.op("Or", none, tape.op("IsNaN", tape.total(together)))


REGRESSIONS: Mapping[str, Callable[[Sequence[str], Sequence[Segment], Context], str]] = {
    "sum": _sum,
    "average": _average,
    "weightedSum": _weighted_sum,
    "weightedAverage": _weighted_average,
    "median": _median,
    "weightedMedian": _weighted_median,
}


def _classification(method: str, segments: Sequence[Segment], element: Element, context: Context) -> Result:
    results = [scopes.run(one.model, context)[0] for one in segments]
    skipped = element.get("missingPredictionTreatment", "continue")
    lost: list[str] = []
    if skipped == "skipSegment" or ("Vote" in method and skipped == "continue"):
        # A vote that is not given counts for nobody.
        lost = [context.gone(context.sources.on_tape(one.value)) for one in results]
        counted = _kept(segments, lost, context)
    else:
        counted = list(segments)
    if method in ("majorityVote", "weightedMajorityVote"):
        votes = [_votes(one, segment, context) for one, segment in zip(results, segments, strict=True)]
    elif method in ("average", "weightedAverage"):
        votes = [dict(one.probabilities) for one in results]
    else:
        refuse(element, f"has multipleModelMethod = {method!r} in a classification, which is not served")
    classes = list(dict.fromkeys(name for one in votes for name in one))
    zero = context.tape.constant(np.array([[0.0]]))
    average = _weighted_average if method.startswith("weighted") else _average
    shares = {name: average([one.get(name, zero) for one in votes], counted, context) for name in classes}
    if skipped == "skipSegment":
        few = _too_few(segments, lost, element, context)
        shares = {name: context.where(few, np.nan, share) for name, share in shares.items()}
    best = voted(votes, shares, context) if "Vote" in method else winner(shares, context)
    return Result("classification", best, shares)


def _votes(result: Result, segment: Segment, context: Context) -> dict[str, str]:
    value = context.sources.on_tape(result.value)
    if not isinstance(value, Choice):
        refuse(segment.model, "predicts numbers in a vote of several models")
    gone = context.gone(value)
    found = {}
    for word, code in value.domain.words.items():
        same = context.tape.doubles(context.tape.op("Equal", value.tensor, [code]))
        found[word] = context.where(gone, np.nan, same)
    return found
