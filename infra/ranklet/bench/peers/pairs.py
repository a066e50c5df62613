"""A peer beside ours: their requests in turns, then their cold starts; and the rows that this makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet.bench import base
from ranklet.bench.base import Found, Row, Setting
from ranklet.bench.peers import bodies, timing
from ranklet.bench.peers.table import Peer
from ranklet.bench.peers.timing import Opener, Taken, Way
from ranklet.golden import Golden

OURS, TWIN, THEIRS, SPLIT, ROWS = "ours", "twin", "theirs", "split", "rows"
TUNED = "tuned"
PATH, HANDLER = "v2-json", "handler"
UNSPLIT = "tfs-rows-unsplit"
SLOW_S = 5.0
"""A server that takes longer to start does it fewer times."""


class Reference(NamedTuple):
    """A request, and the session's scores for it."""

    golden: Golden
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """A peer that is measured beside ours. name: of its figures. label: with its version."""

    name: str
    peer: Peer
    label: str
    setting: Setting


def alone(ours: Opener, references: Mapping[int, Reference], setting: Setting) -> Found:
    """Our own figures, beside a twin."""
    rows, controls = [], []
    with ours() as one, ours() as twin:
        for n, (golden, scores) in references.items():
            asked = bodies.request("v2", golden, scores)
            taken = timing.warm({OURS: Way(one.server, asked), TWIN: Way(twin.server, asked)}, setting)
            rows += _own(PATH, taken[OURS], n=n, peer=None)
            controls.append(taken[TWIN].cpu / taken[OURS].cpu)
    started = timing.cold({OURS: ours}, _rounds(setting, slow=False))[OURS]
    rows.append(base.row("cold-ms", started * 1e3, n=min(references), unit="ms", peer=None))
    return Found(rows, controls)


def measure(pair: Pair, ours: Opener, theirs: Opener, references: Mapping[int, Reference]) -> Found:
    """One peer. Raises BenchError for a wrong answer, NotStarted where it does not start."""
    name, peer, label, setting = pair.name, pair.peer, pair.label, pair.setting
    rows: list[Row] = []
    controls = []
    with theirs() as other, ours() as one, ours() as twin:
        for n, (golden, scores) in references.items():
            asked = bodies.request("v2", golden, scores)
            ways = {
                OURS: Way(one.server, asked),
                TWIN: Way(twin.server, asked),
                THEIRS: Way(other.server, bodies.request(peer.form, golden, scores)),
            }
            if peer.tuned:
                ways[TUNED] = Way(other.server, replace(asked, path=peer.tuned))
            taken = timing.warm(ways, setting)
            rows += _warm(name, taken, n=n, label=label)
            controls.append(taken[TWIN].cpu / taken[OURS].cpu)
    seconds = timing.cold({OURS: ours, THEIRS: theirs}, _rounds(setting, slow=other.cold > SLOW_S))
    n = min(references)
    rows.append(base.ratio(f"cold-vs-{name}", seconds[OURS], seconds[THEIRS], n=n, peer=label))
    rows.append(base.row(f"{name}-cold-ms", seconds[THEIRS] * 1e3, n=n, unit="ms", peer=label))
    return Found(rows, controls)


def unsplit(pair: Pair, split: Opener, theirs: Opener, references: Mapping[int, Reference]) -> Found:
    """Items of a catalogue: by their ids to our split model, in rows with the user's values to the trainer's graph."""
    rows = []
    with theirs() as other, split() as one:
        for n, (golden, scores) in references.items():
            ways = {
                SPLIT: Way(one.server, bodies.named(golden, scores)),
                ROWS: Way(other.server, bodies.rows(golden, scores)),
            }
            taken = timing.warm(ways, pair.setting)
            rows.append(base.ratio(UNSPLIT, taken[SPLIT].cpu, taken[ROWS].cpu, n=n, peer=pair.label))
            rows.append(base.ratio(f"{UNSPLIT}-p50", taken[SPLIT].p50, taken[ROWS].p50, n=n, peer=pair.label))
            rows += [
                *_own(UNSPLIT, taken[ROWS], n=n, peer=pair.label),
                *_own("rank-split", taken[SPLIT], n=n, peer=None),
            ]
    return Found(rows)


def absent(name: str, peer: Peer, numbers: list[int]) -> Found:
    """The figures that there would be."""
    rows = []
    for n in numbers:
        names = [name, *([f"{name}-{TUNED}"] if peer.tuned else [])]
        figures = [f"{PATH}{what}-vs-{one}" for one in names for what in ("", "-p50")]
        figures += [f"{HANDLER}-vs-{one}" for one in names if peer.handler] + [UNSPLIT] * peer.rows
        rows += [base.absent(figure, n=n) for figure in figures]
    return Found([*rows, base.absent(f"cold-vs-{name}", n=min(numbers))])


def _warm(name: str, taken: Mapping[str, Taken], *, n: int, label: str) -> list[Row]:
    rows = []
    for way, called in ((THEIRS, name), (TUNED, f"{name}-{TUNED}")):
        if way in taken:
            rows += [
                base.ratio(f"{PATH}-vs-{called}", taken[OURS].cpu, taken[way].cpu, n=n, peer=label),
                base.ratio(f"{PATH}-p50-vs-{called}", taken[OURS].p50, taken[way].p50, n=n, peer=label),
                *_own(called, taken[way], n=n, peer=label),
            ]
    return rows


def _own(what: str, taken: Taken, *, n: int, peer: str | None) -> list[Row]:
    return [
        base.microseconds(f"{what}-us", taken.cpu, n=n, peer=peer),
        base.microseconds(f"{what}-p50-us", taken.p50, n=n, peer=peer),
    ]


def _rounds(setting: Setting, *, slow: bool) -> int:
    """Of cold starts."""
    if setting.quick:
        return 1 if slow else 2
    return 3 if slow else 7
