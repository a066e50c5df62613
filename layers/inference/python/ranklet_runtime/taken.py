"""What a part of the telemetry hands over when it is asked: numbers by metric, or lines of the log.

A part (`Phases`, `Health`, `Lines`) only adds to what it holds while requests are answered; `take` gives what came
together since the last time, and begins anew. Telemetry asks each of its `writers` when it flushes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import orjson

from ranklet_runtime.telemetry import MOST_VALUES, Telemetry, metric

MOST_METRICS = 100
"""Of one document of the embedded metric format."""

Values = tuple[str, Sequence[float]]
"""Unit, as CloudWatch names it, and values of one metric."""


class Taken(NamedTuple):
    """Metrics by name, with dimensions beside `model`."""

    metrics: Mapping[str, Values]
    dimensions: Mapping[str, str] = MappingProxyType({})


class Part(Protocol):
    """Something that counts while requests are answered."""

    def take(self) -> Iterable[Taken]:
        """What it counted since the last time."""
        ...


def writer(telemetry: Telemetry, part: Part) -> Callable[[], None]:
    """Writes what a part counted, as documents."""

    def write() -> None:
        for taken in part.take():
            for document in documents(taken.metrics):
                telemetry.put(document, **taken.dimensions)

    return write


def documents(metrics: Mapping[str, Values]) -> Iterator[dict[str, Any]]:
    """The metrics in as few documents as their format allows; values stay in order."""
    left = {name: (unit, list(values)) for name, (unit, values) in metrics.items() if len(values)}
    while left:
        chosen = {name: left.pop(name) for name in list(left)[:MOST_METRICS]}
        yield {name: metric(unit, values[:MOST_VALUES]) for name, (unit, values) in chosen.items()}
        rest = {name: (unit, values[MOST_VALUES:]) for name, (unit, values) in chosen.items()}
        left = {**{name: one for name, one in rest.items() if one[1]}, **left}


class Lines:
    """Lines of JSON for the log, held until telemetry flushes: no request waits for them."""

    MOST = 100
    """Lines that are held, which is one for each request between two flushes."""
    BYTES = 8192
    """Of one line."""

    def __init__(self, model: str, version: str) -> None:
        self._shared = {"service": model, "version": version}
        self._held: list[bytes] = []

    def add(self, message: str, level: str, fields: Mapping[str, Any]) -> None:
        """Hold a line, if there is room. What makes it too long, its values, is left out."""
        if len(self._held) >= self.MOST:
            return
        line = orjson.dumps({"level": level, "message": message, **self._shared, **fields})
        if len(line) > self.BYTES:
            kept = {name: value for name, value in fields.items() if not isinstance(value, dict)}
            line = orjson.dumps({"level": level, "message": message, **self._shared, **kept, "cut": True})
        if len(line) <= self.BYTES:
            self._held.append(line)

    def write(self) -> None:
        """Write the lines and forget them."""
        held, self._held = self._held, []
        if held:
            try:
                sys.stdout.write(b"\n".join(held).decode() + "\n")
                sys.stdout.flush()
            except (OSError, ValueError) as error:
                # A closed stdout costs the lines, never a request.
                print(f"lines of the log are lost: {error}", file=sys.stderr, flush=True)
