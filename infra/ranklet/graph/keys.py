"""Splits the graph that computes the ids of cut tables by side: a user's ids are made once, an item's when it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import onnx_ir as ir

from ranklet.graph.expr import merge, sides_of
from ranklet.graph.feeds import InputKind
from ranklet.graph.placing import dense
from ranklet.graph.records import Piece, Port, Side, Sides, Source
from ranklet.graph.split import forward
from ranklet.graph.three import begin, enter
from ranklet.graph.trace import trace


@dataclass(frozen=True)
class Keys:
    """sides: per computed ids. pieces: per side, the graph whose outputs are its ids."""

    sides: Mapping[str, Side] = field(default_factory=dict)
    pieces: Mapping[Side, Piece] = field(default_factory=dict)


def split_keys(model: ir.Model, kinds: tuple[InputKind, ...], sides: Sides, *, seed: int) -> Keys:
    """Raises Declined as `three.split` does."""
    seen = trace(model, kinds, seed)
    work = begin(model, seen, variant="A", trusted=frozenset())
    sources: dict[str, Source] = {}
    ports: dict[str, Port] = {}
    enter(work, kinds, sides, sources, ports)
    forward(work)
    found: dict[str, Side] = {}
    made: dict[Side, dict[str, ir.Value]] = {}
    for value in model.graph.outputs:
        name, expr = value.name or "", work.exprs[value]
        side = merge(sides_of(expr))
        found[name] = side
        made.setdefault(side, {})[name] = dense(work, expr, side)
        shapes = seen.shapes[name]
        fixed = [shapes[0][a] if len({s[a] for s in shapes}) == 1 else None for a in range(len(shapes[0]))]
        batch = expr.form.batch
        if side == "user" and batch is not None and batch.plain:
            fixed[batch.axis] = 1
        ports[name] = Port(name, seen.dtypes[name].name, tuple(fixed))
    builders = work.builders
    return Keys(found, {side: builders[side].finish(outputs, ports, sources) for side, outputs in made.items()})
