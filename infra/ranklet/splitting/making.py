"""Makes one bundle's parts: graphs wired to steps, the item table computed, cut tables pinned, and what stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ranklet.compose import Parts
from ranklet.graph.records import Compiled, Sides
from ranklet.graph.split import Declined
from ranklet.graph.times import BASE
from ranklet.model import Model, TableSource
from ranklet.splitting import cuts, outcome, rows
from ranklet.splitting.catalogue import Catalogue
from ranklet.splitting.compiling import Choice
from ranklet.splitting.given import Given
from ranklet.splitting.stores import opened
from ranklet.splitting.subject import Subject
from ranklet.splitting.wiring import Wired, wired
from ranklet.tables import pin, source
from ranklet.tables.pin import Pinned
from ranklet.tables.room import Room

ITEMS = "item-rows"
"""The name of the item table."""


@dataclass(frozen=True)
class Alternative:
    """A model that gives the same scores by other parts. shipped: the candidate's name. said: what is told of it."""

    shipped: str
    model: Model
    parts: Parts
    said: Mapping[str, Any]


def make(given: Given, subject: Subject, compiled: Compiled, declared: Sides, choice: Choice) -> Alternative:
    """The alternative of what was compiled. Raises TableError for an item that the features refuse."""
    named = cuts.names(compiled, [*given.model.tables, ITEMS])
    record = ITEMS if compiled.item is not None and compiled.record is not None else None
    wires = wired(subject, compiled, declared, tables=named, record=record)
    kept = _kept(given.parts.tables, wires)
    room = _room(given.model, wires, kept)
    if compiled.rest is not None and not room.package:
        raise Declined(
            f"the package has no room for the uncut graph, which serves below {compiled.report.below} candidates"
        )
    new = list(_tables(given, subject, compiled, wires, named=named, room=room, record=record))
    tables = {one.table.name: given.model.tables[one.table.name] for one in kept}
    split, shipped = given.model.split, compiled.report.shipped if compiled.cross is not None else BASE
    if compiled.rest is not None:
        split = msgspec.structs.replace(split, variant=shipped, uncut_below=compiled.report.below)
    model = msgspec.structs.replace(
        given.model,
        inputs=wires.inputs,
        features=wires.features,
        split=split,
        tables=tables | {one.table.name: source for source, one in new},
    )
    vocabularies = {name: path for name, path in given.parts.vocabularies.items() if name in wires.features}
    parts = Parts(
        wires.steps,
        (*kept, *(one for _, one in new)),
        vocabularies,
        given.parts.pmml,
        given.parts.references,
        given.parts.after,
    )
    return Alternative(
        shipped, model, parts, outcome.said(compiled, choice, shipped=shipped, parts=parts, extra=wires.extra)
    )


def _kept(tables: tuple[Pinned, ...], wires: Wired) -> list[Pinned]:
    """The author's tables that features still read."""
    read = {feature.options.get("table") for feature in wires.features.values()}
    return [one for one in tables if one.table.name in read]


def _room(model: Model, wires: Wired, kept: list[Pinned]) -> Room:
    left = Room.of(model, artefacts=wires.bytes, onnx=True)
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
