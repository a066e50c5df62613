"""MiningModel: segments with predicates, and what is made of their results (dmg.org, Multiple Models)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ranklet.importers.pmml import choosing, combining, forests, models, outputs, predicates, scopes
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.models import tree as trees
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Choice, Number, Value
from ranklet.importers.pmml.winners import voted, winner
from ranklet.importers.trees.records import Floats

METHODS = (
    "sum", "average", "weightedAverage", "weightedSum", "median", "weightedMedian", "majorityVote",
    "weightedMajorityVote", "selectFirst", "modelChain", "x-multiModelChain", "multiModelChain",
)  # fmt: skip


CHAINS = ("modelChain", "x-multiModelChain", "multiModelChain")
TREATMENTS = ("continue", "skipSegment", "returnMissing")
"""Of segments that predict nothing."""


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
        return choosing.first(segments, context)
    if function == "regression":
        return Result("regression", Number(_regression(method, segments, segmentation, context)))
    return _classification(method, segments, segmentation, context)


def _segment(element: Element, context: Context) -> combining.Segment:
    predicate = predicates.of(element)
    active = None if predicates.always(predicate) else predicates.build(predicate, context).yes
    return combining.Segment(element, models.of(element), active, element.number("weight", 1.0))


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


def _regression(method: str, segments: Sequence[combining.Segment], element: Element, context: Context) -> str:
    plain = element.get("missingPredictionTreatment") != "skipSegment"
    if method == "sum" and plain and (found := _forest(segments, context)) is not None:
        return found
    values = [_number(one, context) for one in segments]
    if method not in combining.REGRESSIONS:
        refuse(element, f"has multipleModelMethod = {method!r} in a regression, which is not served")
    if element.get("missingPredictionTreatment") != "skipSegment":
        return combining.REGRESSIONS[method](values, segments, context)
    gone = [context.tape.op("IsNaN", value) for value in values]
    kept = combining.kept(segments, gone, context)
    found = combining.REGRESSIONS[method](values, kept, context)
    if method in ("sum", "weightedSum"):  # of nothing is 0, where some segment is active
        known = [context.where(none, 0.0, value) for none, value in zip(gone, values, strict=True)]
        found = combining.REGRESSIONS[method](known, segments, context)
    return context.where(combining.too_few(segments, gone, element, context), np.nan, found)


def _forest(segments: Sequence[combining.Segment], context: Context) -> str | None:
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


def _number(segment: combining.Segment, context: Context) -> str:
    result, _ = scopes.run(segment.model, context)
    value = context.sources.on_tape(result.value)
    if not isinstance(value, Number):
        refuse(segment.model, "predicts words in a regression of several models")
    return value.tensor


def _classification(method: str, segments: Sequence[combining.Segment], element: Element, context: Context) -> Result:
    results = [scopes.run(one.model, context)[0] for one in segments]
    skipped = element.get("missingPredictionTreatment", "continue")
    lost: list[str] = []
    if skipped == "skipSegment" or ("Vote" in method and skipped == "continue"):
        # A vote that is not given counts for nobody.
        lost = [context.gone(context.sources.on_tape(one.value)) for one in results]
        counted = combining.kept(segments, lost, context)
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
    average = combining.weighted_average if method.startswith("weighted") else combining.average
    shares = {name: average([one.get(name, zero) for one in votes], counted, context) for name in classes}
    if skipped == "skipSegment":
        few = combining.too_few(segments, lost, element, context)
        shares = {name: context.where(few, np.nan, share) for name, share in shares.items()}
    best = voted(votes, shares, context) if "Vote" in method else winner(shares, context)
    return Result("classification", best, shares)


def _votes(result: Result, segment: combining.Segment, context: Context) -> dict[str, str]:
    value = context.sources.on_tape(result.value)
    if not isinstance(value, Choice):
        refuse(segment.model, "predicts numbers in a vote of several models")
    gone = context.gone(value)
    found = {}
    for word, code in value.domain.words.items():
        same = context.tape.doubles(context.tape.op("Equal", value.tensor, [code]))
        found[word] = context.where(gone, np.nan, same)
    return found
