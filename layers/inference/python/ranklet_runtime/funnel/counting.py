"""What each stage took, for the metrics: milliseconds of each request, with the dimension `stage` beside `model`.

StageLatency (milliseconds), Late, Failed, Unscored (candidates that it did not score); of these, only what is not 0
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ranklet_runtime.funnel.messages import Report
from ranklet_runtime.funnel.plan import Plan
from ranklet_runtime.telemetry import MOST_VALUES, Telemetry, metric


class StageTimes:
    """Counts since the last flush of the telemetry that writes them."""

    def __init__(self, plan: Plan, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._ms: dict[str, list[float]] = {stage.name: [] for stage in plan.stages}
        self._counts: dict[str, Counter[str]] = {stage.name: Counter() for stage in plan.stages}
        telemetry.writers.append(self._write)

    def add(self, reports: Sequence[Report]) -> None:
        """Count what the stages did for a request."""
        for one in reports:
            self._ms[one.name].append(one.ms)
            unscored = 0 if one.count_in is None else one.count_in - one.scored
            if one.late or one.failed or unscored:
                told = {"Late": int(one.late), "Failed": int(one.failed is not None), "Unscored": unscored}
                self._counts[one.name].update({name: count for name, count in told.items() if count})

    def _write(self) -> None:
        for stage, taken in self._ms.items():
            if taken:
                counts = {name: metric("Count", [float(n)]) for name, n in self._counts[stage].items()}
                latency = metric("Milliseconds", taken[:MOST_VALUES])
                self._telemetry.put({"StageLatency": latency, **counts}, stage=stage)
            taken.clear()
            self._counts[stage].clear()
