"""The compiler's entry: cut, trace, split, prove, measure, choose.

1. `bags` and `sparse` collapse embedding bags, `embeddings` cuts large tables out; 2. `trace` learns every dimension;
3. `three` splits into graphs for variant A (the items' part of the first dense layers is stored) and B (the items'
vector is stored); 4. `regions` tries what no table proves, and a second pass uses it; 5. `packing` lays out the record,
`tidy` writes the cross graph for onnxruntime; 6. `verify` accepts or refutes; 7. `choose` times what was accepted
against the uncut graph; where a split is slower for few candidates, it goes through 5 and 6 again with the graph that
stands in there (`rest`). A model that cannot be split, or gains nothing, ships uncut with the reason; only a model that
cannot be run at all raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import onnx_ir as ir

from ranklet.graph import bags, regions, sparse, verify
from ranklet.graph.candidates import Candidate, Subject, accept
from ranklet.graph.choose import Choice, NoRest, choose
from ranklet.graph.embeddings import Cut, cut, look_up
from ranklet.graph.feeds import InputKind, input_kinds
from ranklet.graph.keys import Keys, split_keys
from ranklet.graph.packing import Unpackable, pack
from ranklet.graph.records import (
    Compiled,
    Declared,
    Feeds,
    Lookup,
    Options,
    Piece,
    Port,
    Report,
    Side,
    SideAccount,
    Sides,
    Source,
    Variant,
)
from ranklet.graph.report import account
from ranklet.graph.running import RunFailed, Runner, serialise
from ranklet.graph.serving import runs, typical
from ranklet.graph.shrink import SMALL, nbytes
from ranklet.graph.split import Declined
from ranklet.graph.three import PLACES, split
from ranklet.graph.times import BASE, Build
from ranklet.graph.trace import Trace, trace


@dataclass
class Trials:
    """What became of each variant. rested: the same with the rest graph, of those that were asked for it."""

    accepted: dict[str, Candidate] = field(default_factory=dict)
    declined: dict[str, str] = field(default_factory=dict)
    rested: dict[str, Candidate] = field(default_factory=dict)


def compile(model: ir.Model, sides: Sides, options: Options | None = None) -> Compiled:
    """`model` is changed: its tables leave it. sides: every input of the model, once.

    Raises ValueError for sides that do not fit the inputs, RunFailed for a model that onnxruntime cannot run at
    batches of 3, 5 and 7 (a batch fixed in the graph: export it dynamic).
    """
    options = options or Options()
    subject = _subject(model, sides, options)
    if options.mode == "off":
        return _uncut(subject, Report(BASE, "splitting is off"))
    trials = Trials()
    variants: tuple[Variant, ...] = ("A", "B") if options.only is None else ("A",) if options.only[0] == "A" else ("B",)
    for variant in variants:
        _try(subject, variant, trials)
    if not trials.accepted:
        reason = next(iter(trials.declined.values()), "nothing to split")
        return _uncut(subject, Report(BASE, reason, declined=trials.declined))
    return _best(subject, trials)


def _subject(model: ir.Model, sides: Sides, options: Options) -> Subject:
    kinds = input_kinds(model, options.limits, options.extents)
    if {kind.name for kind in kinds} != set(sides):
        raise ValueError(f"sides name {sorted(sides)}, the model's inputs are {sorted(kind.name for kind in kinds)}")
    before = Runner(serialise(model.clone())) if nbytes(model) < SMALL else None
    if bags.collapse(model, kinds) + sparse.collapse(model, kinds):
        kinds = input_kinds(model, options.limits, options.extents)  # what ids index can now be seen
    parts = cut(model, options.cut_rows)
    content = serialise(model)
    keys = split_keys(parts.keys, kinds, sides, seed=options.seed) if parts.keys is not None else Keys()
    prepare = _prepare(parts)
    seen = trace(model, kinds, options.seed, prepare=prepare)
    everything = dict(sides) | {use.rows: _rows_side(use.direct, use.ids, sides, keys) for use in parts.uses}
    entering = (*kinds, *(InputKind(use.rows, seen.dtypes[use.rows], (), None) for use in parts.uses))
    return Subject(
        parts, kinds, entering, everything, keys, seen, _piece(content, model, seen), prepare,
        before or Runner(content), options,
    )  # fmt: skip


def _prepare(parts: Cut) -> Callable[[Feeds], Feeds]:
    if not parts.uses:
        return dict
    runner = Runner(serialise(parts.keys)) if parts.keys is not None else None
    tables = {table.name: table for table in parts.tables}
    sizes = {name: table.shape[0] for name, table in tables.items()}

    def prepare(feeds: Feeds) -> Feeds:
        ids = {**feeds, **(runner.run(feeds) if runner is not None else {})}
        try:
            rows = look_up(ids, parts.uses, lambda table, which: np.asarray(tables[table].values[which]), sizes)
        except IndexError as error:
            raise RunFailed(str(error)) from error
        return {**feeds, **rows}

    return prepare


def _rows_side(direct: bool, ids: str, sides: Sides, keys: Keys) -> Declared:
    side = sides[ids] if direct else keys.sides[ids]
    if not isinstance(side, str):
        return "pair"
    return "pair" if side == "cross" or side == "rest" else side


def _piece(content: bytes, model: ir.Model, seen: Trace) -> Piece:
    def port(value: ir.Value) -> Port:
        name = value.name or ""
        shapes = seen.shapes[name]
        fixed = [shapes[0][a] if len({s[a] for s in shapes}) == 1 else None for a in range(len(shapes[0]))]
        return Port(name, seen.dtypes[name].name, tuple(fixed))

    inputs = tuple(port(value) for value in model.graph.inputs if not value.is_initializer())
    outputs = tuple(port(value) for value in model.graph.outputs)
    return Piece(content, inputs, outputs, {p.name: Source(p.name) for p in inputs})


def _try(subject: Subject, variant: Variant, trials: Trials) -> None:
    """Split, give regions their trial, split again with what it freed, and accept."""
    cut_model, options = subject.cut.model, subject.options
    try:
        three = split(cut_model, subject.entering, subject.sides, subject.trace, variant=variant)
        free = regions.trusted(
            cut_model, subject.kinds, subject.trace.grid, three.untried, seed=options.seed, prepare=subject.prepare
        )
        if free:
            three = split(cut_model, subject.entering, subject.sides, subject.trace, variant=variant, trusted=free)
        trials.accepted[variant] = accept(subject, three)
    except (Declined, verify.Refuted, RunFailed, Unpackable) as error:
        trials.declined[variant] = str(error)


def _best(subject: Subject, trials: Trials) -> Compiled:
    """Time and choose."""
    options = subject.options

    def rested(name: str) -> Build:
        return runs(subject, {name: _rested(subject, trials, name)})

    if options.only is not None:
        chosen = _asked(subject, options.only, trials)
    else:
        names = {f"{name}{end}": one for name, one in trials.accepted.items() for end in _ends(options, one)}
        build = runs(subject, names)
        chosen = choose(build, options.candidates, force=options.mode == "force", rested=rested)
    declined = {**trials.declined, **chosen.declined}
    base = Report(
        chosen.best, chosen.reason, declined=declined, timings=chosen.timings, control=chosen.control,
        kept=subject.cut.kept, below=chosen.below,
    )  # fmt: skip
    if chosen.best == BASE:
        return _uncut(subject, base)
    name = chosen.best.removesuffix("+")
    candidate = trials.rested[name] if chosen.below else trials.accepted[name]
    three, notes = candidate.three, candidate.three.notes
    report = replace(
        base, proven=notes.proven, dynamic=notes.dynamic, pushed=notes.pushed, refused=notes.refused,
        accounts=_accounts(subject, candidate), trials=candidate.acceptance.trials, worst=candidate.acceptance.worst,
        skipped=candidate.acceptance.skipped,
        frontier=tuple(p for piece in (three.user, candidate.item) if piece is not None for p in piece.outputs),
    )  # fmt: skip
    fused = candidate.fused if chosen.best.endswith("+") else None
    if candidate.record is not None and (before := trials.accepted[name].record) is not None:
        report = replace(report, grown=candidate.record.width - before.width)
    return replace(_uncut(subject, report), user=three.user, item=candidate.item, cross=candidate.cross, fused=fused,
                   record=candidate.record, rest=candidate.rest)  # fmt: skip


def _ends(options: Options, candidate: Candidate) -> tuple[str, ...]:
    """Ways to run a candidate: user and cross graph apart, or joined (`+`)."""
    return ("", "+") if candidate.fused is not None and not options.apart else ("",)


def _rested(subject: Subject, trials: Trials, name: str) -> Candidate:
    """The candidate with its rest graph, made and accepted when it is first asked for. Raises NoRest."""
    variant = name.removesuffix("+")
    if variant not in trials.rested:
        try:
            trials.rested[variant] = accept(subject, trials.accepted[variant].three, rested=True)
        except (Declined, verify.Refuted, RunFailed, Unpackable) as error:
            raise NoRest(str(error)) from error
    return trials.rested[variant]


def _asked(subject: Subject, name: str, trials: Trials) -> Choice:
    """One candidate, unmeasured."""
    candidate, below = trials.accepted[name[0]], subject.options.below
    if name.endswith("+") and candidate.fused is None:
        return Choice(BASE, f"{name} has no user part that could be joined to the rest", (), 1.0, {})
    if below:
        try:
            _rested(subject, trials, name)
        except NoRest as error:
            return Choice(BASE, f"no uncut graph can stand in below {below} candidates: {error}", (), 1.0, {})
    return Choice(name, "as asked, not measured", (), 1.0, {}, below=below)


def _uncut(subject: Subject, report: Report) -> Compiled:
    uses = subject.cut.uses
    place: Mapping[str, Side] = PLACES  # type: ignore[assignment]
    lookups = tuple(
        Lookup(use.table, use.ids, use.rows, place[str(subject.sides[use.rows])], use.direct) for use in uses
    )
    report = replace(report, kept=subject.cut.kept)
    return Compiled(
        subject.whole, None, None, None, None, None, subject.keys.pieces, lookups, subject.cut.tables, report
    )


def _accounts(subject: Subject, candidate: Candidate) -> dict[str, SideAccount]:
    feeds = typical(subject, 1, 0)
    three = candidate.three
    inputs = verify.arranged(feeds, (three.user, candidate.item, candidate.cross), subject.sides)
    found = {"uncut": account(subject.whole, {port.name: feeds[port.name] for port in subject.whole.inputs})}
    values = dict(inputs)
    for name, piece in (("user", three.user), ("item", candidate.item)):
        if piece is not None:
            given = {port.name: values[port.name] for port in piece.inputs}
            found[name] = account(piece, given)
            made = Runner(piece.content).run(given)
            values |= pack(made, candidate.record) if name == "item" and candidate.record is not None else made
    found["cross"] = account(candidate.cross, {port.name: values[port.name] for port in candidate.cross.inputs})
    if candidate.rest is not None:
        values |= verify.arranged(feeds, (candidate.rest,), subject.sides)
        found["rest"] = account(candidate.rest, {port.name: values[port.name] for port in candidate.rest.inputs})
    return found
