"""`[release]`: how a new version takes over from the one before.

`all-at-once` moves the alias in one step, without CodeDeploy, and `ranklet deploy` replays golden requests afterwards.
The gradual strategies go through CodeDeploy: it asks a hook whether the new version gives the trainer's scores, moves a
part of the traffic, watches the alarms, and moves the alias back when one goes off. It is the one way in which an alias
that has provisioned concurrency may have weights.
"""

from __future__ import annotations

from math import ceil
from typing import Annotated, Literal

import msgspec

MOST_MINUTES = 2880
"""From the first shift to the last, as CodeDeploy's quotas have it."""

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class Alarms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[release.alarms]`: what stops a release and brings the old version back; 0 for no such alarm.

    All look at the new version alone, minute by minute. errors: percent of its requests that failed: in Lambda, with a
    status of 500 and above, or for a score that is not finite. p99_ms: of its durations; None for [limits] deadline_ms.
    throttles: of the function, in one minute. degraded: percent of its requests in which something had to be defaulted.
    score_shift: population stability index of its scores against the golden ones, over five minutes. Below 0.1 is
    usually called stable and above 0.25 another distribution; it asks for golden requests that resemble the traffic.
    """

    errors: Percent = 1.0
    p99_ms: Annotated[float, msgspec.Meta(ge=0)] | None = None
    throttles: Annotated[int, msgspec.Meta(ge=0)] = 1
    degraded: Percent = 10.0
    score_shift: Annotated[float, msgspec.Meta(ge=0)] = 0.25


class Shadow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[release.shadow]`: a share of the requests is copied to a candidate version, which answers nobody.

    share: of the requests. live: the Lambda version that goes on answering while what is deployed is the candidate;
    None where there is no candidate, and each version is live as it is deployed.
    """

    share: Share
    live: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How traffic moves to a new version.

    percent and minutes: `canary` moves percent, waits minutes, then moves the rest; `linear` moves percent more each
    minutes. check: whether a hook replays golden requests first; None for yes where the strategy is gradual.
    every: of the requests, each such one's scores are counted for `score_shift`.
    """

    strategy: Literal["all-at-once", "canary", "linear"] = "all-at-once"
    percent: Annotated[int, msgspec.Meta(ge=1, le=99)] | None = None
    minutes: Annotated[int, msgspec.Meta(ge=1, le=MOST_MINUTES)] | None = None
    check: bool | None = None
    every: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    alarms: Alarms | None = None
    shadow: Shadow | None = None

    def __post_init__(self) -> None:
        if self.gradual:
            if self.shadow is not None and self.shadow.live is not None:
                raise ValueError(
                    f'shadow.live keeps the alias at version {self.shadow.live}, so strategy = "{self.strategy}" has '
                    "nothing to move: drop live to release the candidate, or drop the strategy"
                )
            self._check_time()
            return
        given = {"percent": self.percent, "minutes": self.minutes, "alarms": self.alarms, "check": self.check or None}
        if wrong := [name for name, value in given.items() if value is not None]:
            raise ValueError(
                f'{wrong[0]} goes with strategy = "canary" or "linear"; all-at-once moves everything in one step, and '
                "`ranklet deploy` replays golden requests after it"
            )

    def _check_time(self) -> None:
        percent, minutes = self.step
        shifts = ceil(100 / percent) - 1 if self.strategy == "linear" else 1
        if shifts * minutes > MOST_MINUTES:
            raise ValueError(
                f"minutes = {minutes} and percent = {percent} take {shifts * minutes} minutes; CodeDeploy moves "
                f"traffic for {MOST_MINUTES} at most"
            )

    @property
    def gradual(self) -> bool:
        """Whether CodeDeploy moves the alias."""
        return self.strategy != "all-at-once"

    @property
    def checked(self) -> bool:
        """Whether a hook replays golden requests before traffic moves."""
        return self.gradual and self.check is not False

    @property
    def watched(self) -> Alarms:
        """The alarms of a gradual release."""
        return self.alarms or Alarms()

    @property
    def step(self) -> tuple[int, int]:
        """percent and minutes."""
        return self.percent or 10, self.minutes or (10 if self.strategy == "canary" else 2)
