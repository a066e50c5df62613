"""CloudWatch's side of an alarm, as far as ours use it: statistics by period, metric math, and what is in alarm.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html and, for missing data,
alarms-and-missing-data.html beside it. A metric that has no value in a period gives none; an expression over it has
none there either; a missing value does not breach.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from emf import Metrics

Series = dict[int, float]
"""Period → value."""

FUNCTIONS: dict[str, Any] = {"IF": lambda when, then, other: then if when else other, "LOG": np.log}
NAMES = re.compile(r"[a-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Evaluator:
    """The alarms of one template. resolve: what its expressions stand for once they are deployed."""

    alarms: Mapping[str, Mapping[str, Any]]
    values: Mapping[str, str]

    def in_alarm(self, metrics: Metrics) -> set[str]:
        """The names of the alarms that go off in any of the periods."""
        return {name for name, alarm in self.alarms.items() if self._breaches(alarm, metrics)}

    def series(self, name: str, metrics: Metrics) -> Series:
        """What an alarm looks at."""
        return self._series(self.alarms[name], metrics)

    def _breaches(self, alarm: Mapping[str, Any], metrics: Metrics) -> bool:
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm["TreatMissingData"] == "notBreaching"
        series = self._series(alarm, metrics)
        several = int(alarm["EvaluationPeriods"])
        needed = int(alarm.get("DatapointsToAlarm", several))
        for last in series:
            window = [series.get(period, -math.inf) for period in range(last - several + 1, last + 1)]
            if sum(value >= alarm["Threshold"] for value in window) >= needed:
                return True
        return False

    def _series(self, alarm: Mapping[str, Any], metrics: Metrics) -> Series:
        if "Metrics" not in alarm:
            stat = alarm.get("Statistic") or alarm["ExtendedStatistic"]
            return self._metric(alarm, stat, alarm["Period"], metrics)
        known = {
            one["Id"]: self._metric(one["MetricStat"]["Metric"], *_how(one), metrics)
            for one in alarm["Metrics"]
            if "MetricStat" in one
        }
        ((expression),) = [
            one["Expression"] for one in alarm["Metrics"] if one.get("ReturnData", True) and "Expression" in one
        ]
        return _evaluated(expression, known)

    def _metric(self, metric: Mapping[str, Any], stat: str, period: int, metrics: Metrics) -> Series:
        wanted = {one["Name"]: self._text(one["Value"]) for one in metric["Dimensions"]}
        values: dict[int, list[float]] = {}
        for one in metrics.data:
            if (one.namespace, one.name, dict(one.dimensions)) == (metric["Namespace"], metric["MetricName"], wanted):
                values.setdefault(int(one.time // period), []).extend(one.values)
        return {at: _statistic(stat, found) for at, found in sorted(values.items())}

    def _text(self, value: Any) -> str:
        match value:
            case str():
                return value
            case {"Ref": name}:
                return self.values[name]
            case {"Fn::GetAtt": [name, "Version"]}:
                return self.values[name]
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(map(self._text, parts))
        raise AssertionError(f"no text for {value}")


def of_template(template: Mapping[str, Any], *, function: str, version: str) -> Evaluator:
    """The alarms of a model's template by the last part of their construct's path, for a version that is released."""
    resources = template["Resources"]
    names = {"AWS::Lambda::Function": function, "AWS::Lambda::Version": version}
    return Evaluator(
        {
            one["Metadata"]["aws:cdk:path"].split("/")[-2]: one["Properties"]
            for one in resources.values()
            if one["Type"] == "AWS::CloudWatch::Alarm" and "/Release/" in one["Metadata"]["aws:cdk:path"]
        },
        {name: names[one["Type"]] for name, one in resources.items() if one["Type"] in names},
    )


def _how(one: Mapping[str, Any]) -> tuple[str, int]:
    return one["MetricStat"]["Stat"], one["MetricStat"]["Period"]


def _statistic(stat: str, values: Sequence[float]) -> float:
    if stat == "Sum":
        return float(sum(values))
    assert stat.startswith("p")
    return float(np.percentile(values, float(stat[1:]), method="inverted_cdf"))


def _evaluated(expression: str, known: Mapping[str, Series]) -> Series:
    used = set(NAMES.findall(expression))
    assert used <= set(known), used - set(known)
    assert len(known) <= 10
    periods = set.intersection(*(set(known[name]) for name in used))
    with np.errstate(all="ignore"):
        return {
            # Every branch is computed here, and a division by zero is in the one that is not taken.
            at: float(eval(expression, dict(FUNCTIONS), {name: np.float64(known[name][at]) for name in used}))
            for at in sorted(periods)
        }
