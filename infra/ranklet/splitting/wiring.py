"""Compiled graphs as the steps of a manifest: ids → rows of tables that left the graph → user → cross, or rest.

What the steps read of users and items are features like any others; an item's row is an embedding of its key. Features
that nobody reads any more leave, and an item's inputs that only they read are declared still, so that nobody who sends
them is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ranklet.graph.packing import RECORD
from ranklet.graph.records import Compiled, Lookup, Piece, Port, Sides, Source
from ranklet.graph.three import PLACES
from ranklet.graph.times import REST
from ranklet.graph.weights import shared
from ranklet.importers.base import Exported, TensorSpec
from ranklet.model import StepSource
from ranklet.splitting import frontier, tensors
from ranklet.splitting.sides import reads
from ranklet.splitting.subject import Subject
from ranklet_features.spec import Feature, FeatureSpec, Input
from ranklet_runtime.lookup import ENGINE

Steps = tuple[tuple[StepSource, Exported], ...]
RECORD_FEATURE = "item/row"
"""The tensor of an item's stored row."""

WEIGHTS = "weights.bin"
"""What several graphs of a bundle have, beside them."""


@dataclass(frozen=True)
class Wired:
    """steps: in the order of a request. lookups: the tables that they read outside the graph. extra: bytes of the rest
    graph that others do not share."""

    steps: Steps
    features: Mapping[str, Feature]
    inputs: Mapping[str, Input]
    lookups: tuple[Lookup, ...]
    extra: int = 0

    @property
    def bytes(self) -> int:
        """Of the graphs, and of the weights beside them."""
        beside = {name: content for _, made in self.steps for name, content in made.beside.items()}
        return sum(len(made.content or b"") for _, made in self.steps) + sum(map(len, beside.values()))


@dataclass(frozen=True)
class Wires:
    """What names mean while steps are made. made: tensors that earlier steps make, by the graphs' names.

    tables: graph's name of a table → the model's.
    """

    subject: Subject
    compiled: Compiled
    sides: Sides
    tables: Mapping[str, str]
    made: dict[str, str]
    rows: Mapping[str, Lookup]

    def tensor(self, end: str, source: Source | None) -> str:
        """The tensor at the other end of a graph's input."""
        name = frontier.inner(end)
        if name == RECORD:
            return RECORD_FEATURE
        if name in self.made:
            return self.made[name]
        assert source is not None, f"nothing makes {end}"
        return tensors.tensor(self.subject, name, source)

    def once(self, end: str, source: Source | None) -> bool:
        """Whether an input of an item step is the user's."""
        name = frontier.inner(end)
        if name in self.rows:
            return self.rows[name].side == "user"
        if source is None or name == RECORD:
            return name != RECORD
        side = self.sides[source.name]
        return PLACES[side] == "user" if isinstance(side, str) else name.endswith(".user")


def wired(
    subject: Subject, compiled: Compiled, sides: Sides, *, tables: Mapping[str, str], record: str | None
) -> Wired:
    """Steps and features of what was compiled. record: the item table, None without one."""
    many = _pieces(compiled)
    pieces = many if compiled.rest is None else (*many, compiled.rest)
    read = {port.name for piece in pieces for port in piece.inputs}
    lookups = tuple(one for one in compiled.lookups if one.rows in read)
    keys = {
        side: piece
        for side, piece in compiled.keys.items()
        if any(not one.direct and one.ids in {port.name for port in piece.outputs} for one in lookups)
    }
    rows = {one.rows: one for one in compiled.lookups}
    wires = Wires(subject, compiled, sides, tables, {}, rows)
    steps = [_keys(wires, side, piece) for side, piece in keys.items()]
    if lookups:
        steps.append(_lookup(wires, lookups))
    last, extra = _graphs(wires, many), 0
    if compiled.rest is not None:
        last, extra = _forked(
            last, _step(wires, frontier.widened(compiled.rest), REST, rows="item", own=True, once=False)
        )
    steps += last
    sources = tensors.sources([*keys.values(), *pieces], rows)
    sources |= {one.ids: Source(one.ids) for one in lookups if one.direct}
    features = tensors.features(subject, sources.items())
    if (vectors := subject.model.after.diversify) is not None and vectors.vectors in subject.owners:
        one = subject.owners[vectors.vectors].name
        features[one] = subject.spec.features[one]  # what no graph reads, and the list does
    if record is not None and RECORD in read and subject.catalogue is not None:
        features[RECORD_FEATURE] = Feature("embedding", (subject.catalogue.key,), {"table": record})
    return Wired(tuple(steps), features, _inputs(subject, features), lookups, extra)


def _pieces(compiled: Compiled) -> tuple[Piece, ...]:
    """The graphs that run in a request, in order."""
    if compiled.cross is None:
        return (compiled.whole,)
    if compiled.fused is not None:
        return (compiled.fused,)
    return (compiled.cross,) if compiled.user is None else (compiled.user, compiled.cross)


def _graphs(wires: Wires, pieces: tuple[Piece, ...]) -> Steps:
    if len(pieces) == 1:
        piece = frontier.widened(frontier.shaped(pieces[0]))
        name = "graph" if wires.compiled.cross is None else "cross"
        return (_step(wires, piece, name, rows="item", own=True, once=wires.compiled.cross is not None),)
    user, cross = frontier.level(frontier.widened(pieces[0]), frontier.widened(pieces[1]))
    first = _step(wires, user, "user", rows="user", own=False, once=False)
    split = wires.subject.model.split
    keep = (split.user_cache_seconds, split.user_cache_entries)
    return (first[0], replace(first[1], keep=keep)), _step(wires, cross, "cross", rows="item", own=True, once=True)


def _forked(many: Steps, few: tuple[StepSource, Exported]) -> tuple[Steps, int]:
    """Steps for many candidates and for few, which share their weights; and the bytes that the latter add."""
    parts = (*((source, replace(made, candidates="many")) for source, made in many), (few[0], _few(few[1])))
    before = sum(len(made.content or b"") for _, made in many)
    contents, beside = shared([made.content or b"" for _, made in parts], WEIGHTS)
    files = {WEIGHTS: beside} if beside else {}
    steps = tuple(
        (source, replace(made, content=content, beside=files))
        for (source, made), content in zip(parts, contents, strict=True)
    )
    return steps, sum(map(len, contents)) + len(beside) - before


def _few(made: Exported) -> Exported:
    return replace(made, candidates="few")


def _keys(wires: Wires, side: str, piece: Piece) -> tuple[StepSource, Exported]:
    return _step(wires, piece, f"{side}-ids", rows="user" if side == "user" else "item", own=False, once=False)


def _step(wires: Wires, piece: Piece, name: str, *, rows: Any, own: bool, once: bool) -> tuple[StepSource, Exported]:
    """One graph as a step. own: its outputs are the model's, under the author's names. once: a user's inputs stay at
    one row."""
    inputs = {port.name: wires.tensor(port.name, piece.sources.get(port.name)) for port in piece.inputs}
    named = wires.subject.source.outputs
    outputs = {
        port.name: named.get(port.name, port.name) if own else f"{name}/{frontier.inner(port.name)}"
        for port in piece.outputs
    }
    wires.made.update({frontier.inner(end): tensor for end, tensor in outputs.items()} if not own else {})
    single = tuple(p.name for p in piece.inputs if once and wires.once(p.name, piece.sources.get(p.name)))
    source = StepSource(
        format="onnx", source=wires.subject.source.source, rows=rows, inputs=inputs, outputs=outputs, once=single
    )
    limits = {end.name: end.limit for end in wires.subject.exported.inputs}
    ends = tuple(
        TensorSpec(p.name, p.dtype, p.shape, limit=limits.get(p.name) if p.dtype.startswith("int") else None)
        for p in piece.inputs
    )
    made = tuple(TensorSpec(p.name, p.dtype, p.shape) for p in piece.outputs)
    return source, Exported("onnx", ends, made, f"{name}.onnx", piece.content)


def _lookup(wires: Wires, lookups: tuple[Lookup, ...]) -> tuple[StepSource, Exported]:
    ports: dict[str, Port] = {port.name: port for port in wires.compiled.whole.inputs}
    sizes = {table.name: table.shape[0] for table in wires.compiled.tables}
    ids = {one.rows: wires.subject.tensor(one.ids) if one.direct else wires.made[one.ids] for one in lookups}
    outputs = {one.rows: f"rows/{one.rows}" for one in lookups}
    wires.made.update(outputs)
    options = {one.rows: {"table": wires.tables[one.table], "rank": len(ports[one.rows].shape) - 1} for one in lookups}
    ends = tuple(TensorSpec(one.rows, None, None, limit=sizes[one.table]) for one in lookups)
    made = tuple(TensorSpec(one.rows, "float32", ports[one.rows].shape) for one in lookups)
    return StepSource(format="onnx", inputs=ids, outputs=outputs), Exported(ENGINE, ends, made, options=options)


def _inputs(subject: Subject, features: Mapping[str, Feature]) -> dict[str, Input]:
    """The declared inputs; an item's that only features read which are gone are read no more."""
    spec = FeatureSpec(subject.spec.inputs, dict(features), {})
    before = {part for name in subject.spec.features for part in reads(subject.spec, name)}
    after = {part for name in features for part in reads(spec, name)}
    return {
        name: replace(value, unread=True) if value.side == "item" and name in before - after else value
        for name, value in subject.spec.inputs.items()
    }
