"""Output fields: what a model tells besides its prediction (dmg.org, Output). One line each in FEATURES."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ranklet.importers.pmml import expressions
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.dictionary import kind_of
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Choice, Number, Value


def of(model: Element, result: Result, scope: Context) -> dict[str, Value]:
    """Output field → its value, in order; each may be read by those after it, by the outputs' own scope."""
    element = model.one("Output")
    inside = scope.below()
    found: dict[str, Value] = {}
    for one in element.all("OutputField") if element is not None else ():
        name = one.name("name")
        found[name] = _value(one, result, inside)
        inside.later[name] = partial(lambda value: value, found[name])
    return found


def final(model: Element) -> list[str]:
    """Output fields that callers get."""
    element = model.one("Output")
    return [
        one.name("name")
        for one in (element.all("OutputField") if element is not None else ())
        if one.get("isFinalResult", "true") in ("true", "1")
    ]


def _value(field: Element, result: Result, scope: Context) -> Value:
    feature = field.get("feature", "predictedValue") or ""
    if feature not in FEATURES:
        refuse(field, f"has feature = {feature!r}, which is not served; served are {', '.join(FEATURES)}")
    if field.get("segmentId") is not None:
        refuse(field, "tells of one segment (segmentId), which is not served")
    for name, usual in PLAIN.items():
        if field.get(name, usual) != usual:
            refuse(field, f"has {name} = {field.get(name)!r}, which is not served; served is {usual!r}")
    found = FEATURES[feature](field, result, scope)
    if isinstance(found, Choice) and field.get("dataType") is not None:
        return Choice(found.tensor, found.domain, kind_of(field))
    return found


PLAIN = {"isMultiValued": "0", "rankOrder": "descending", "rankBasis": "confidence"}
"""Attributes that are served as they are when absent."""


def _predicted(field: Element, result: Result, scope: Context) -> Value:
    return result.value


def _probability(field: Element, result: Result, scope: Context) -> Value:
    wanted = field.get("value")
    if wanted is None:
        if not result.probabilities:
            refuse(field, "asks for a probability, and the model has none")
        return _chosen(field, result.probabilities, result.value, scope)
    if wanted not in result.probabilities:
        refuse(field, f"tells of the class {wanted!r}, which the model does not have")
    return Number(result.probabilities[wanted])


def _transformed(field: Element, result: Result, scope: Context) -> Value:
    return expressions.only(field, scope)


def _rank(field: Element, result: Result) -> int:
    """Of the entity that is meant. Raises ImportRefused for one that the model does not have."""
    rank = field.whole("rank", 1)
    count = 1 if result.ranks is None else result.ranks.count
    if not 1 <= rank <= count:
        refuse(field, f"asks for rank {rank} of {count}")
    return rank


def _entity(field: Element, result: Result, scope: Context) -> Value:
    rank = _rank(field, result)
    if result.ranks is not None and (rank > 1 or result.entity is None):
        return result.ranks.entity(rank)
    if result.entity is None:
        refuse(field, "asks for an entity's id, and the model has none")
    return result.entity


def _reason(field: Element, result: Result, scope: Context) -> Value:
    rank = field.whole("rank", 1)
    if not 1 <= rank <= len(result.reasons):
        refuse(field, f"asks for reason code {rank} of {len(result.reasons)}")
    return result.reasons[rank - 1]


def _of_entity(field: Element, result: Result, scope: Context) -> Value:
    """A score of the entity that the field names, or of the one that won."""
    feature, rank = str(field.get("feature")), _rank(field, result)
    scores = result.scores.get("affinity" if "ffinity" in feature else feature)
    if scores is None:
        refuse(field, f"asks for feature = {feature!r}, which this model does not have")
    wanted = field.get("value")
    if wanted is None and rank > 1 and result.ranks is not None:
        return result.ranks.affinity(rank)
    if wanted is not None:
        if wanted not in scores:
            refuse(field, f"tells of {wanted!r}, which the model does not have")
        return Number(scores[wanted])
    of_classes = feature == "confidence"
    return _chosen(field, scores, result.value if of_classes else result.entity or result.value, scope)


def _chosen(field: Element, scores: Mapping[str, str], value: Value, scope: Context) -> Number:
    """The score of what a value names. Raises ImportRefused where not all that it can be have one."""
    found = scope.sources.on_tape(value)
    if not isinstance(found, Choice) or not set(found.domain.words) <= set(scores):
        refuse(field, f"asks for the {field.get('feature')} of what won, and the model tells none")
    return chosen(scores, found, scope)


def chosen(scores: Mapping[str, str], found: Choice, scope: Context) -> Number:
    """The score of the word that was chosen."""
    table = scope.tape.joined([scores[word] for word in found.domain.words])
    place = scope.tape.op("Max", scope.tape.op("Sub", found.tensor, [1]), [0])
    chosen = scope.tape.op("GatherElements", table, place, axis=1)
    return Number(scope.where(scope.gone(found), float("nan"), chosen))


FEATURES: Mapping[str, Callable[[Element, Result, Context], Value]] = {
    "predictedValue": _predicted,
    "probability": _probability,
    "transformedValue": _transformed,
    "decision": _transformed,
    "entityId": _entity,
    "clusterId": _entity,
    "reasonCode": _reason,
    "affinity": _of_entity,
    "entityAffinity": _of_entity,
    "clusterAffinity": _of_entity,
    "confidence": _of_entity,
}
"""Result feature → its value. To add one: a function, and a line here."""
