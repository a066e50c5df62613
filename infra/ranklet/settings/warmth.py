"""`[warmth]`: what is kept ready before a request comes; one way, since AWS lets them exclude each other.

`provisioned` keeps environments running, a fixed number or one that follows their utilisation and the clock;
`snapstart` starts environments from a snapshot that was taken when the version was published.
"""

from __future__ import annotations

import re
import zoneinfo
from typing import Annotated, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1)]
UTILISATION = 0.7
"""What AWS advises for the target of provisioned concurrency that scales."""

FIELD = r"[0-9A-Z*?/,L#W-]+"
CRON = re.compile(rf"{FIELD}( {FIELD}){{5}}")
EXCLUSIVE = "a day of the month and a day of the week exclude each other: exactly one of both is `?`"


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[warmth.schedules]]`: from that time on, at least `min` and at most `max` environments, until the next one.

    cron: minute, hour, day of month, month, day of week, year, as EventBridge writes them: `0 8 ? * MON-FRI *`.
    max: None leaves the one that holds. timezone: a name of the IANA database.
    """

    cron: str
    min: Count
    max: Count | None = None
    timezone: str = "Etc/UTC"

    def __post_init__(self) -> None:
        if not CRON.fullmatch(self.cron):
            raise ValueError(f"cron = {self.cron!r} is not six fields (minute hour day month weekday year)")
        fields = self.cron.split(" ")
        if (fields[2] == "?") == (fields[4] == "?"):
            raise ValueError(f"cron = {self.cron!r}: {EXCLUSIVE}")
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max = {self.max} is below min = {self.min}")
        # A machine without the database leaves it to AWS, which knows the same names.
        if (known := zoneinfo.available_timezones()) and self.timezone not in known:
            raise ValueError(f"timezone = {self.timezone!r} is none of the IANA database, such as Europe/Vienna")


class Warmth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an environment gets ready: when it is asked for, from a snapshot, or provisioned beforehand.

    count: of provisioned environments; the fewest where they scale. max: the most; None for `count`, where no schedule
    says more. utilisation: the share of them that is to be busy, None for 0.7 where there is a `max`.
    """

    kind: Literal["none", "provisioned", "snapstart"] = "none"
    count: Annotated[int, msgspec.Meta(ge=0)] = 0
    max: Count | None = None
    utilisation: Annotated[float, msgspec.Meta(ge=0.1, le=0.9)] | None = None
    schedules: tuple[Schedule, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind == "provisioned") != (self.count > 0):
            raise ValueError(f'count = {self.count} goes with kind = "provisioned" alone, where it is at least 1')
        scaling = {"max": self.max, "utilisation": self.utilisation, "schedules": self.schedules or None}
        if self.kind != "provisioned":
            if given := [name for name, value in scaling.items() if value is not None]:
                raise ValueError(f'{given[0]} goes with kind = "provisioned" alone')
            return
        if self.max is not None and self.max < self.count:
            raise ValueError(f"max = {self.max} is below count = {self.count}")
        if self.utilisation is not None and self.max is None:
            raise ValueError(f"utilisation = {self.utilisation} scales between count and max, and there is no max")
        for at, schedule in enumerate(self.schedules):
            if schedule.max is None and schedule.min > self.ceiling:
                raise ValueError(
                    f"schedules[{at}].min = {schedule.min} is above the most there may be, {self.ceiling}; give it max"
                )

    @property
    def ceiling(self) -> int:
        """The most environments at a time that no schedule names."""
        return self.max or self.count

    @property
    def most(self) -> int:
        """The most provisioned environments that there can ever be; 0 where none are."""
        return max([self.ceiling, *(one.max or one.min for one in self.schedules)])

    @property
    def scales(self) -> bool:
        """Whether their number changes."""
        return self.max is not None or bool(self.schedules)

    @property
    def target(self) -> float | None:
        """The utilisation that is kept to; None where schedules alone say how many there are."""
        return None if self.max is None else self.utilisation or UTILISATION

    @property
    def patient(self) -> bool:
        """Whether INIT may take longer than 10 s, as nobody waits for it."""
        return self.kind != "none"
