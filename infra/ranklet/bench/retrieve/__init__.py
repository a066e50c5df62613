"""What finding items costs: an inverted file in NumPy beside exact search, faiss and usearch, and what it finds.

data.py      vectors: clustered, of real people, isotropic      sets.py       an index of each, kept for the next run
speed.py     searches of 100k and 1M items, interleaved         peers.py      faiss and usearch, where they are
peer_faiss.py, peer_usearch.py   their side                     footprint.py  loading, and memory
"""

from __future__ import annotations

from datetime import UTC, datetime

from ranklet.bench import base, machine
from ranklet.bench.base import Progress, Report, Setting
from ranklet.bench.retrieve import footprint, speed

PARTS = (speed.measure, footprint.measure)
PACKAGES = ("numpy",)


def run(setting: Setting, progress: Progress) -> Report:
    """Measure every part. Raises BenchError where an answer was wrong."""
    described = machine.describe(PACKAGES)
    setting.folder.mkdir(parents=True, exist_ok=True)
    found = [part(setting, progress) for part in PARTS]
    return Report(
        rows=[row for part in found for row in part.rows],
        noisy=base.noisy([control for part in found for control in part.controls]),
        machine=described,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )
