"""What came back: counts, and how long it took, in all and second by second."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ranklet.load.histogram import Histogram
from ranklet.load.requests import Verdict

LATE_US = 10_000
LATE_SHARE = 0.01
"""Where more than this share of requests left so much too late, the figures hold the generator's own delay."""
MICRO = 1_000_000


@dataclass
class Second:
    """Of the requests that were due in one second."""

    sent: int = 0
    failed: int = 0
    latency: Histogram = field(default_factory=Histogram)


@dataclass
class Tally:
    """Requests of one phase.

    latency: from when a request should have left to its answer's end, of answers with status 200 and of requests that
    nobody answered in time, which waited at least so long; refusals are quick and would flatter it. service: the same
    from when it left. late: how much later it left than it should have. failures: reason → requests without an answer.
    """

    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    late: Histogram = field(default_factory=Histogram)
    seconds: dict[int, Second] = field(default_factory=dict)

    def leaves(self, due: float, late: float) -> None:
        """A request leaves, so many seconds after it was due."""
        self.sent += 1
        self.late.record(round(late * MICRO))
        self.seconds.setdefault(int(due), Second()).sent += 1

    def answered(self, due: float, status: int, verdict: Verdict | None, *, took: float, since_left: float) -> None:
        """An answer came. took: seconds since it was due. verdict: of an answer with status 200."""
        self.statuses[status] += 1
        second = self.seconds[int(due)]
        if verdict is None:
            second.failed += 1
            return
        self.verdicts[verdict] += 1
        second.failed += verdict == "wrong"
        self._timed(second, took, since_left)

    def failed(self, due: float, reason: str, *, took: float, since_left: float, timed: bool) -> None:
        """No answer came. timed: whether it was waited for as long as was allowed."""
        self.failures[reason] += 1
        second = self.seconds[int(due)]
        second.failed += 1
        if timed:
            self._timed(second, took, since_left)

    def _timed(self, second: Second, took: float, since_left: float) -> None:
        self.latency.record(round(took * MICRO))
        second.latency.record(round(took * MICRO))
        self.service.record(round(since_left * MICRO))

    @property
    def refused(self) -> int:
        """Answers with another status than 200."""
        return self.statuses.total() - self.statuses[200]

    @property
    def lost(self) -> int:
        """Requests without an answer."""
        return self.failures.total()

    @property
    def wrong(self) -> int:
        """Answers that were not the trainer's."""
        return self.verdicts["wrong"]

    @property
    def throttled(self) -> int:
        """Answers 429."""
        return self.statuses[429]

    @property
    def broken(self) -> int:
        """Answers 500 and above."""
        return sum(count for status, count in self.statuses.items() if status >= 500)

    @property
    def behind(self) -> bool:
        """Whether the generator itself could not keep up."""
        return self.late.above(LATE_US) > LATE_SHARE * self.sent
