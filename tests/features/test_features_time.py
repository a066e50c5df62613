"""Parts of a point in time, against Python's datetime."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from features_support import item, plan_of, run_one
from hypothesis import given
from hypothesis import strategies as st

from ranklet_features import Feature, SpecError
from ranklet_features.kinds.time import SIZES

PARTS: dict[str, Callable[[datetime], int]] = {
    "hour": lambda at: at.hour,
    "weekday": lambda at: at.weekday(),
    "day": lambda at: at.day - 1,
    "month": lambda at: at.month - 1,
    "hour_of_week": lambda at: at.weekday() * 24 + at.hour,
    "minute_of_day": lambda at: at.hour * 60 + at.minute,
}
START, END = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
SECONDS = st.integers(int(START.timestamp()), int(END.timestamp()))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_every_part_is_tested() -> None:
    assert PARTS.keys() == SIZES.keys()


@pytest.mark.parametrize("part", PARTS)
@given(st.lists(SECONDS, min_size=1, max_size=20), st.integers(-1439, 1439))
def test_parts_are_those_of_datetime(part: str, seconds: list[int], offset: int) -> None:
    zone = timezone(timedelta(minutes=offset))
    expected = [PARTS[part]((EPOCH + timedelta(seconds=at)).astimezone(zone)) for at in seconds]
    made = run_one("time", item("int"), seconds, part=part, utc_offset_minutes=offset)["x"]
    assert made.dtype == np.int64
    assert made.tolist() == expected
    thousands = [at * 1000 + 999 for at in seconds]
    made = run_one("time", item("int"), thousands, part=part, unit="ms", utc_offset_minutes=offset)["x"]
    assert made.tolist() == expected


@pytest.mark.parametrize("part", PARTS)
def test_cyclic_lies_on_the_circle(part: str) -> None:
    minutes = [int(datetime(2024, 1 + i % 12, 1 + i % 29, i % 24, i % 60, tzinfo=UTC).timestamp()) for i in range(400)]
    made = run_one("time", item("int"), minutes, part=part, cyclic=True)["x"]
    assert (made.dtype, made.shape) == (np.float32, (400, 2))
    for row, at in zip(made.tolist(), minutes, strict=True):
        angle = 2 * math.pi * PARTS[part](datetime.fromtimestamp(at, UTC)) / SIZES[part]
        assert row == [float(np.float32(math.sin(angle))), float(np.float32(math.cos(angle)))]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("offset", [-1439, 0, 1439])
def test_no_timestamp_overflows(part: str, offset: int) -> None:
    extremes = [-(2**63), -(2**63) + 1, 2**63 - 2, 2**63 - 1]
    made = run_one("time", item("int"), extremes, part=part, utc_offset_minutes=offset)["x"]
    assert ((made >= 0) & (made < SIZES[part])).all()
    if part in ("hour", "weekday", "hour_of_week", "minute_of_day"):
        shifted = [at + offset * 60 for at in extremes]
        expected = {
            "hour": [at // 3600 % 24 for at in shifted],
            "weekday": [(at // 86400 + 3) % 7 for at in shifted],
            "hour_of_week": [(at // 86400 + 3) % 7 * 24 + at // 3600 % 24 for at in shifted],
            "minute_of_day": [at // 60 % 1440 for at in shifted],
        }
        assert made.tolist() == expected[part]


def test_the_plan_tells_what_it_makes() -> None:
    plan = plan_of(
        {"v": item("int")},
        {
            "x": Feature("time", ("v",), {"part": "month"}),
            "y": Feature("time", ("v",), {"part": "month", "cyclic": True}),
        },
    )
    assert plan.ids == {"x": 12}
    assert plan.signature == {"x": ("int64", (), "item"), "y": ("float32", (2,), "item")}


@pytest.mark.parametrize("offset", [1440, -1440])
def test_an_offset_is_within_a_day(offset: int) -> None:
    with pytest.raises(SpecError, match=rf"utc_offset_minutes is {offset}; it must be within a day"):
        run_one("time", item("int"), [], part="hour", utc_offset_minutes=offset)
