"""Splits a model into its three graphs for one variant, and finds what a trial of rows could still add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ranklet.graph.builder import Builder
from ranklet.graph.expr import Cat, Expr, Leaf, Opaque
from ranklet.graph.feeds import InputKind
from ranklet.graph.forms import Form
from ranklet.graph.placing import dense
from ranklet.graph.records import Columns, Declared, Piece, Port, Side, Sides, Source, Variant
from ranklet.graph.rest import frontier_port, rest
from ranklet.graph.sizes import Unavailable
from ranklet.graph.split import Declined, Notes, Work, forward
from ranklet.graph.trace import Trace

PLACES: Mapping[Declared, Side] = {"user": "user", "context": "user", "item": "item", "pair": "cross"}
OLDEST_OPSET = 11
"""Before it Slice, Clip and others took attributes where the pass looks for inputs."""


@dataclass(frozen=True)
class Rest:
    """piece reads the item's values one by one, as cross does. item: the item graph that makes what both read."""

    piece: Piece
    item: Piece | None


@dataclass(frozen=True)
class Three:
    """user: None where nothing of the user is computed. item: likewise. cross reads the item's values one by one, under
    the names of the item graph's outputs. untried: opaque values of one side that a trial of rows might free. rest: the
    uncut graph over stored items, or why there is none."""

    variant: Variant
    user: Piece | None
    item: Piece | None
    cross: Piece
    notes: Notes
    untried: Mapping[str, Side]
    rest: Rest | str


def split(
    model: ir.Model,
    kinds: tuple[InputKind, ...],
    sides: Sides,
    trace: Trace,
    *,
    variant: Variant,
    trusted: frozenset[str] = frozenset(),
) -> Three:
    """Raises Declined where the graph cannot be split, or its outputs do not depend on the items."""
    work = begin(model, trace, variant=variant, trusted=trusted)
    sources: dict[str, Source] = {}
    ports: dict[str, Port] = {}
    enter(work, kinds, sides, sources, ports)
    forward(work)
    try:
        outputs = {v.name or "": dense(work, work.exprs[v], "cross") for v in model.graph.outputs}
        return _finish(work, outputs, sources, ports)
    except Unavailable as error:
        raise Declined(str(error)) from error


def begin(model: ir.Model, trace: Trace, *, variant: Variant, trusted: frozenset[str]) -> Work:
    """An empty pass over the model. Raises Declined for an opset that is too old."""
    opset = model.graph.opset_imports.get("", 0)
    if opset < OLDEST_OPSET:
        raise Declined(f"opset {opset} is too old; export with opset {OLDEST_OPSET} or newer")
    names: tuple[Side, ...] = ("user", "item", "cross", "rest")
    builders = {side: Builder(side, model.graph.opset_imports) for side in names}
    return Work(model, trace, variant, trusted, builders, opset)


def enter(
    work: Work, kinds: tuple[InputKind, ...], sides: Sides, sources: dict[str, Source], ports: dict[str, Port]
) -> None:
    """Give the model's inputs their expressions."""
    by_name = {kind.name: kind for kind in kinds}
    for value in work.model.graph.inputs:
        if not value.is_initializer():
            name = value.name or ""
            work.exprs[value] = _enter(work, by_name[name], sides[name], sources, ports)


def _enter(
    work: Work,
    kind: InputKind,
    side: Declared | tuple[Columns, ...],
    sources: dict[str, Source],
    ports: dict[str, Port],
) -> Expr:
    if not isinstance(side, str):
        return _columns(work, kind, side, sources, ports)
    place = PLACES[side]
    shapes = work.trace.shapes[kind.name]
    form = Form(shapes, work.trace.grid.batch_of(shapes))
    if place == "item" and any(form.fixed(axis) is None for axis in range(1, form.rank)):
        place = "cross"  # a row of no fixed size cannot be stored
    if place != "user" and (form.batch is None or form.batch.axis != 0):
        raise Declined(f"input {kind.name!r} is the {side}'s but has no batch in its first dimension")
    work.owners[kind.name] = place
    sources[kind.name] = Source(kind.name)
    ports[kind.name] = _input_port(kind, place, form)
    return _leaf(work, kind.name, kind, place, form)


def _leaf(work: Work, name: str, kind: InputKind, place: Side, form: Form) -> Leaf:
    builder = work.builders[place]
    value = builder.input(name, kind.dtype, form.rank)
    work.dtypes[value] = kind.dtype
    if place != "user":
        builder.row_inputs.append(value)
    return Leaf(place, value, form)


def _columns(
    work: Work, kind: InputKind, ranges: tuple[Columns, ...], sources: dict[str, Source], ports: dict[str, Port]
) -> Expr:
    """A matrix of several sides' columns: one input per side, and a Cat that has them in the original order."""
    shapes = work.trace.shapes[kind.name]
    form = Form(shapes, work.trace.grid.batch_of(shapes))
    width = form.fixed(1) if form.rank == 2 else None
    covered = [column for r in ranges for column in range(r.start, r.stop)]
    if width is None or form.batch is None or sorted(covered) != list(range(width)):
        raise Declined(f"the column ranges of {kind.name!r} must cover its {width} columns once each")
    chosen: dict[Side, list[int]] = {}
    for r in ranges:
        chosen.setdefault(PLACES[r.side], []).extend(range(r.start, r.stop))
    order = [column for columns in chosen.values() for column in columns]
    parts = []
    for place, columns in chosen.items():
        name = f"{kind.name}.{place}"
        narrow = form.resized(1, len(columns))
        work.owners[name] = place
        sources[name] = Source(kind.name, tuple(columns))
        ports[name] = Port(name, kind.dtype.name, (1 if place == "user" else None, len(columns)))
        parts.append(_leaf(work, name, kind, place, narrow))
    if len(parts) == 1:
        return parts[0]
    return Cat(1, tuple(parts), np.argsort(order), form)


def _input_port(kind: InputKind, place: Side, form: Form) -> Port:
    shape = [form.fixed(axis) for axis in range(form.rank)]
    if place == "user" and form.batch is not None:
        shape[form.batch.axis] = 1
    return Port(kind.name, kind.dtype.name, tuple(shape))


def _finish(
    work: Work, outputs: Mapping[str, ir.Value], sources: Mapping[str, Source], ports: dict[str, Port]
) -> Three:
    cross_builder = work.builders["cross"]
    cross_builder.row_inputs += [
        value
        for name, value in cross_builder.inputs.items()
        if name in work.frontier and work.frontier[name].side == "item"
    ]
    ports |= {name: frontier_port(work, name, leaf) for name, leaf in work.frontier.items()}
    ports |= {v.name or "": _output_port(work, v) for v in work.model.graph.outputs}
    cross = cross_builder.finish(outputs, ports, sources)
    read = {port.name for port in cross.inputs}
    user = _part(work, "user", read, ports, sources)
    item = _part(work, "item", read, ports, sources)
    if not any(port.shape and port.shape[0] is None for port in cross.inputs):
        raise Declined("the outputs do not depend on the items")
    untried = {
        v.name or "": e.side
        for v, e in work.exprs.items()
        if isinstance(e, Opaque) and e.form.shapes and e.form.batch is not None and e.form.batch.axis == 0
    }
    return Three(work.variant, user, item, cross, work.notes, untried, _rest(work, read, ports, sources))


def _part(
    work: Work, side: Side, read: set[str], ports: Mapping[str, Port], sources: Mapping[str, Source]
) -> Piece | None:
    """The graph that makes what others read of a side, in the order in which it was asked for."""
    made = {n: leaf.value for n, leaf in work.frontier.items() if leaf.side == side and n in read}
    return work.builders[side].finish(made, ports, sources) if made else None


def _rest(work: Work, read: set[str], ports: dict[str, Port], sources: Mapping[str, Source]) -> Rest | str:
    """read: what the cross graph does, which comes first in a row."""
    try:
        piece = rest(work, ports, sources)
    except Unavailable as error:
        return str(error)
    ports |= {name: frontier_port(work, name, leaf) for name, leaf in work.frontier.items()}
    return Rest(piece, _part(work, "item", read | {port.name for port in piece.inputs}, ports, sources))


def _output_port(work: Work, value: ir.Value) -> Port:
    shapes = work.trace.shapes[value.name or ""]
    fixed = [shapes[0][a] if len({s[a] for s in shapes}) == 1 else None for a in range(len(shapes[0]))]
    return Port(value.name or "", work.trace.dtypes[value.name or ""].name, tuple(fixed))
