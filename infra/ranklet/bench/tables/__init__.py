"""What embedding tables cost: reads over the network, reads in memory, read units and dollars, memory.

reads.py    client CPU against boto3 and Feast     servers.py, serving.py  the endpoint they read
                                                   feast.py, peer_feast.py Feast in its own environment
dollars.py  a request of 500 candidates against boto3, item by item
memory.py   cached and resident rows               data.py                 invented tables and requests
"""

from __future__ import annotations

from datetime import UTC, datetime

from ranklet.bench import base, machine
from ranklet.bench.base import Progress, Report, Setting
from ranklet.bench.tables import dollars, footprint, memory, reads, units

PARTS = (reads.measure, memory.measure, units.measure, dollars.measure, footprint.measure)
PACKAGES = ("numpy", "orjson", "boto3", "botocore")


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
