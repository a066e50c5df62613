"""A split that may ship: its record laid out, its graphs written for onnxruntime, each held to the uncut graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ranklet.graph import verify
from ranklet.graph.builder import joined
from ranklet.graph.embeddings import Cut
from ranklet.graph.feeds import InputKind
from ranklet.graph.keys import Keys
from ranklet.graph.packing import Unpackable, layout, pack, reading
from ranklet.graph.records import Array, Feeds, Options, Piece, RecordLayout, Sides
from ranklet.graph.running import Runner
from ranklet.graph.split import Declined
from ranklet.graph.three import Three
from ranklet.graph.tidy import tidy
from ranklet.graph.trace import Trace


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
    """A split that passed its acceptance test. item: makes all that the record holds. rest: with it, or not."""

    three: Three
    item: Piece | None
    cross: Piece
    fused: Piece | None
    rest: Piece | None
    record: RecordLayout | None
    acceptance: verify.Acceptance


def accept(subject: Subject, three: Three, *, rested: bool = False) -> Candidate:
    """The first row dtype that stays within its error and the byte budget. rested: with the rest graph."""
    if rested and isinstance(three.rest, str):
        raise Declined(three.rest)
    item = three.rest.item if rested and not isinstance(three.rest, str) else three.item
    if item is None:
        return _accepted(subject, three, None, None, rested=rested)
    reasons = []
    for dtype in subject.options.row_types:
        try:
            record = layout(item, dtype)
            if record.nbytes > subject.options.row_bytes:
                raise Unpackable(
                    f"a record of {record.nbytes} bytes is above the budget of {subject.options.row_bytes}"
                )
            return _accepted(subject, three, item, record, rested=rested)
        except (Unpackable, verify.Refuted) as error:
            reasons.append(f"{dtype}: {error}")
    raise Declined("; ".join(reasons))


def _accepted(
    subject: Subject, three: Three, item: Piece | None, record: RecordLayout | None, *, rested: bool
) -> Candidate:
    """All graphs that may serve, each held to the uncut graph."""

    def read(piece: Piece) -> Piece:
        return tidy(piece if record is None else reading(piece, record))

    cross = read(three.cross)
    fused = None if three.user is None else joined(three.user, cross)
    acceptance = _test(subject, three.user, item, (cross, fused), record)
    rest = None
    if rested and not isinstance(three.rest, str):
        rest = read(three.rest.piece)
        gap = _test_rest(subject, item, rest, record)
        acceptance = replace(acceptance, worst=max(acceptance.worst, gap.worst), trials=acceptance.trials + gap.trials)
    if record is not None and record.dtype != "float32":
        record = replace(record, error=acceptance.worst)
    return Candidate(three, item, cross, fused, rest, record, acceptance)


def _allowed(options: Options, record: RecordLayout | None) -> float:
    return options.tolerance if record is None or record.dtype == "float32" else options.row_error


def _test(
    subject: Subject,
    user: Piece | None,
    item: Piece | None,
    last: tuple[Piece, Piece | None],
    record: RecordLayout | None,
) -> verify.Acceptance:
    """last: the cross graph, and the one that the user graph is joined to; both are held to the uncut graph."""
    options, (cross, fused) = subject.options, last
    allowed = _allowed(options, record)
    made, packer = runner(item), _packer(record)
    apart = verify.Split(runner(user), made, Runner(cross.content), packer)
    joint = None if fused is None else verify.Split(None, made, Runner(fused.content), packer)

    def found(feeds: Feeds) -> dict[str, Array]:
        prepared = subject.prepare(feeds)
        answer = apart.run(prepared, (user, item, cross), subject.sides)
        if joint is not None and fused is not None:
            gap = verify.difference(joint.run(prepared, (None, item, fused), subject.sides), answer)
            if not gap <= allowed:
                raise verify.Refuted(f"user and cross graph in one session differ from the two by {gap:.2g}")
        return answer

    given = verify.trials(subject.kinds, subject.sides, subject.trace.grid.extents, options.seed)
    return verify.accept(lambda feeds: subject.original.run(_reached(subject, feeds)), found, given, allowed)


def _test_rest(subject: Subject, item: Piece | None, rest: Piece, record: RecordLayout | None) -> verify.Acceptance:
    """The rest graph serves rows of several users too: each row has one of its own."""
    split = verify.Split(None, runner(item), Runner(rest.content), _packer(record))
    mixed: Sides = dict.fromkeys(subject.sides, "pair")
    given = verify.trials(subject.kinds, mixed, subject.trace.grid.extents, subject.options.seed)
    return verify.accept(
        lambda feeds: subject.original.run(_reached(subject, feeds)),
        lambda feeds: split.run(subject.prepare(feeds), (None, item, rest), subject.sides),
        given,
        _allowed(subject.options, record),
    )


def _reached(subject: Subject, feeds: Feeds) -> Feeds:
    """What the reference takes: the original inputs, and rows where it is the cut graph."""
    return feeds if set(subject.original.inputs) <= set(feeds) else subject.prepare(feeds)


def runner(piece: Piece | None) -> Runner | None:
    """A session of a graph that may not be there."""
    return None if piece is None else Runner(piece.content)


def _packer(record: RecordLayout | None) -> Callable[[dict[str, Array]], dict[str, Array]]:
    return dict if record is None else lambda values: pack(values, record)
