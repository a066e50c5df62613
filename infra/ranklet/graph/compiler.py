"""The compiler's entry: cut, trace, split, prove, measure, choose.

1. `bags` and `sparse` collapse embedding bags, `embeddings` cuts large tables out; 2. `trace` learns every dimension;
3. `three` splits into graphs for variant A (the items' part of the first dense layers is stored) and B (the items'
vector is stored); 4. `regions` tries what no table proves, and a second pass uses it; 5. `packing` lays out the record,
`tidy` writes the cross graph for onnxruntime; 6. `verify` accepts or refutes; 7. `choose` times what was accepted
against the uncut graph. A model that cannot be split, or gains nothing, ships uncut with the reason; only a model that
cannot be run at all raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import onnx_ir as ir

from ranklet.graph import bags, regions, sparse, verify
from ranklet.graph.builder import joined
from ranklet.graph.choose import BASE, CONTROL, Choice, Runs, choose
from ranklet.graph.embeddings import Cut, cut, look_up
from ranklet.graph.feeds import InputKind, input_kinds
from ranklet.graph.keys import Keys, split_keys
from ranklet.graph.packing import Unpackable, layout, pack, reading
from ranklet.graph.records import (
    Array,
    Compiled,
    Declared,
    Feeds,
    Lookup,
    Options,
    Piece,
    Port,
    RecordLayout,
    Report,
    Side,
    SideAccount,
    Sides,
    Source,
    Variant,
)
from ranklet.graph.report import account
from ranklet.graph.running import RunFailed, Runner, serialise
from ranklet.graph.shrink import SMALL, nbytes
from ranklet.graph.split import Declined
from ranklet.graph.three import PLACES, Three, split
from ranklet.graph.tidy import tidy
from ranklet.graph.trace import Trace, trace

CATALOGUE = 4096
"""Items in the table that records are looked up in while candidates are timed."""


@dataclass(frozen=True)
class Subject:
    """The model under compilation. prepare: from original inputs to all the cut graph takes."""

    cut: Cut
    kinds: tuple[InputKind, ...]
    entering: tuple[InputKind, ...]
    sides: Sides
    keys: Keys
    trace: Trace
    whole: Piece
    prepare: Callable[[Feeds], Feeds]
    original: Runner
    options: Options


@dataclass(frozen=True)
class Candidate:
    """A split that passed its acceptance test."""

    three: Three
    cross: Piece
    fused: Piece | None
    record: RecordLayout | None
    acceptance: verify.Acceptance


@dataclass
class Trials:
    """What became of each variant."""

    accepted: dict[str, Candidate] = field(default_factory=dict)
    declined: dict[str, str] = field(default_factory=dict)


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
    return "pair" if side == "cross" else side


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
        trials.accepted[variant] = _accept(subject, three)
    except (Declined, verify.Refuted, RunFailed, Unpackable) as error:
        trials.declined[variant] = str(error)


def _accept(subject: Subject, three: Three) -> Candidate:
    """The first row dtype that stays within its error and the byte budget."""
    if three.item is None:
        cross = tidy(three.cross)
        fused = _fuse(three.user, cross)
        return Candidate(three, cross, fused, None, _test(subject, three, (cross, fused), None))
    reasons = []
    for dtype in subject.options.row_types:
        try:
            record = layout(three.item, dtype)
            if record.nbytes > subject.options.row_bytes:
                raise Unpackable(
                    f"a record of {record.nbytes} bytes is above the budget of {subject.options.row_bytes}"
                )
            cross = tidy(reading(three.cross, record))
            fused = _fuse(three.user, cross)
            acceptance = _test(subject, three, (cross, fused), record)
        except (Unpackable, verify.Refuted) as error:
            reasons.append(f"{dtype}: {error}")
            continue
        error_ = 0.0 if dtype == "float32" else acceptance.worst
        return Candidate(three, cross, fused, replace(record, error=error_), acceptance)
    raise Declined("; ".join(reasons))


def _fuse(user: Piece | None, cross: Piece) -> Piece | None:
    return None if user is None else joined(user, cross)


def _test(
    subject: Subject, three: Three, last: tuple[Piece, Piece | None], record: RecordLayout | None
) -> verify.Acceptance:
    """last: the cross graph, and the one that the user graph is joined to; both are held to the uncut graph."""
    options, (cross, fused) = subject.options, last
    allowed = options.tolerance if record is None or record.dtype == "float32" else options.row_error
    item, packer = _runner(three.item), _packer(record)
    apart = verify.Split(_runner(three.user), item, Runner(cross.content), packer)
    joint = None if fused is None else verify.Split(None, item, Runner(fused.content), packer)

    def found(feeds: Feeds) -> dict[str, Array]:
        prepared = subject.prepare(feeds)
        made = apart.run(prepared, (three.user, three.item, cross), subject.sides)
        if joint is not None and fused is not None:
            gap = verify.difference(joint.run(prepared, (None, three.item, fused), subject.sides), made)
            if not gap <= allowed:
                raise verify.Refuted(f"user and cross graph in one session differ from the two by {gap:.2g}")
        return made

    given = verify.trials(subject.kinds, subject.sides, subject.trace.grid.extents, options.seed)
    return verify.accept(lambda feeds: subject.original.run(_reached(subject, feeds)), found, given, allowed)


def _reached(subject: Subject, feeds: Feeds) -> Feeds:
    """What the reference takes: the original inputs, and rows where it is the cut graph."""
    return feeds if set(subject.original.inputs) <= set(feeds) else subject.prepare(feeds)


def _runner(piece: Piece | None) -> Runner | None:
    return None if piece is None else Runner(piece.content)


def _packer(record: RecordLayout | None) -> Callable[[dict[str, Array]], dict[str, Array]]:
    return dict if record is None else lambda values: pack(values, record)


def _best(subject: Subject, trials: Trials) -> Compiled:
    """Time and choose."""
    options = subject.options
    if options.only is not None:
        chosen = _asked(options.only, trials)
    else:
        chosen = choose(_runs(subject, trials), options.candidates, force=options.mode == "force")
    declined = {**trials.declined, **chosen.declined}
    base = Report(
        chosen.best, chosen.reason, declined=declined, timings=chosen.timings, control=chosen.control,
        kept=subject.cut.kept,
    )  # fmt: skip
    if chosen.best == BASE:
        return _uncut(subject, base)
    candidate = trials.accepted[chosen.best.removesuffix("+")]
    three, notes = candidate.three, candidate.three.notes
    report = replace(
        base, proven=notes.proven, dynamic=notes.dynamic, pushed=notes.pushed, refused=notes.refused,
        accounts=_accounts(subject, candidate), trials=candidate.acceptance.trials, worst=candidate.acceptance.worst,
        skipped=candidate.acceptance.skipped,
        frontier=tuple(p for piece in (three.user, three.item) if piece is not None for p in piece.outputs),
    )  # fmt: skip
    fused = candidate.fused if chosen.best.endswith("+") else None
    return replace(_uncut(subject, report), user=three.user, item=three.item, cross=candidate.cross, fused=fused,
                   record=candidate.record)  # fmt: skip


def _asked(name: str, trials: Trials) -> Choice:
    """One candidate, unmeasured."""
    candidate = trials.accepted[name[0]]
    if name.endswith("+") and candidate.fused is None:
        return Choice(BASE, f"{name} has no user part that could be joined to the rest", (), 1.0, {})
    return Choice(name, "as asked, not measured", (), 1.0, {})


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


def _feeds(subject: Subject, n: int, seed: int) -> Feeds:
    """A typical request of n candidates, user inputs tiled."""
    random = np.random.default_rng(seed)
    sizes = {"": n, **dict.fromkeys(subject.trace.grid.extents, 50)}
    feeds = {kind.name: kind.random(sizes, random) for kind in subject.kinds}
    return subject.prepare(verify.tiled(feeds, subject.sides))


def _runs(subject: Subject, trials: Trials) -> Callable[[int], Runs]:
    """Of n: the uncut graph twice, and every candidate: user, record lookup, cross. Sessions are opened once."""
    whole = Runner(subject.whole.content)
    ready = {}
    for name, candidate in trials.accepted.items():
        ready[name] = _request(candidate, fused=False)
        if candidate.fused is not None:
            ready[f"{name}+"] = _request(candidate, fused=True)

    def runs(n: int) -> Runs:
        feeds = _feeds(subject, n, subject.options.seed)
        made: dict[str, Callable[[], object]] = dict.fromkeys((BASE, CONTROL), lambda: whole.run(feeds))
        for name, prepare in ready.items():
            three = trials.accepted[name.removesuffix("+")].three
            pieces = (three.user, three.item, trials.accepted[name.removesuffix("+")].cross)
            made[name] = prepare(verify.arranged(feeds, pieces, subject.sides), n)
        return made

    return runs


def _request(candidate: Candidate, *, fused: bool) -> Callable[[Feeds, int], Callable[[], object]]:
    """From the graphs' inputs and n to a request as it is served: rows of n stored items are looked up."""
    three, record = candidate.three, candidate.record
    user = None if fused or three.user is None else Runner(three.user.content)
    cross = Runner(candidate.fused.content if fused and candidate.fused is not None else candidate.cross.content)
    item = None if three.item is None or record is None else Runner(three.item.content)

    def prepare(inputs: Feeds, n: int) -> Callable[[], object]:
        rows = pack(item.run(inputs), record) if item is not None and record is not None else {}
        stored = {name: np.resize(value, (CATALOGUE, *value.shape[1:])) for name, value in rows.items()}
        ids = np.random.default_rng(0).integers(0, CATALOGUE, n)

        def request() -> object:
            values = {**inputs, **{name: table.take(ids, 0) for name, table in stored.items()}}
            if user is not None:
                values |= user.run(inputs)
            return cross.run(values)

        return request

    return prepare


def _accounts(subject: Subject, candidate: Candidate) -> dict[str, SideAccount]:
    feeds = _feeds(subject, 1, 0)
    three = candidate.three
    inputs = verify.arranged(feeds, (three.user, three.item, candidate.cross), subject.sides)
    found = {"uncut": account(subject.whole, {port.name: feeds[port.name] for port in subject.whole.inputs})}
    values = dict(inputs)
    for name, piece in (("user", three.user), ("item", three.item)):
        if piece is not None:
            given = {port.name: values[port.name] for port in piece.inputs}
            found[name] = account(piece, given)
            made = Runner(piece.content).run(given)
            values |= pack(made, candidate.record) if name == "item" and candidate.record is not None else made
    found["cross"] = account(candidate.cross, {port.name: values[port.name] for port in candidate.cross.inputs})
    return found
