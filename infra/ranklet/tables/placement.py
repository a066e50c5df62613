"""Where a table is read: with the package, from a snapshot in /tmp, or in DynamoDB; decided by room and by dollars.

    resident    the rows are mapped from a file: in the package while the 250 MB last, else fetched from S3 into /tmp
                when an environment starts. Costs its share of the function's memory, and the time of the fetch.
    dynamodb    rows are read as requests name them. Costs read units, and storage.

`auto` takes the cheaper one of those that fit. Costs are per million requests; what traffic is not known is assumed,
and the reason says all figures that decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet import prices
from ranklet.model import Model, TableSource, Traffic
from ranklet_features.spec import Placement

MB = 1 << 20
GB = 1 << 30

REQUEST_S = 0.02
"""How long a request holds the function's memory: a ranker of some hundred candidates."""

COLD_SHARE = 0.01
"""Requests that start an environment: what AWS reports of production functions is below this."""

FETCH_BYTES_S = 75 * MB
"""From S3 to /tmp, one function with 1 GB: about what its network share gives."""

FETCH_S = 6.0
"""Of the 10 s that INIT may take on demand; the rest is for Python and the model."""

PATIENT_S = 110.0
"""Of the 130 s that INIT may take with provisioned concurrency or SnapStart: a function's timeout, where it is longer.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"""

TMP_BYTES = 10 * GB
"""The largest /tmp."""

INT_INDEX, TEXT_INDEX = 32, 150
"""Bytes a row, at most and about, of the index by key: measured on `ranklet_features.stores.indexes`."""

READ_BYTES, READ_UNITS = 4096, 0.5
"""An eventually consistent read takes half a unit for every started 4 KB of an item."""


@dataclass(frozen=True)
class Site:
    """What a table's place depends on besides its rows.

    keys: keys that a request reads of it. package and memory: bytes that are still free for resident tables, in the
    package and in the function's memory. memory_gb: the function's memory. patient: whether nobody waits
    for a start. tmp: what /tmp can hold.
    """

    traffic: Traffic = field(default_factory=Traffic)
    keys: float = 1.0
    package: int = 128 * MB
    memory: int = 768 * MB
    memory_gb: float = 1.0
    gb_second: float = 1.6667e-5
    patient: bool = False
    tmp: int = TMP_BYTES


ANYWHERE = Site()


@dataclass(frozen=True)
class Placed:
    """The decision. dollars: per million requests, by placement. fetched: resident, but not in the package.

    bytes: of rows and keys as files. memory: those and the index that a resident table makes of its keys.
    """

    placement: Placement
    fetched: bool
    reason: str
    bytes: int
    memory: int
    dollars: dict[str, float]


def decide(source: TableSource, site: Site, *, rows: int, row_bytes: int, key_bytes: int) -> Placed:
    """Place a table of `rows` packed rows of `row_bytes`; what model.toml says goes before what is cheap.

    key_bytes: of all keys, as `key_bytes` counts them.
    """
    size = rows * row_bytes + key_bytes
    memory = size + rows * (INT_INDEX if source.key == "int" else TEXT_INDEX)
    fetched = size > site.package
    units = read_units(site, rows=rows, page=source.page, row_bytes=row_bytes, key_bytes=key_bytes / max(rows, 1))
    dollars = {
        "resident": _resident_dollars(site, size, memory, fetched),
        "dynamodb": _dynamodb_dollars(site, size, units),
    }
    hurdle = _hurdle(site, size, memory, fetched)
    chosen: Placement
    if source.placement != "auto":
        chosen, why = source.placement, "as model.toml says"
        if chosen == "resident" and hurdle:
            why += f", although {hurdle}"
    elif hurdle:
        chosen, why = "dynamodb", hurdle
    else:
        chosen = "resident" if dollars["resident"] <= dollars["dynamodb"] else "dynamodb"
        why = f"{_way(fetched)} is possible" if chosen == "dynamodb" else f"it fits {_way(fetched)}"
    fetched = fetched and chosen == "resident"
    return Placed(chosen, fetched, _account(site, size, units, dollars, why), size, memory, dollars)


def keys_read(model: Model, table: str) -> float:
    """How many keys of a table a request reads, by the features that read it and the traffic that is expected."""
    total = 0.0
    for feature in model.features.values():
        if feature.kind != "embedding" or feature.options.get("table") != table or not feature.of:
            continue
        declared = model.inputs.get(feature.of[0])
        if declared is None:
            continue
        length = feature.options.get("length")
        each = min(model.traffic.list_length, float(length or np.inf)) if declared.list else 1.0
        total += each * (model.traffic.candidates if declared.side == "item" else 1)
    return total


def read_units(site: Site, *, rows: int, page: int, row_bytes: int, key_bytes: float) -> float:
    """Read units of a request: distinct keys that no cache holds, spread evenly over the table's pages.

    A page of p neighbouring rows is read when at least one of its rows is wanted: of n / p pages, all but the share
    (1 - k / n) ** p.
    """
    if not rows:
        return 0.0
    wanted = min(site.keys * (1 - site.traffic.cache_hit_rate), rows)
    items = ceil(rows / page) * (1 - (1 - wanted / rows) ** page)
    value = row_bytes if page == 1 else 2 + page * (2 + row_bytes)
    return float(items * READ_UNITS * ceil((value + key_bytes + len("kv")) / READ_BYTES))


def key_bytes(keys: NDArray[Any] | Sequence[str]) -> int:
    """What a table's keys take as a file."""
    if isinstance(keys, np.ndarray):
        return int(keys.nbytes)
    return sum(map(len, keys)) + 3 * len(keys)


def _hurdle(site: Site, size: int, memory: int, fetched: bool) -> str | None:
    """Why a table cannot well be resident; None where it can."""
    if memory > site.memory:
        return (
            f"of the function's memory {_mb(site.memory)} are left for the {_mb(memory)} that it takes with its index"
        )
    if fetched and size > site.tmp:
        return "it is larger than /tmp can be"
    seconds = size / FETCH_BYTES_S
    if fetched and seconds > (PATIENT_S if site.patient else FETCH_S):
        return f"the package has {_mb(site.package)} left for it, and a start would fetch it for {seconds:.0f} s"
    return None


def _resident_dollars(site: Site, size: int, memory: int, fetched: bool) -> float:
    share = memory / GB * REQUEST_S * site.gb_second * 1e6
    if not fetched:
        return share
    known = prices.load()
    start = size / FETCH_BYTES_S * site.memory_gb * site.gb_second + 2 * known.s3.get
    storage = size / GB * known.s3.storage_gb_month
    return share + COLD_SHARE * 1e6 * start + storage * 1e6 / site.traffic.requests_per_month


def _dynamodb_dollars(site: Site, size: int, units: float) -> float:
    known = prices.load()
    storage = size / GB * known.dynamodb.storage_gb_month
    return units * known.dynamodb.read_unit * 1e6 + storage * 1e6 / site.traffic.requests_per_month


def _account(site: Site, size: int, units: float, dollars: dict[str, float], why: str) -> str:
    hits = f", {site.traffic.cache_hit_rate:.0%} of them cached" if site.traffic.cache_hit_rate else ""
    return (
        f"{_mb(size)}, {why}; per million requests ${dollars['resident']:.2f} resident, "
        f"${dollars['dynamodb']:.2f} from DynamoDB ({site.keys:g} keys a request{hits}, {units:.4g} read units)"
    )


def _way(fetched: bool) -> str:
    return "into /tmp, from a snapshot in S3" if fetched else "into the package"


def _mb(size: int) -> str:
    return f"{size / MB:.1f} MB"
