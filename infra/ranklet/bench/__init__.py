"""Measurements: what ranklet costs beside what it replaces, in one run and on one machine.

A bench is a module with `run(setting, progress) -> Report` and one line in BENCHES. `base.py` holds what makes
figures comparable (interleaved rounds, CPU time, a control, answers checked before anything is timed); README.md
gives the method and says where the time goes.
"""

from __future__ import annotations

from collections.abc import Mapping

BENCHES: Mapping[str, str] = {
    "cold": "ranklet.bench.cold:run",
    "counts": "ranklet.bench.counts:run",
    "dialects": "ranklet.bench.dialects:run",
    "engines": "ranklet.bench.engines:run",
    "lists": "ranklet.bench.lists:run",
    "peers": "ranklet.bench.peers:run",
    "retrieve": "ranklet.bench.retrieve:run",
    "split": "ranklet.bench.split:run",
    "tables": "ranklet.bench.tables:run",
    "tokens": "ranklet.bench.tokens:run",
    "warm": "ranklet.bench.warm:run",
}
"""Bench → its function, imported when it is used."""
