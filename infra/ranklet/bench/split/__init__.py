"""What splitting a graph buys: a request as it ships against the uncut graph, per model and number of candidates.

models.py  the architectures, written without a trainer's library    requests.py  both ways of a request
net.py     writes a graph node by node
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from ranklet.bench import base, machine
from ranklet.bench.base import Found, Progress, Report, Row, Setting
from ranklet.bench.split.models import MODELS
from ranklet.bench.split.requests import CONTROL, SHIPPED, UNCUT, Ways, compiled

NUMBERS, QUICK = (1, 100, 500, 2000), (1, 500)
LONG = ("neural-cf", "bst", "mmoe", "deepfm")
"""What a quick run leaves out: what the others show already, or what ships uncut."""

SLOW = 0.02
"""Seconds: where a call takes longer, a round has fewer turns."""

PACKAGES = ("numpy", "onnx", "onnx-ir", "onnxruntime")


class Fewer(Setting):
    """As many rounds of fewer turns."""

    @property
    def turns(self) -> int:
        return 1 if self.quick else 3


def run(setting: Setting, progress: Progress) -> Report:
    """Compile every model, then time it. Raises BenchError where a split's scores are not the uncut graph's."""
    described = machine.describe(PACKAGES)
    found = [measure(name, setting, progress) for name in MODELS if not (setting.quick and name in LONG)]
    return Report(
        rows=[row for part in found for row in part.rows],
        noisy=base.noisy([control for part in found for control in part.controls]),
        machine=described,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def measure(name: str, setting: Setting, progress: Progress) -> Found:
    """All figures of one model. controls: the uncut graph over itself, per number of candidates."""
    numbers = QUICK if setting.quick else NUMBERS
    progress(f"{name}: compile ({MODELS[name].about})")
    ways = compiled(MODELS[name], numbers)
    progress(f"{name}: ships {ways.shipped}: {ways.reason}")
    rows, controls = [], []
    for n in numbers:
        row, control = _timed(name, ways, n, setting)
        rows.append(row)
        controls.append(control)
    rows.append(base.row(f"{name}-control", np.concatenate(controls), n=None, unit="ratio", peer=UNCUT))
    rows.append(Row(f"{name}-record", None, float(ways.record), "bytes", None))
    rows.append(Row(f"{name}-uncut-below", None, float(ways.below), "candidates", None))
    rows.append(Row(f"{name}-rest", None, float(ways.extra), "bytes", None))
    rows.append(Row(f"{name}-rest-opens", None, ways.opens_ms, "ms", None))
    return Found(rows, controls)


def _timed(name: str, ways: Ways, n: int, setting: Setting) -> tuple[Row, NDArray[np.float64]]:
    samples, seconds = ways.at(n)
    taken = base.interleaved(
        samples, Fewer(setting.folder, setting.quick, setting.install_peers) if seconds > SLOW else setting
    )
    uncut, control = taken[UNCUT], taken[CONTROL] / taken[UNCUT]
    if ways.shipped == UNCUT:
        return Row(name, n, 1.0, "speedup", None, UNCUT), control
    return base.row(name, uncut / taken[SHIPPED], n=n, unit="speedup", peer=UNCUT), control
