"""What goes wrong on purpose: probabilities per call, drawn from a seeded generator."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ranklet.local.dynamodb.errors import Refused

THROTTLES = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")


@dataclass(frozen=True)
class Faults:
    """Probabilities (0 … 1) per call, and seconds.

    throttle: refused as one of the three throttling errors. error: HTTP 500 or 503.
    unprocessed: a batch leaves some or all of its keys over.
    reset: the connection is reset instead of an answer. silent: it stays open and nothing ever comes.
    truncate: the body ends early, with or without its right Content-Length.
    damage: a bit of the body is turned, the checksum is that of the right body.
    stray: a read answers with a row more, which nobody asked for.
    slow: the answer is held back for `slow_s`, or dripped over that time.
    latency_s: every call takes a time drawn evenly from this range.
    """

    seed: int = 0
    throttle: float = 0.0
    error: float = 0.0
    unprocessed: float = 0.0
    reset: float = 0.0
    silent: float = 0.0
    truncate: float = 0.0
    damage: float = 0.0
    stray: float = 0.0
    slow: float = 0.0
    slow_s: float = 0.0
    latency_s: tuple[float, float] = (0.0, 0.0)


class Dice:
    """Draws for one set of faults; the same seed and calls give the same faults."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.random = random.Random(faults.seed)

    def hit(self, probability: float) -> bool:
        """Whether an event of this probability happens now. Draws nothing for 0."""
        return probability > 0 and self.random.random() < probability

    def latency(self) -> float:
        """Seconds that this call takes."""
        low, high = self.faults.latency_s
        return self.random.uniform(low, high) if high > 0 else 0.0

    def refusal(self) -> Refused | None:
        """A throttle or a failure of the server, or None."""
        if self.hit(self.faults.throttle):
            return Refused(self.random.choice(THROTTLES), "The level of configured throughput was exceeded.")
        if self.hit(self.faults.error):
            if self.random.random() < 0.5:
                return Refused("InternalServerError", "Internal server error", status=500)
            return Refused("ServiceUnavailable", "The service is temporarily unavailable.", status=503)
        return None

    def kept(self, n: int) -> int:
        """How many of a batch's `n` keys are worked on; the rest is left over."""
        return self.random.randrange(n) if n and self.hit(self.faults.unprocessed) else n

    def damaged(self, body: bytes) -> bytes:
        """The body with one bit turned."""
        place, bit = self.random.randrange(len(body)), 1 << self.random.randrange(8)
        return body[:place] + bytes([body[place] ^ bit]) + body[place + 1 :]
