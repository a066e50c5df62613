"""The side of every graph input, from what its feature is made of.

A user's or the context's inputs make a user's tensor; an item's, as far as the catalogue holds them, an item's. What
the request alone knows of an item, and what crosses both sides, is a pair's. A dense feature of several sides has them
column by column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ranklet.graph.records import Columns, Declared, Sides
from ranklet.graph.three import PLACES
from ranklet.splitting.subject import Subject
from ranklet_features.kinds import load
from ranklet_features.spec import Feature, FeatureSpec


def sides(subject: Subject) -> Sides:
    """Per input of the graph, as the compiler takes them."""
    return {end.name: _side(subject, subject.owners[subject.tensor(end.name)].name) for end in subject.exported.inputs}


def place(subject: Subject, name: str) -> Declared:
    """The side of an input of model.toml."""
    declared = subject.model.inputs[name]
    if declared.side != "item":
        return declared.side
    held = subject.catalogue is not None and name in subject.catalogue.inputs
    return "item" if held and name not in subject.model.split.pairs else "pair"


def reads(spec: FeatureSpec, name: str) -> Iterator[str]:
    """The inputs that a feature is made of, those of its parts among them."""
    feature = spec.features[name]
    for part in feature.of:
        if part in spec.features and load(feature.kind).of_features:
            yield from reads(spec, part)
        else:
            yield part


def parts(spec: FeatureSpec, name: str) -> Iterator[str]:
    """A feature and those that it is crossed of."""
    yield name
    feature = spec.features[name]
    if load(feature.kind).of_features:
        for part in feature.of:
            if part in spec.features:
                yield from parts(spec, part)


def columns_of(spec: FeatureSpec, name: str, columns: tuple[int, ...]) -> Feature:
    """The dense feature of these columns of another one: whole inputs, in its order."""
    feature = spec.features[name]
    chosen, at = [], 0
    for part in feature.of:
        width = spec.inputs[part].length or 1
        if at in columns:
            chosen.append(part)
        at += width
    options = {
        key: [value[column] for column in columns]
        if key in ("mean", "std") and isinstance(value, list | tuple) and len(value) == at
        else value
        for key, value in feature.options.items()
    }
    return replace(feature, of=tuple(chosen), options=options)


def _side(subject: Subject, name: str) -> Declared | tuple[Columns, ...]:
    feature = subject.spec.features[name]
    found = {place(subject, part) for part in reads(subject.spec, name)}
    if found <= {"user", "context"}:
        return "context" if found == {"context"} else "user"
    if found == {"item"}:
        return "item" if _exact(subject, name) else "pair"
    if feature.kind == "dense" and len({PLACES[side] for side in found}) > 1:
        return tuple(_columns(subject, feature))
    return "pair"


def _columns(subject: Subject, feature: Feature) -> Iterator[Columns]:
    start = 0
    for part in feature.of:
        stop = start + (subject.spec.inputs[part].length or 1)
        yield Columns(place(subject, part), start, stop)
        start = stop


def _exact(subject: Subject, name: str) -> bool:
    """Rows that packing rounds are not computed into others, as what rounding does is measured table by table; nor are
    those of versions built elsewhere, which are not here."""
    table = subject.owners[name].table if name in subject.owners else None
    return table is None or any(
        one.table.name == table and not one.narrowed and not one.built for one in subject.tables
    )
