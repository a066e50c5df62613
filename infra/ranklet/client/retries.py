"""What is tried again, and after how long.

Ranking only reads, so any request may be sent twice. Tried again is what another attempt may mend: no connection or a
broken one, 429, 502, 503 and 504. Waits double and are drawn between nothing and the whole ("full jitter"), so that
callers that failed together do not come back together: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ranklet.client.errors import BadCall

AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """most: attempts after the first one. first, longest: seconds of the first wait and of any, before the draw."""

    most: int = 3
    first: float = 0.1
    longest: float = 2.0

    def __post_init__(self) -> None:
        if self.most < 0 or self.first < 0 or self.longest < 0:
            raise BadCall("retries must be 0 or more, and so must be their waits")

    def wait(self, attempt: int, retry_after: float | None, draw: Callable[[], float]) -> float:
        """Seconds before the next attempt; never less than the server asked for. attempt: how many there were, from 1.

        draw: a number from 0 to 1.
        """
        jitter = draw() * min(self.longest, self.first * 2.0 ** min(attempt - 1, 60))
        return jitter + (retry_after or 0.0)


def retry_after(header: str | None, now: Callable[[], float] = time.time) -> float | None:
    """Seconds that a Retry-After asks for, given as such or as a date (RFC 9110 section 10.2.3); None for neither."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(parsedate_to_datetime(text).timestamp() - now(), 0.0)
    except (ValueError, OverflowError):
        return None
