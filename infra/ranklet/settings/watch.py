"""`[watch]`: what is looked at while a model serves: alarms, a dashboard, saved queries, samples in the log.

What costs: an alarm $0.10 a month (of a formula, as much for each metric in it), a dashboard beyond the account's first
three $3, a metric $0.30: `phases` are five, `health` up to five for each input. Logs are kept for [function] log_days.

A line in the log tells of a request how long it took and how many candidates it had. It tells no value, unless the
author names the inputs whose values may be kept: `log_inputs` is a list of names, of "item.*" and "context.*". A user's
inputs are always named one by one. `redact` takes inputs out again that a star would let in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from ranklet_features.spec import Input

Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]

STARS = {"item.*": "item", "context.*": "context"}
USER = "user.*"

BUNDLED = ("phases", "sample", "log_inputs", "redact", "health", "reference")
"""Fields that the function itself reads, from its manifest; the others are the template's."""


class Alarms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[watch.alarms]`: from where on somebody is told; 0 for no such alarm. All look at five minutes.

    on: whether there are any. errors: percent of invocations that failed in Lambda (a timeout, no memory, no start).
    faults: percent of requests answered with a status of 500 and above. throttles: requests turned away.
    p99_ms: of durations, in two of three times; None for [limits] deadline_ms. degraded and unavailable: percent of
    requests in which something was defaulted, and in which a table was not read in time, in two of three times.
    non_finite: requests whose scores were NaN or infinite. spillover: requests beyond provisioned concurrency.
    drift: population stability index of an input, where [watch] health tells it; over an hour.
    """

    on: bool = True
    errors: Percent = 1.0
    faults: Percent = 1.0
    throttles: Count = 1
    p99_ms: Annotated[float, msgspec.Meta(ge=0)] | None = None
    degraded: Percent = 25.0
    unavailable: Percent = 1.0
    non_finite: Count = 1
    spillover: Count = 1
    drift: Annotated[float, msgspec.Meta(ge=0)] = 0.25


class Watch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What wakes somebody, and what can be looked up afterwards.

    topic: ARN of the SNS topic that alarms tell; None for the shared stack's (`-c alarm_email=…` subscribes to it).
    dashboard, queries, phases: whether there are any. sample: share of the scored requests that leave a line in the
    log; log_inputs and redact: see above. health: share of the scored requests whose inputs are counted (missing,
    defaulted, unknown, unlike training), 0 for none. reference: a file of training rows below the model's folder, .csv,
    .jsonl or .parquet with a column an input; None for the golden requests.
    """

    alarms: Alarms = Alarms()
    topic: Annotated[str, msgspec.Meta(pattern=r"^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$")] | None = None
    dashboard: bool = True
    queries: bool = True
    phases: bool = True
    sample: Share = 0.001
    log_inputs: tuple[str, ...] = ()
    redact: tuple[str, ...] = ()
    health: Share = 0.0
    reference: str | None = None

    def __post_init__(self) -> None:
        if USER in self.log_inputs:
            raise ValueError(f'log_inputs has "{USER}": name each of the user\'s inputs that the log may keep')
        if self.log_inputs and not self.sample:
            raise ValueError(
                "log_inputs names what lines in the log tell, and sample = 0 writes none; drop one of them"
            )
        if self.redact and not STARS.keys() & set(self.log_inputs):
            raise ValueError(
                'redact takes inputs out of "item.*" or "context.*" in log_inputs; without, none is logged'
            )
        if both := sorted(set(self.redact) & set(self.log_inputs)):
            raise ValueError(f"{both[0]!r} is in log_inputs and in redact; drop one of them")
        if self.reference is not None and not self.health:
            raise ValueError("reference is what health compares with, and health = 0; give a share, or drop reference")

    def bundled(self, other: Watch) -> str | None:
        """The first field of the bundle that differs in another record."""
        return next((name for name in BUNDLED if getattr(self, name) != getattr(other, name)), None)

    def logged(self, inputs: Mapping[str, Input]) -> tuple[str, ...]:
        """The inputs whose values a line may tell. Raises ValueError for a name that is no input."""
        for field, names in (("log_inputs", set(self.log_inputs) - STARS.keys()), ("redact", self.redact)):
            if unknown := sorted(set(names) - inputs.keys()):
                raise ValueError(f"watch.{field} names {unknown[0]!r}; the inputs are {sorted(inputs)}")
        sides = {STARS[name] for name in self.log_inputs if name in STARS}
        return tuple(
            name
            for name, one in inputs.items()
            if (name in self.log_inputs or one.side in sides) and name not in self.redact
        )


def every(share: float) -> int:
    """Each so many-th is that share; 0 for none."""
    return max(1, round(1 / share)) if share else 0
