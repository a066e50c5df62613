"""Splits the graph that computes cut tables' ids by side: a user's are made once, an item's when it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import onnx_ir as ir

from ranklet.graph.expr import merge, sides_of
from ranklet.graph.feeds import InputKind
from ranklet.graph.placing import dense
from ranklet.graph.records import Piece, Port, Side, Sides, Source
from ranklet.graph.split import Work, forward
from ranklet.graph.three import begin, enter
from ranklet.graph.trace import Trace, trace


@dataclass(frozen=True)
class Keys:
    """sides: per computed ids. pieces: per side, the graph whose outputs are its ids."""

    sides: Mapping[str, Side] = field(default_factory=dict)
    pieces: Mapping[Side, Piece] = field(default_factory=dict)


def split_keys(model: ir.Model, kinds: tuple[InputKind, ...], sides: Sides, *, seed: int) -> Keys:
    """Raises Declined as `three.split` does."""
    seen = trace(model, kinds, seed)
    sources: dict[str, Source] = {}
    ports: dict[str, Port] = {}
    work = begin(model, seen, variant="A", trusted=frozenset())
    enter(work, kinds, sides, sources, ports)
    forward(work)
    found = {value.name or "": merge(sides_of(work.exprs[value])) for value in model.graph.outputs}
    pieces: dict[Side, Piece] = {
        side: _finish(work, {name for name, at in found.items() if at == side}, side, sources, ports)
        for side in dict.fromkeys(found.values())
        if side != "cross"
    }
    if "cross" in found.values():
        pieces["cross"] = _paired(model, kinds, seen, {name for name, at in found.items() if at == "cross"})
    return Keys(found, pieces)


def _paired(model: ir.Model, kinds: tuple[InputKind, ...], seen: Trace, names: set[str]) -> Piece:
    """Ids made of a user's and an item's features: from all inputs, N rows each."""
    sources: dict[str, Source] = {}
    ports: dict[str, Port] = {}
    work = begin(model, seen, variant="A", trusted=frozenset())
    enter(work, kinds, {kind.name: "pair" for kind in kinds}, sources, ports)
    forward(work)
    return _finish(work, names, "cross", sources, ports)


def _finish(work: Work, names: set[str], side: Side, sources: dict[str, Source], ports: dict[str, Port]) -> Piece:
    made: dict[str, ir.Value] = {}
    for value in work.model.graph.outputs:
        name, expr = value.name or "", work.exprs[value]
        if name not in names:
            continue
        made[name] = dense(work, expr, side)
        shapes = work.trace.shapes[name]
        fixed = [shapes[0][a] if len({s[a] for s in shapes}) == 1 else None for a in range(len(shapes[0]))]
        batch = expr.form.batch
        if side == "user" and batch is not None and batch.plain:
            fixed[batch.axis] = 1
        ports[name] = Port(name, work.trace.dtypes[name].name, tuple(fixed))
    return work.builders[side].finish(made, ports, sources)
