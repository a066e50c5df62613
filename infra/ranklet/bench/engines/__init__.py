"""What scoring costs: imported models against the libraries that trained them, NumPy engines against onnxruntime.
Models from Java's world through the whole handler, against Java's scorers.

trees.py     imported models, as a build ships them     peers.py       the libraries, each in its own process
arrays.py    NumPy engines and the same as graphs       peer_models.py what runs there
handlers.py  PMML and MOJO, a request through the handler   java_models.py JPMML and H2O there
pmml_files.py the PMML files, and the records
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ranklet.bench import base, machine
from ranklet.bench.base import Progress, Report, Setting
from ranklet.bench.engines import arrays, handlers, trees

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Of libraries that are not imported yet, and of processes that are not started yet."""

PARTS = (trees.measure, arrays.measure, handlers.measure)
PACKAGES = ("numpy", "onnxruntime")


def run(setting: Setting, progress: Progress) -> Report:
    """Measure every part. Raises BenchError where an answer was wrong."""
    described = machine.describe(PACKAGES)
    setting.folder.mkdir(parents=True, exist_ok=True)
    with one_thread():
        found = [part(setting, progress) for part in PARTS]
    return Report(
        rows=[row for part in found for row in part.rows],
        noisy=base.noisy([control for part in found for control in part.controls]),
        machine=described,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """As in a function of one vCPU."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ |= dict.fromkeys(THREADS, "1")
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value
