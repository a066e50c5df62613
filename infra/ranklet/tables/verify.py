"""Compare a version with the rows that a build staged: by count, and by a sample or all of the items.

Rows that an upsert wrote carry a revision: they are meant to differ, and are counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.items import Numbered
from ranklet.tables import readback, scan, snapshots_there, whole
from ranklet.tables import snapshot as snapshots
from ranklet.tables.loader import Progress
from ranklet.tables.scan import Stored
from ranklet_features.spec import Table
from ranklet_features.stores.keys import RESERVED

SHOWN = 20
"""Keys that are named of each kind of fault."""


@dataclass
class Verified:
    """What a comparison found. items: staged. counted: in the table now. compared: byte for byte.

    absent: staged and not there. different: there with other bytes. unknown: there and not staged, by nobody's upsert
    (looked for when all items are read, or when the counts differ). upserted: rows of an upsert that were met.
    """

    physical: str
    items: int
    counted: int = 0
    compared: int = 0
    absent: int = 0
    different: int = 0
    unknown: int = 0
    upserted: int = 0
    keys: dict[str, list[str]] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether the version is what was staged."""
        return not (self.absent or self.different or self.unknown)

    def fault(self, kind: str, key: str) -> None:
        """Count a fault, and name its key while there are few."""
        setattr(self, kind, getattr(self, kind) + 1)
        shown = self.keys.setdefault(kind, [])
        if len(shown) < SHOWN:
            shown.append(key)


@dataclass(frozen=True)
class Shelved:
    """What a look at a snapshot found. wrong: files that are absent or other ones."""

    physical: str
    files: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether the snapshot is what was staged."""
        return not self.wrong


def snapshot(table: Table, client: Any, bucket: str, *, all_bytes: bool = False) -> Shelved:
    """Look at the files of a table that is fetched. all_bytes: read them, not only what their upload noted.

    table: as a bundle pins it. client: boto3's for S3. Raises TableError where S3 refuses.
    """
    pinned = table.snapshot or {}
    wrong = snapshots.missing(table.physical, pinned, client, bucket)
    if all_bytes:
        there = [name for name in pinned if name not in wrong]
        wrong += [
            name for name in there if snapshots_there.digest(client, bucket, table.physical, name) != pinned[name]
        ]
    return Shelved(table.physical, tuple(sorted(pinned)), tuple(sorted(wrong)))


def verify(
    items: Numbered, *, client: Any, progress: Progress, sample: int = readback.SAMPLE, all_items: bool = False
) -> Verified:
    """Compare the table with its staged items. progress counts items.

    Raises TableError for a table that is absent, not whole or another one.
    """
    physical = items.table.physical
    if not whole.is_whole(client, items.table):
        raise TableError(
            f"{physical} is absent or not whole: it has no row {RESERVED}, so no function reads it; run "
            "`ranklet tables push`"
        )
    found = Verified(physical, len(items))
    if not all_items:
        found.counted = scan.count(client, physical) - 1
    if all_items or found.counted != len(items):
        _all(items, found, client, progress)
    else:
        _some(items, items.sample(sample), found, client, progress)
    return found


def _some(items: Numbered, numbers: Sequence[int], found: Verified, client: Any, progress: Progress) -> None:
    done = 0
    for wanted in readback.batches(items, numbers):
        there = readback.stored(client, found.physical, list(wanted))
        for key, value in wanted.items():
            _compare(key, value, there.get(key), found)
        done += len(wanted)
        progress(done, len(numbers))
    found.compared = done


def _all(items: Numbered, found: Verified, client: Any, progress: Progress) -> None:
    """Read the whole table in its own order; a bit for each staged item tells at the end which were not met."""
    met: NDArray[np.bool_] = np.zeros(len(items), bool)
    found.counted = found.compared = 0
    for there in scan.items(client, found.physical, consistent=True):
        if there.key == RESERVED:
            continue
        found.counted += 1
        number = items.find(there.key)
        if number is not None:
            met[number] = True
            _compare(there.key, items.value(number), there, found)
            found.compared += 1
        elif there.revision is None:
            found.fault("unknown", there.key)
        else:
            found.upserted += 1
        if not found.counted % 1000:
            progress(min(found.counted, len(items)), len(items))
    for place in np.flatnonzero(~met).tolist():
        found.fault("absent", items.key(place))
    progress(len(items), len(items))


def _compare(key: str, value: bytes, there: Stored | None, found: Verified) -> None:
    if there is None:
        found.fault("absent", key)
    elif there.revision is not None:
        found.upserted += 1
    elif there.value != value:
        found.fault("different", key)
