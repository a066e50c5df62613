"""Parts of a point in time: a Unix timestamp → hour, weekday, … as ids from 0, or as a point on a circle.

UTC plus a fixed offset: no time zone database at run time, no jump at midnight of a summer.
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from ranklet_features.kinds.base import Array, Compiled, Scope, Tensor, Values
from ranklet_features.lean import dataclass

Ints = NDArray[np.int64]
Part = Literal["hour", "weekday", "day", "month", "hour_of_week", "minute_of_day"]
SIZES: dict[str, int] = {
    "hour": 24,
    "weekday": 7,
    "day": 31,
    "month": 12,
    "hour_of_week": 168,
    "minute_of_day": 1440,
}
_PER_SECOND = {"s": None, "ms": np.array([1000])}
_DAY, _HOUR, _MINUTE = (np.array([seconds]) for seconds in (86_400, 3600, 60))


@dataclass(frozen=True)
class Options:
    """part: hour 0-23; weekday 0-6, Monday first; day (of the month) 0-30; month 0-11; hour_of_week 0-167 from
    Monday 0:00; minute_of_day 0-1439. unit: of the timestamp. cyclic: sin and cos of 2π · part / size instead.
    """

    part: Part
    unit: Literal["s", "ms"] = "s"
    utc_offset_minutes: int = 0
    cyclic: bool = False


class Time(Compiled):
    """int64 [n], or with `cyclic` float32 [n, 2]: sine, cosine."""

    schema = Options

    def __init__(self, options: Options, scope: Scope) -> None:
        (self.of,) = scope.of
        side = scope.inputs[self.of].side
        made = Tensor("float32", (2,), side) if options.cyclic else Tensor("int64", (), side)
        super().__init__(scope, {scope.feature: made})
        self.part = options.part
        self.per_second = _PER_SECOND[options.unit]
        self.offset = np.array([options.utc_offset_minutes * 60])
        self.ids = None if options.cyclic else SIZES[options.part]
        self.circle = _circle(SIZES[options.part]) if options.cyclic else None

    @classmethod
    def compile(cls, options: Options, scope: Scope) -> Self:
        scope.only_input(("int",), ("scalar",))
        if abs(options.utc_offset_minutes) >= 1440:
            raise scope.error(f"utc_offset_minutes is {options.utc_offset_minutes}; it must be within a day")
        return cls(options, scope)

    def run(self, values: Values) -> dict[str, Array]:
        ids = self._ids(values.columns[self.of].values)
        return {self.name: ids if self.circle is None else self.circle[ids]}

    def _ids(self, timestamps: Ints) -> Ints:
        if self.per_second is not None:
            timestamps = timestamps // self.per_second
        days, seconds = np.divmod(timestamps, _DAY)
        if self.offset[0]:  # added after the division: no timestamp can overflow
            ahead, seconds = np.divmod(seconds + self.offset, _DAY)
            days = days + ahead
        return _part(self.part, days, seconds)


def _part(part: Part, days: Ints, seconds: Ints) -> Ints:
    """A part of whole days since 1970-01-01 (a Thursday) and seconds since their midnight."""
    made: Ints
    match part:
        case "hour":
            made = seconds // _HOUR
        case "minute_of_day":
            made = seconds // _MINUTE
        case "weekday":
            made = (days + 3) % 7
        case "hour_of_week":
            made = (days + 3) % 7 * 24 + seconds // _HOUR
        case "month":
            made = _months(days).astype(np.int64) % 12
        case "day":
            made = days - _months(days).astype("M8[D]").astype(np.int64)
    return made


def _months(days: Ints) -> NDArray[np.datetime64]:
    return days.astype("M8[D]").astype("M8[M]")


def _circle(size: int) -> NDArray[np.float32]:
    """Looked up, not computed per request: the same bits for one row and for a million."""
    angles = 2 * np.pi * np.arange(size) / size
    return np.stack([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)
