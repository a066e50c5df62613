"""Reads many keys: calls of 100, several at a time, until everything is read or the deadline has come.

What a call leaves over (UnprocessedKeys) or loses (throttled, reset, truncated, damaged) is asked for again after a
pause of random length, twice as long each time ("full jitter", AWS Architecture Blog, 2015): many
environments that were throttled together must not come back together.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence

import orjson

from ranklet_features.errors import StoreUnavailable
from ranklet_features.lean import dataclass, field
from ranklet_features.spec import Table
from ranklet_features.stores.aws.connection import Broken, Reply, kept
from ranklet_features.stores.counts import Counts
from ranklet_features.stores.dynamodb.client import CONNECTIONS, Client
from ranklet_features.stores.dynamodb.hedge import Hedge
from ranklet_features.stores.dynamodb.replies import Answer, CredentialsExpired, Failed, Skewed, Throttled, read
from ranklet_features.stores.dynamodb.units import Units

CALL_KEYS = 100
"""DynamoDB's limit for one BatchGetItem."""

ROUND_KEYS = CALL_KEYS * CONNECTIONS

MAX_PAUSES = 64
"""Rounds that may fall short: a second bound beside the deadline, which ends it long before."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.01, 0.2

_log = logging.getLogger(__name__)


def _between(low: float, high: float) -> float:
    """A random number between the two."""
    # Imported here: most reads are answered at once.
    from random import uniform

    return uniform(low, high)


@dataclass
class Batch:
    """What is known of the asked keys: packed rows of those that are there, and those still to be read."""

    pending: list[str]
    values: dict[str, bytes] = field(default_factory=dict)

    def take(self, asked: Sequence[str], answer: Answer) -> None:
        """Sort in one answer."""
        self.values.update(answer.values)
        if answer.unprocessed:
            self.pending.extend(key for key in asked if key in answer.unprocessed and key not in answer.values)


class BatchReader:
    """Reads rows of one table. counts: what it costs. clock, sleep and uniform are seams for tests."""

    def __init__(
        self,
        table: Table,
        client: Client,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[float, float], float] = _between,
    ) -> None:
        self.counts = Counts()
        self._units = Units(table)
        self._hedge = Hedge(table.hedge, self.counts) if table.hedge > 0 else None
        self._table = table
        self._client = client
        self._head = b'{"RequestItems":{%b:{"Keys":[{"k":{"S":"' % orjson.dumps(table.physical)
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform

    def read(self, keys: Sequence[str], *, deadline: float) -> Batch:
        """Read distinct keys; what is `pending` in the answer could not be read in time.

        Raises TableMismatch or StoreUnavailable where asking again cannot help.
        """
        batch = Batch(list(keys))
        mended: set[type[Failed]] = set()
        started, new = self._clock(), len(batch.pending)
        reasons: Counter[str] = Counter()
        pauses = 0
        while batch.pending and pauses < MAX_PAUSES and self._clock() < deadline:
            asked, batch.pending = batch.pending[:ROUND_KEYS], batch.pending[ROUND_KEYS:]
            waiting = len(batch.pending)
            self.counts.retries += calls_of(len(asked)) - calls_of(min(new, len(asked)))
            new = max(0, new - len(asked))
            failures = self._round(batch, asked, deadline)
            reasons.update(map(str, failures))
            if not self._mend(failures, mended) and len(batch.pending) > waiting:
                self._pause(pauses, deadline)
                pauses += 1
        if batch.pending:
            _log.warning(
                "table %s: %d rows not read in time; failures: %s",
                self._table.name,
                len(batch.pending),
                ", ".join(f"{n} × {reason}" for reason, n in reasons.most_common(4)) or "none",
            )
        self.counts.read(self._clock() - started)
        return batch

    def _round(self, batch: Batch, asked: list[str], deadline: float) -> list[Failed | Broken]:
        """Ask for keys once; those without an answer go back to `batch.pending`."""
        chunks = [asked[i : i + CALL_KEYS] for i in range(0, len(asked), CALL_KEYS)]
        outcomes: Sequence[Reply | Broken]
        try:
            bodies = [self._body(chunk) for chunk in chunks]
            self.counts.calls += len(chunks)
            outcomes = self._client.exchange("BatchGetItem", bodies, deadline=deadline, hedge=self._hedge)
        except Broken as failure:
            outcomes = [kept(failure)] * len(chunks)
        repeated = self._hedge.repeated if self._hedge is not None else ()
        failures: list[Failed | Broken] = []
        left_over = 0
        for place, (chunk, outcome) in enumerate(zip(chunks, outcomes, strict=True)):
            try:
                if isinstance(outcome, Broken):
                    raise outcome
                answer = read(outcome, self._table, set(chunk))
                batch.take(chunk, answer)
                left_over += bool(answer.unprocessed)
                # The slow one of two calls is paid for as well.
                self.counts.units += self._units.of(chunk, answer) * (2 if place in repeated else 1)
            except (Broken, Failed) as failure:
                batch.pending.extend(chunk)
                failures.append(kept(failure))
        self.counts.throttles += left_over + sum(isinstance(failure, Throttled) for failure in failures)
        return failures

    def _mend(self, failures: Sequence[Failed | Broken], mended: set[type[Failed]]) -> bool:
        """Correct the clock or the credentials, once per read; whether the next round may follow at once."""
        for failure in failures:
            if not isinstance(failure, Skewed | CredentialsExpired):
                continue
            if type(failure) in mended or not self._correct(failure):
                raise StoreUnavailable(f"table {self._table.name}: AWS refused the signature: {failure}") from failure
            mended.add(type(failure))
            return True
        return False

    def _correct(self, failure: Skewed | CredentialsExpired) -> bool:
        if isinstance(failure, CredentialsExpired):
            return self._client.credentials.renew()
        self._client.resync(failure.server_time)
        return True

    def _pause(self, pauses: int, deadline: float) -> None:
        longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**pauses, deadline - self._clock())
        if longest > 0:
            self._sleep(self._uniform(0, longest))

    def _body(self, keys: Sequence[str]) -> bytes:
        joined = "".join(keys)
        if len(orjson.dumps(joined)) == len(joined.encode()) + len('""'):
            # Nothing in these keys has to be escaped: a third of the time.
            return self._head + '"}},{"k":{"S":"'.join(keys).encode() + b'"}}]}}}'
        return orjson.dumps({"RequestItems": {self._table.physical: {"Keys": [{"k": {"S": key}} for key in keys]}}})


def calls_of(keys: int) -> int:
    """How many calls so many keys take."""
    return -(-keys // CALL_KEYS)
