"""Warm-up: the bundle's own golden requests are answered once where nobody waits for INIT.

The first request of a kind takes longer than the next: modules are imported when a body first needs them, an engine's
memory grows to the number of candidates, connections are opened, caches of the processor are cold. With provisioned
concurrency and SnapStart that is done before any request. On demand INIT waits for no rehearsal: a request is waiting
already, and is the rehearsal itself.

`warm.json`, which the build writes, holds whole events: each form of a request that the model's dialects read, and
requests for few and for many candidates. None of them is counted, logged, or sent on to anybody.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from ranklet_runtime.function import Function

FILE = "warm.json"


def rehearse(function: Function, folder: Path) -> int:
    """Answer the events of the bundle in `folder`; how many were.

    One that is refused, as a table does not answer yet, is said on stderr and leaves its part to the first request.
    """
    try:
        events = orjson.loads((folder / FILE).read_bytes())
    except FileNotFoundError:
        return 0
    answered = 0
    for event in events:
        try:
            function.rehearse(event)
            answered += 1
        except Exception as error:  # whatever it is, it must not keep the environment from starting
            print(f"ranklet: no warm-up on {event.get('rawPath')}: {error}", file=sys.stderr, flush=True)
    # What stores and telemetry counted meanwhile is nobody's request.
    function.telemetry.flush()
    return answered
