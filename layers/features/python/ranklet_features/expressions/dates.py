"""Functions of dates and times in ISO form, `2020-02-29` and `2020-02-29T12:30:00`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time

from ranklet_features.expressions.texts import each
from ranklet_features.expressions.values import Made

SECONDS = 86_400


def _date(text: str) -> date:
    return date.fromisoformat(text[:10])


def _days(text: str, year: float) -> int | None:
    try:
        return (_date(text) - date(int(year), 1, 1)).days
    except ValueError:
        return None


def _seconds(text: str, year: float) -> int | None:
    try:
        since = datetime.fromisoformat(text) - datetime(int(year), 1, 1)
    except (ValueError, TypeError):
        return None
    return since.days * SECONDS + since.seconds


def _of_day(text: str) -> int | None:
    try:
        found = time.fromisoformat(text.rpartition("T")[2])
    except ValueError:
        return None
    return found.hour * 3600 + found.minute * 60 + found.second


FUNCTIONS: Mapping[str, Callable[[Sequence[Made]], Made]] = {
    "dateDaysSinceYear": lambda parts: each("dateDaysSinceYear", parts, ["string", "double"], "integer", _days),
    "dateSecondsSinceYear": lambda parts: each(
        "dateSecondsSinceYear", parts, ["string", "double"], "integer", _seconds
    ),
    "dateSecondsSinceMidnight": lambda parts: each("dateSecondsSinceMidnight", parts, ["string"], "integer", _of_day),
}
"""Function → what compiles it."""
