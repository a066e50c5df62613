"""What CloudWatch would know of a log: metrics in embedded metric format, and Lambda's own from its REPORT lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ranklet.local.logs import LogLine

REPORT = re.compile(r"REPORT RequestId: \S+ Duration: ([\d.]+) ms")


@dataclass(frozen=True)
class Datum:
    """Values of one metric at one time (seconds)."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    time: float
    values: tuple[float, ...]


@dataclass
class Metrics:
    """All data of a log."""

    data: list[Datum] = field(default_factory=list)

    def values(self, name: str, dimensions: Mapping[str, str], namespace: str = "ranklet") -> list[float]:
        """All values of a metric, in the log's order."""
        return [
            value
            for one in self.data
            if (one.namespace, one.name, dict(one.dimensions)) == (namespace, name, dict(dimensions))
            for value in one.values
        ]

    def at(self, time: float) -> Metrics:
        """The same as if all had been written at one time."""
        return Metrics([Datum(one.namespace, one.name, one.dimensions, time, one.values) for one in self.data])

    def __add__(self, other: Metrics) -> Metrics:
        return Metrics([*self.data, *other.data])


def read(lines: Iterable[LogLine]) -> Metrics:
    """The metrics that functions wrote."""
    found = Metrics()
    for line in lines:
        if line.text.startswith('{"_aws"'):
            found.data += _documented(json.loads(line.text))
    return found


def _documented(document: Mapping[str, object]) -> Iterable[Datum]:
    root = document["_aws"]
    assert isinstance(root, dict)
    for directive in root["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = {name: str(document[name]) for name in names}
            for metric in directive["Metrics"]:
                values = document[metric["Name"]]
                several = tuple(values) if isinstance(values, list) else (values,)
                yield Datum(directive["Namespace"], metric["Name"], dimensions, root["Timestamp"] / 1000, several)


def of_lambda(lines: Iterable[LogLine], function: str, version: str, *, time: float) -> Metrics:
    """Lambda's own metrics of a version that was invoked through the alias `live`, from the log's REPORT lines.

    A function's answer of a status above 500 is no error to Lambda, and none here.
    """
    texts = [line.text for line in lines if line.function == function and line.platform]
    durations = [float(match[1]) for text in texts if (match := REPORT.match(text))]
    by = {"FunctionName": function, "Resource": f"{function}:live", "ExecutedVersion": version}
    return Metrics(
        [
            datum
            for duration in durations
            for datum in (
                Datum("AWS/Lambda", "Duration", by, time, (duration,)),
                Datum("AWS/Lambda", "Invocations", by, time, (1,)),
                Datum("AWS/Lambda", "Errors", by, time, (0,)),
            )
        ]
    )
