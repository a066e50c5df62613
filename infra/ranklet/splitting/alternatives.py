"""The bundles that could stand for a model with one graph, the best first; made one by one, as the pipeline asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ranklet.compose import Parts
from ranklet.errors import ModelError
from ranklet.graph.choose import BASE
from ranklet.graph.packing import Unpackable
from ranklet.graph.records import Compiled, Sides
from ranklet.graph.running import RunFailed
from ranklet.graph.split import Declined
from ranklet.graph.verify import Refuted
from ranklet.model import Model, TableSource
from ranklet.splitting import compiling, cuts, outcome, rows
from ranklet.splitting.catalogue import Catalogue, catalogue, table
from ranklet.splitting.given import Given
from ranklet.splitting.sides import sides
from ranklet.splitting.stores import opened
from ranklet.splitting.subject import Subject, subject, why_not
from ranklet.splitting.wiring import Wired, wired
from ranklet.tables import pin, source
from ranklet.tables.pin import Pinned
from ranklet.tables.room import Room
from ranklet.tables.sources.base import Asked
from ranklet_features.errors import SpecError
from ranklet_runtime.errors import ManifestError

ITEMS = "item-rows"
"""The name of the item table."""

UNFIT = (RunFailed, Declined, Refuted, Unpackable, ValueError, TypeError, AttributeError, LookupError, ArithmeticError,
         AssertionError, NotImplementedError, ManifestError, SpecError)  # fmt: skip
"""What compiling may end with. The graphs of the world hold what no pass foresaw; an author whose graph runs as it is
loses a speed-up then, with the reason, and not the build."""


@dataclass(frozen=True)
class Alternative:
    """A model that gives the same scores by other parts. shipped: the candidate's name. said: what is told of it."""

    shipped: str
    model: Model
    parts: Parts
    said: Mapping[str, Any]


@dataclass(frozen=True)
class Split:
    """What compiling found. reason: why no alternative is worth proving, None where one is.

    forced: whether only a split may ship. each: makes the alternatives, lazily. note: writes the full report. notes:
    what the author should know at once.
    """

    reason: str | None
    forced: bool
    each: tuple[Callable[[], Alternative], ...]
    note: Callable[[Mapping[str, Any]], None]
    said: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def alternatives(given: Given) -> Split | None:
    """None for a model that is not concerned: several steps, another engine, `mode = "off"`.

    Raises ModelError where `mode = "force"` finds no split, and ModelError and TableError for a catalogue that is not
    there or cannot be read.
    """
    model = given.model
    forced = model.split.mode == "force"
    if model.split.mode == "off":
        return None
    if (why := why_not(model, given.parts.steps)) is not None:
        if forced:
            raise ModelError(f'{model.name}/model.toml: [split] mode = "force", but {why}')
        return _without(why) if model.split.guessed else None
    asked = Asked(ITEMS, table(model), given.folder, given.resolve, model.inputs, model.features)
    found = subject(model, given.folder, given.parts.steps, given.parts.tables, catalogue(model, asked))
    given.progress("compiling the graph")
    declared = sides(found)
    key = compiling.digest(found, declared)
    known = compiling.remembered(given.memory, key)
    try:
        compiled = compiling.compiled(found, declared, known)
    except UNFIT as error:
        if forced:
            raise ModelError(f'{model.name}: [split] mode = "force", but its graph is not split: {error}') from error
        return _without(f"its graph is not split: {error}")
    measured = known if known is not None or model.split.variant is not None else compiling.choice(key, compiled)
    choice = measured if measured is not None and model.split.variant is None else compiling.choice(key, compiled)
    if forced and compiled.cross is None:
        reasons = "; ".join(f"{name}: {why}" for name, why in compiled.report.declined.items())
        raise ModelError(f'{model.name}: [split] mode = "force", but {reasons or compiled.report.reason}')
    plain = compiled.cross is None and not cuts.read(compiled, compiled.lookups)
    return Split(
        reason=choice.reason if plain else None,
        forced=forced,
        each=tuple(_each(given, found, compiled, declared, choice)),
        note=lambda said: compiling.note(given.memory, measured, compiled, said),
        notes=_unfulfilled(model, compiled),
        said=outcome.said(compiled, choice),
    )


def _unfulfilled(model: Model, compiled: Compiled) -> tuple[str, ...]:
    """Why the variant that model.toml names does not ship."""
    asked, report = model.split.variant, compiled.report
    if asked is None or asked == report.shipped:
        return ()
    return (f'[split] variant = "{asked}" is not shipped: {report.declined.get(asked[0], report.reason)}',)


def _without(reason: str) -> Split:
    """Nothing was compiled."""
    return Split(reason, False, (), lambda said: None, outcome.uncut(reason))


def _each(
    given: Given, subject: Subject, compiled: Compiled, declared: Sides, choice: compiling.Choice
) -> Iterator[Callable[[], Alternative]]:
    if compiled.cross is not None:
        yield lambda: _alternative(given, subject, compiled, declared, choice)
    if compiled.tables and given.model.split.mode != "force":
        report = replace(compiled.report, shipped=BASE, trials=0, worst=0.0, proven={}, dynamic={}, refused={})
        whole = replace(compiled, user=None, item=None, cross=None, fused=None, record=None, report=report)
        yield lambda: _alternative(given, subject, whole, declared, choice)


def _alternative(
    given: Given, subject: Subject, compiled: Compiled, declared: Sides, choice: compiling.Choice
) -> Alternative:
    named = cuts.names(compiled, [*given.model.tables, ITEMS])
    record = ITEMS if compiled.item is not None and compiled.record is not None else None
    wires = wired(subject, compiled, declared, tables=named, record=record)
    kept = _kept(given.parts.tables, wires)
    room = _room(given.model, wires, kept)
    new: list[tuple[TableSource, Pinned]] = []
    for made in _tables(given, subject, compiled, wires, named=named, room=room, record=record):
        new.append(made)
    tables = {one.table.name: given.model.tables[one.table.name] for one in kept}
    model = msgspec.structs.replace(
        given.model,
        inputs=wires.inputs,
        features=wires.features,
        tables=tables | {one.table.name: source for source, one in new},
    )
    vocabularies = {name: path for name, path in given.parts.vocabularies.items() if name in wires.features}
    parts = Parts(wires.steps, (*kept, *(one for _, one in new)), vocabularies)
    shipped = compiled.report.shipped if compiled.cross is not None else BASE
    return Alternative(shipped, model, parts, outcome.said(compiled, choice, shipped=shipped, parts=parts))


def _kept(tables: tuple[Pinned, ...], wires: Wired) -> list[Pinned]:
    """The author's tables that features still read."""
    read = {feature.options.get("table") for feature in wires.features.values()}
    return [one for one in tables if one.table.name in read]


def _room(model: Model, wires: Wired, kept: list[Pinned]) -> Room:
    left = Room.of(model, artefacts=sum(len(made.content or b"") for _, made in wires.steps), onnx=True)
    for one in kept:
        if one.table.placement == "resident":
            left = left.after(one.bytes, one.memory, fetched=one.fetched)
    return left


def _tables(
    given: Given,
    subject: Subject,
    compiled: Compiled,
    wires: Wired,
    *,
    named: Mapping[str, str],
    room: Room,
    record: str | None,
) -> Iterator[tuple[TableSource, Pinned]]:
    """The item table first, as the one that every candidate reads."""
    if record is not None and subject.catalogue is not None:
        source_, one = _items(given, subject, compiled, subject.catalogue, room)
        room = _after(room, one)
        yield source_, one
    by_name = {one.name: one for one in compiled.tables}
    for name, uses in cuts.read(compiled, wires.lookups).items():
        given.progress(f"pinning table {named[name]}")
        found = cuts.source(given.model, by_name[name])
        site = cuts.site(given.model, compiled, uses, room.site(given.model, named[name]))
        one = cuts.pinned(named[name], by_name[name], found, site=site, scratch=given.scratch)
        room = _after(room, one)
        yield found, one


def _after(room: Room, one: Pinned) -> Room:
    return room.after(one.bytes, one.memory, fetched=one.fetched) if one.table.placement == "resident" else room


def _items(
    given: Given, subject: Subject, compiled: Compiled, items: Catalogue, room: Room
) -> tuple[TableSource, Pinned]:
    """The item table: computed over the whole catalogue, with the row of an unknown item."""
    with ExitStack() as stack:
        graph = rows.item_graph(subject, compiled, opened(given.parts.tables, stack))
        vectors = source.gather(
            ITEMS, rows.chunks(items, graph, given.progress), key=items.asked.table.key, scratch=given.scratch
        )
        found = rows.stranger(items, graph, items.asked.table, vectors.keys)
    site = replace(room.site(given.model, ITEMS), keys=given.model.traffic.candidates)
    return found, pin.pin(ITEMS, found, vectors, scratch=given.scratch, site=site)
