"""Modelled dollars of a million requests, from the CPU time that was measured: rows in memory, or read from DynamoDB.

Lambda's request and duration on demand (1 024 MB of x86_64, as long as so much memory takes for the CPU time), one
request of an HTTP API, and for `-dynamodb` a wait and half a read unit for each candidate's row, one item a row. Prices
are those of prices.toml; the formulas are `ranklet estimate`'s.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranklet import prices
from ranklet.bench import base
from ranklet.bench.base import Row
from ranklet.estimate import ways
from ranklet.estimate.usage import Usage

MEMORY_MB, MILLION = 1024, 1_000_000
UNITS = 0.5
"""Of a row up to 4 KB, read by itself, eventually consistent."""


def rows(taken: NDArray[np.float64], n: int) -> list[Row]:
    """`dollars-per-million-…` of requests that took so many CPU seconds, by round."""
    found = {
        "resident": [dollars(one, n, reads=False) for one in taken],
        "dynamodb": [dollars(one, n, reads=True) for one in taken],
    }
    return [
        base.row(f"dollars-per-million-{name}", np.array(each), n=n, unit="$", peer=None)
        for name, each in found.items()
    ]


def dollars(cpu_s: float, n: int, *, reads: bool) -> float:
    """Of a million requests for n candidates."""
    known = prices.load()
    usage = Usage(1.0, n, 0.0, cpu_s * 1000, MEMORY_MB, "x86_64", cold_share=0.0)
    computed = ways.compute(usage, known, reads=reads)[0].total / usage.requests
    read = n * UNITS * known.dynamodb.read_unit if reads else 0.0
    return MILLION * (computed + known.api.http + read)
