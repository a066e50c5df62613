"""Cold starts and warm requests of servers, taken in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet.bench.base import Setting
from ranklet.bench.peers import processes
from ranklet.bench.peers.bodies import Asked
from ranklet.bench.peers.servers import Server, Started

Opener = Callable[[], AbstractContextManager[Started]]

REQUESTS, WARM = 10, 30
"""Of a turn; and before anything is timed."""


class Way(NamedTuple):
    """A server, and what it is asked."""

    server: Server
    asked: Asked


class Taken(NamedTuple):
    """Seconds per request [rounds]: CPU time of all of the server's processes, and the median until the answer.

    A round's CPU time is that of its least turn, which has the least of what others leave in the processor's cache.
    """

    cpu: NDArray[np.float64]
    p50: NDArray[np.float64]


def cold(openers: Mapping[str, Opener], rounds: int) -> dict[str, NDArray[np.float64]]:
    """Seconds from exec to the first right answer [rounds] of each; who begins changes with every round."""
    taken: dict[str, list[float]] = {name: [] for name in openers}
    names = list(openers)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            with openers[name]() as started:
                taken[name].append(started.cold)
    return {name: np.array(seconds) for name, seconds in taken.items()}


def warm(ways: Mapping[str, Way], setting: Setting) -> dict[str, Taken]:
    """Every way's requests, a few of each in turn. Raises BenchError where an answer is wrong, before it is timed."""
    payloads = {name: way.server.payload(way.asked) for name, way in ways.items()}
    for name, way in ways.items():
        for _ in range(WARM):
            way.asked.check(way.server.name, way.server.ask(payloads[name])[1])
    turns = 2 if setting.quick else 5
    names = list(ways)
    cpu = np.empty((setting.rounds, turns, len(names)))
    wall = np.empty((setting.rounds, turns, len(names), REQUESTS))
    for number in range(setting.rounds):
        for turn in range(turns):
            first = (number + turn) % len(names)
            for place in [*range(first, len(names)), *range(first)]:
                cpu[number, turn, place], wall[number, turn, place] = _turn(ways[names[place]], payloads[names[place]])
    return {
        name: Taken(np.min(cpu[:, :, place], axis=1), np.median(wall[:, :, place], axis=(1, 2)))
        for place, name in enumerate(names)
    }


def _turn(way: Way, payload: Any) -> tuple[float, list[float]]:
    """CPU seconds per request, and the seconds of each."""
    seconds = []
    before = processes.cpu(processes.tree(way.server.pid))
    for _ in range(REQUESTS):
        took, answer = way.server.ask(payload)
        seconds.append(took)
    after = processes.cpu(processes.tree(way.server.pid))
    way.asked.check(way.server.name, answer)
    return processes.spent(before, after) / REQUESTS, seconds
