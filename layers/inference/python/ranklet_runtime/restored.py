"""SnapStart: what must not be the same in all environments that start from one snapshot, and what none of them can use.

Lambda runs INIT once, when a version is published, and starts environments from the memory that it left. Each would
find connections whose other end is long gone, credentials that have expired, one and the same row of random numbers,
counts of a start that was not its own, and clocks that stood still. So connections are closed before the snapshot,
and after it everything of this kind is made anew: a row of each table is read, as INIT does, so that the first request
finds connections and credentials ready.

The registry is AWS's `snapshot_restore_py`, which the managed runtimes from python3.12 on contain; `awslambdaric` runs
what is registered. https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

from __future__ import annotations

import random
import sys
from typing import Protocol

from ranklet_runtime.telemetry import Telemetry

INIT_TYPE = "snap-start"
"""AWS_LAMBDA_INITIALIZATION_TYPE of a function with SnapStart."""


class Verifying(Protocol):
    """What reads tables."""

    def verify(self) -> None:
        """Read a row of each. Raises TableMismatch."""
        ...


class Restorable(Protocol):
    """A function of one model, or of a funnel's."""

    @property
    def telemetry(self) -> Telemetry:
        """Its counters."""
        ...

    @property
    def scorer(self) -> Verifying:
        """What scores."""
        ...

    def renew(self) -> None:
        """Let go of connections and credentials."""
        ...


def register(function: Restorable) -> bool:
    """Have `function` made ready for the snapshot and after it; whether the runtime has such hooks.

    Without them connections and credentials are let go now, as the snapshot follows, and made by the first request.
    """
    try:
        from snapshot_restore_py import register_after_restore, register_before_snapshot
    except ImportError:
        print("ranklet: this runtime has no snapshot_restore_py; pauses may be alike", file=sys.stderr, flush=True)
        before_snapshot(function)
        return False
    register_before_snapshot(before_snapshot, function)
    register_after_restore(after_restore, function)
    return True


def before_snapshot(function: Restorable) -> None:
    """Leave nothing in the snapshot that belongs to this environment alone."""
    function.telemetry.flush()
    function.renew()


def after_restore(function: Restorable) -> None:
    """Make this environment one of its own. Raises TableMismatch where a table is another version's by now."""
    random.seed()
    function.renew()
    # Nothing was counted since the snapshot: this lets the time between two writes begin now.
    function.telemetry.flush()
    function.scorer.verify()
