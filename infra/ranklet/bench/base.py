"""What makes figures comparable, and the form in which they are handed on.

All ways of doing one job are timed in the same rounds, a call of each in turn, so that whatever else the machine does
befalls them alike. A round's figure is the median CPU time of its calls; a ratio is taken within each round, and its
median over the rounds is reported with the least and the greatest. The answers of all ways are compared before any of
them is timed.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranklet.errors import BenchError

NOISY = 0.3
"""A control whose rounds differ by more than this share of their median makes the whole run noisy."""

ABSENT = "absent"

Progress = Callable[[str], None]
Sample = Callable[[int], float]
"""One timing, in CPU seconds per call; the argument is the number of the turn."""


@dataclass(frozen=True)
class Setting:
    """How much to measure, and where a bench may keep what it makes.

    rounds: figures of which the median is reported. turns: timings of which a round takes the median.
    folder: for files that take long to make; everything in it can be deleted. install_peers: fetch those that are
    absent. peers: of the servers, these alone; none for all, or in a quick look for those that ranklet is held to.
    """

    folder: Path
    quick: bool = False
    install_peers: bool = False
    peers: tuple[str, ...] = ()

    @property
    def rounds(self) -> int:
        return 5 if self.quick else 11

    @property
    def turns(self) -> int:
        return 7 if self.quick else 25


@dataclass(frozen=True)
class Row:
    """One figure. n: rows, keys or candidates per call. value: None where the peer is absent.

    spread: the least and the greatest of the rounds, or of what was counted. peer: whose figure, or against whom.
    A ratio is ours divided by the other's.
    """

    figure: str
    n: int | None
    value: float | None
    unit: str
    spread: tuple[float, float] | None
    peer: str | None = None


@dataclass(frozen=True)
class Report:
    """What a bench found. noisy: the control moved so much that no figure of time should be believed.

    over: a line for each count that is above its budget, with its culprit.
    """

    rows: Sequence[Row]
    noisy: bool
    machine: Mapping[str, Any]
    date: str
    over: Sequence[str] = ()

    def document(self) -> dict[str, Any]:
        """The JSON form; `over` only where there is something to say."""
        return {
            "rows": [asdict(row) for row in self.rows],
            **{k: getattr(self, k) for k in ("noisy", "machine", "date")},
            **({"over": list(self.over)} if self.over else {}),
        }


@dataclass(frozen=True)
class Found:
    """What one part of a bench found. controls: the rounds of things that should take the same time in each."""

    rows: Sequence[Row]
    controls: Sequence[NDArray[np.float64]] = field(default=())


class Way(NamedTuple):
    """One way of doing a job. prepare: makes the argument of a call, untimed.

    calls: per timing; several where one is too short for the clock. warm: calls before them that are not timed, where
    the other ways' turns would leave its data outside the processor's cache.
    """

    run: Callable[[Any], Any]
    prepare: Callable[[int], Any]
    calls: int = 1
    warm: int = 0

    def sample(self, turn: int) -> float:
        """CPU seconds per call, of this process."""
        first = turn * (self.warm + self.calls)
        arguments = [self.prepare(first + call) for call in range(self.warm + self.calls)]
        for argument in arguments[: self.warm]:
            self.run(argument)
        del arguments[: self.warm]
        start = time.process_time_ns()
        for argument in arguments:
            self.run(argument)
        return (time.process_time_ns() - start) / self.calls / 1e9


def interleaved(ways: Mapping[str, Sample], setting: Setting) -> dict[str, NDArray[np.float64]]:
    """CPU seconds per call [rounds] of each way. Turns alternate between the ways, and so does who begins.

    What lives when it begins is kept from the garbage collector, as the handler does after INIT: else every way would
    pay for going through the objects of all the others.
    """
    names = list(ways)
    taken = np.empty((setting.rounds, setting.turns, len(names)))
    for name in names:
        ways[name](0)
    gc.collect()
    gc.freeze()
    try:
        for number in range(setting.rounds):
            for turn in range(setting.turns):
                first = (number + turn) % len(names)
                for place in [*range(first, len(names)), *range(first)]:
                    taken[number, turn, place] = ways[names[place]](number * setting.turns + turn)
    finally:
        gc.unfreeze()
    return {name: np.median(taken[:, :, place], axis=1) for place, name in enumerate(names)}


def ratio(
    figure: str, ours: NDArray[np.float64], others: NDArray[np.float64], *, n: int | None, peer: str | None = None
) -> Row:
    """Ours over the other's, round by round: smaller is better."""
    return row(figure, ours / others, n=n, unit="ratio", peer=peer)


def microseconds(figure: str, taken: NDArray[np.float64], *, n: int | None, peer: str | None = None) -> Row:
    """CPU time per call."""
    return row(figure, taken * 1e6, n=n, unit="µs", peer=peer)


def absent(figure: str, *, n: int | None, unit: str = "ratio") -> Row:
    """A figure that there is not, because the peer is not installed."""
    return Row(figure, n, None, unit, None, ABSENT)


def equal(what: str, answer: ArrayLike, expected: ArrayLike) -> None:
    """Raise BenchError where an answer is not, bit for bit, what it must be: a wrong answer has no time."""
    got, right = np.asarray(answer), np.asarray(expected)
    if got.shape != right.shape:
        raise BenchError(f"{what}: the answer is {list(got.shape)}, it must be {list(right.shape)}; nothing was timed")
    differs = (got != right).reshape(got.shape[0] if got.ndim else 1, -1) if got.size else np.zeros((0, 1))
    wrong = np.flatnonzero(differs.any(axis=1))
    if len(wrong):
        raise BenchError(
            f"{what}: {len(wrong)} of {len(differs)} rows are wrong, the first is row {wrong[0]}; nothing was timed"
        )


def noisy(controls: Sequence[NDArray[np.float64]]) -> bool:
    """Whether a control's rounds differ by more than NOISY of their median."""
    return any(float(np.ptp(control)) > NOISY * float(np.median(control)) for control in controls)


def row(figure: str, values: NDArray[np.float64], *, n: int | None, unit: str, peer: str | None) -> Row:
    """The median of the rounds, with the least and the greatest."""
    return Row(figure, n, float(np.median(values)), unit, (float(np.min(values)), float(np.max(values))), peer)
