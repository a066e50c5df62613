"""The result of the first segment that is active, with all that it tells (selectFirst of Multiple Models)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ranklet.importers.pmml import outputs, scopes
from ranklet.importers.pmml.combining import Segment
from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import refuse
from ranklet.importers.pmml.results import Result
from ranklet.importers.pmml.values import Choice, Domain, Number, Value


def first(segments: Sequence[Segment], context: Context) -> Result:
    """Missing where none is active. The entity is the segment, by its id."""
    merged: Result | None = None
    for segment in reversed(segments):
        merged = _either(segment, _run(segment, segments, context), merged, context)
    assert merged is not None
    return merged


def _run(segment: Segment, segments: Sequence[Segment], context: Context) -> Result:
    result, made = scopes.run(segment.model, context)
    told = {**result.told, **{name: made[name] for name in outputs.final(segment.model)}}
    return Result(
        result.function, result.value, result.probabilities, entity=_id(segment, segments, context), told=told
    )


def _id(segment: Segment, segments: Sequence[Segment], context: Context) -> Choice | None:
    """The segment's id as a value, where all of them have one."""
    ids = [one.element.get("id") for one in segments]
    if not all(ids):
        return None
    domain = Domain.of(one for one in ids if one is not None)
    codes = np.array([[domain.words[segment.element.name("id")]]], np.int64)
    zero = context.tape.op("Cast", context.sources.rows(), to=7)
    return context.choice(context.tape.op("Add", zero, codes), domain)


def _either(segment: Segment, one: Result, other: Result | None, context: Context) -> Result:
    """Where the segment is active its result, else the other, or nothing."""
    active = segment.active
    if active is None:
        missing = {name: _lost(value, context) for name, value in (other.told if other else {}).items()}
        return Result(one.function, one.value, one.probabilities, entity=one.entity, told={**missing, **one.told})
    classes = dict.fromkeys([*one.probabilities, *(other.probabilities if other else ())])
    none = context.tape.constant(np.array([[np.nan]]))
    probabilities = {
        name: context.where(
            active, one.probabilities.get(name, none), other.probabilities.get(name, none) if other else none
        )
        for name in classes
    }
    names = dict.fromkeys([*one.told, *(other.told if other else ())])
    told = {
        name: _chosen(segment, one.told.get(name), other.told.get(name) if other else None, context) for name in names
    }
    entity = None if one.entity is None else _chosen(segment, one.entity, other.entity if other else None, context)
    value = _chosen(segment, one.value, other.value if other else None, context)
    return Result(one.function, value, probabilities, entity=entity, told=told)


def _lost(value: Value, context: Context) -> Value:
    """A missing value of the same kind, in each row."""
    found, zero = context.sources.on_tape(value), context.sources.rows()
    if isinstance(found, Number):
        return Number(context.tape.op("Add", zero, np.array([[np.nan]])), found.kind)
    return context.choice(context.tape.op("Cast", zero, to=7), found.domain, found.kind)


def _chosen(segment: Segment, one: Value | None, other: Value | None, context: Context) -> Value:
    """Where the segment is active the one, else the other. Raises ImportRefused for numbers against words."""
    given = one if one is not None else other
    assert given is not None and segment.active is not None
    first_ = context.sources.on_tape(one if one is not None else _lost(given, context))
    second = context.sources.on_tape(other if other is not None else _lost(given, context))
    if isinstance(first_, Number) and isinstance(second, Number):
        return Number(context.where(segment.active, first_.tensor, second.tensor), first_.kind)
    if not isinstance(first_, Choice) or not isinstance(second, Choice):
        refuse(segment.element, "tells a number where another segment tells words")
    domain = Domain.of([*first_.domain.words, *second.domain.words])
    codes = [_recoded(one, domain, context) for one in (first_, second)]
    return context.choice(context.tape.op("Where", segment.active, *codes), domain, first_.kind)


def _recoded(choice: Choice, domain: Domain, context: Context) -> str:
    """Codes of one domain as those of another that has all its words."""
    table = np.array([0, *(domain.words[word] for word in choice.domain.words)], np.int64)
    return context.tape.op("Gather", table, choice.tensor, axis=0)
