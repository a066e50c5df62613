"""A second call for one that is slow: the first answer wins (Dean and Barroso, "The Tail at Scale", CACM 2013).

A call is slow when nothing of its answer has come within the 95th percentile of the latest rounds of calls, or three
times their median where more than one in twenty is slow, and not before MIN_S: DynamoDB's own usual time. The second
call goes over another connection and costs its read units again, so it is granted from a budget, `share` of all calls:
where everything is slow, nothing is doubled. No thread waits for anything: both sockets are polled, and the loser's
answer is read away before its connection is used again, or the connection is closed.
"""

from __future__ import annotations

import select
import time
from collections import deque
from collections.abc import Mapping, Sequence
from math import ceil

from ranklet_features.stores.aws.connection import Broken, Connection, Reply, kept
from ranklet_features.stores.counts import Counts

MIN_S = 0.01
"""A threshold is never below this."""

WINDOW, REFRESH = 64, 16
"""Rounds whose times are kept, and after how many new ones the threshold is computed again; first of all these."""

QUANTILE, MEDIANS = 0.95, 3
BURST = 4.0
"""Second calls that may have been saved up."""


class Hedge:
    """Decides for one table. share: second calls per call at most; counts: where they are counted.

    repeated: the places of the latest round's calls that were sent twice.
    """

    def __init__(self, share: float, counts: Counts) -> None:
        self.counts = counts
        self.threshold_s = float("inf")
        self.repeated: Sequence[int] = ()
        self._share = share
        self._budget = 0.0
        self._times: deque[float] = deque(maxlen=WINDOW)
        self._new = 0

    def observe(self, seconds: float) -> None:
        """Learn how long a round took."""
        self._times.append(seconds)
        self._new += 1
        if self._new >= REFRESH:
            self._new = 0
            times = sorted(self._times)
            usual = MEDIANS * times[len(times) // 2]
            self.threshold_s = max(MIN_S, min(usual, times[int(QUANTILE * len(times))]))

    def earn(self, calls: int) -> None:
        """Begin a round of so many calls, each of which adds to the budget."""
        self.repeated = ()
        self._budget = min(BURST, self._budget + self._share * calls)

    def repeat(self, late: Sequence[int], left: float) -> Sequence[int]:
        """Which of the late calls may be sent a second time; none where the deadline is too near for an answer.

        left: seconds until the deadline.
        """
        self.repeated = late[: int(self._budget)] if left > self.threshold_s else ()
        self._budget -= len(self.repeated)
        self.counts.hedges += len(self.repeated)
        return self.repeated


def race(runners: Mapping[int, Sequence[Connection]], *, deadline: float) -> dict[int, tuple[Reply | Broken, bool]]:
    """For each place the answer of whichever of its connections has a good one first, and whether that was a second.

    The first connection of a place is that of the call itself, the others have been sent the same. Where one is kept,
    hence may be dead, what has no answer at half the time is sent anew over a fresh connection.
    """
    running = {place: list(connections) for place, connections in runners.items()}
    done: dict[int, tuple[Reply | Broken, bool]] = {}
    worse: dict[int, Reply | Broken] = {}
    risky = any(one.kept for connections in running.values() for one in connections)
    until = (time.monotonic() + deadline) / 2 if risky else deadline
    while running and (left := until - time.monotonic()) > 0:
        _wait([one for connections in running.values() for one in connections], left)
        for place, connections in list(running.items()):
            _look(place, connections, runners[place][0], done, worse, deadline)
            if place in done or not connections:
                done.setdefault(place, (worse.get(place, Broken("no connection")), False))
                del running[place]
                for loser in connections:
                    loser.abandon()
    for place in running:
        done[place] = (worse[place] if place in worse else runners[place][0].again(deadline=deadline)), False
        for loser in running[place]:
            if loser is not runners[place][0]:
                loser.abandon()
    return done


def _wait(connections: Sequence[Connection], seconds: float) -> None:
    """Until one of them has something to be read."""
    poll = select.poll()
    for connection in connections:
        if (descriptor := connection.fileno()) >= 0:
            poll.register(descriptor, select.POLLIN)
        else:
            return  # could not be sent; it is looked at, and told
    poll.poll(ceil(seconds * 1000))


def _look(
    place: int,
    connections: list[Connection],
    first: Connection,
    done: dict[int, tuple[Reply | Broken, bool]],
    worse: dict[int, Reply | Broken],
    deadline: float,
) -> None:
    """Take what has come for one place; connections without an answer stay in `connections`."""
    for connection in list(connections):
        try:
            reply = connection.begun(deadline=deadline)
        except Broken as failure:
            connections.remove(connection)
            worse.setdefault(place, kept(failure))
            continue
        if reply is None:
            continue
        connections.remove(connection)
        if reply.status == 200:
            done[place] = reply, connection is not first
            return
        worse[place] = reply
