"""Each choice and what it costs a month, by what the dollars are for.

Formulas are those of the services' price pages: duration and requests for Lambda; reserved seconds beside computed ones
for provisioned concurrency; kept and restored gigabytes for SnapStart; requests in started 512 KB for API Gateway; half
a unit per started 4 KB for an eventually consistent read of DynamoDB. Concurrency is Little's law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from ranklet.estimate.usage import HOURS, Usage
from ranklet.prices import Prices
from ranklet.tables.placement import READ_BYTES, READ_UNITS
from ranklet_features.spec import Table

UTILISATION = 0.7
"""Of provisioned environments and of instances: what is above scales them up."""
METERED_BYTES = 512 * 1024
MONTH_S = HOURS * 3600
VCPUS = 2
"""Of ml.c5.large."""
SERVERLESS_MB = (1024, 2048, 3072, 4096, 5120, 6144)
GB = 1024**3
ITEM_BYTES = 110
"""What a stored row takes besides its numbers: names of attributes, key, DynamoDB's own."""
WIDTHS = {"f32": 4, "f16": 2, "int8": 1}


@dataclass(frozen=True)
class Way:
    """A choice. dollars: a month, by what for. note: what it rests on."""

    name: str
    dollars: Mapping[str, float]
    note: str = ""

    @property
    def total(self) -> float:
        """Dollars a month."""
        return sum(self.dollars.values())


@dataclass(frozen=True)
class Reads:
    """What a request reads of one table: keys, as they are asked for."""

    table: Table
    keys: float

    def units(self, hit_rate: float) -> float:
        """Read units of a request."""
        return self.keys * (1 - hit_rate) * READ_UNITS * ceil(self.row_bytes / READ_BYTES)

    @property
    def row_bytes(self) -> int:
        """Of an item in DynamoDB."""
        return self.table.dim * WIDTHS[self.table.dtype] + ITEM_BYTES


def compute(usage: Usage, prices: Prices, *, reads: bool, count: int = 0) -> list[Way]:
    """On demand, provisioned and SnapStart. count: of provisioned environments; 0 for what the traffic needs."""
    seconds = usage.duration_s(reads=reads)
    worked = usage.requests * seconds * usage.memory_gb
    per_second = prices.lambda_.arm64_gb_second if usage.architecture == "arm64" else prices.lambda_.x86_64_gb_second
    asked = {"requests": usage.requests * prices.lambda_.request}
    starts = usage.requests * usage.cold_share
    environments = max(count, _whole(usage.rps * seconds / UTILISATION))
    reserved = environments * MONTH_S * usage.memory_gb * prices.lambda_.provisioned_gb_second
    cached = MONTH_S * usage.memory_gb * prices.lambda_.snapstart_gb_second
    return [
        Way(
            "on demand",
            {
                **asked,
                "duration": worked * per_second,
                "starts": starts * usage.init_ms / 1000 * usage.memory_gb * per_second,
            },
            f"{usage.cold_share:.2%} of requests start an environment",
        ),
        Way(
            "provisioned",
            {**asked, "duration": worked * prices.lambda_.provisioned_duration_gb_second, "reserved": reserved},
            f"{environments} environments, {usage.rps * seconds:.2g} busy at once",
        ),
        Way(
            "snapstart",
            {
                **asked,
                "duration": worked * per_second,
                "snapshot": cached,
                "restores": starts * usage.memory_gb * prices.lambda_.snapstart_restore_gb,
            },
            "one version's snapshot is kept",
        ),
    ]


def _whole(number: float) -> int:
    """The next whole number, at least one; what is above one by rounding alone is not."""
    return max(1, ceil(number - 1e-9))


def api(usage: Usage, prices: Prices) -> list[Way]:
    """HTTP API, REST API, function URL."""
    metered = usage.requests * max(1, ceil((usage.request_bytes + usage.answer_bytes) / METERED_BYTES))
    return [
        Way("HTTP API", {"requests": metered * prices.api.http}),
        Way("REST API", {"requests": usage.requests * prices.api.rest}),
        Way("function URL", {"requests": 0.0}),
    ]


def rows(usage: Usage, prices: Prices, reads: Sequence[Reads]) -> list[Way]:
    """The embedding rows: in memory, or read from DynamoDB but for what the cache knows."""
    if not reads:
        return []
    units = sum(one.units(usage.hit_rate) for one in reads)
    stored = sum(one.table.rows * one.row_bytes for one in reads) / GB
    dynamo = prices.dynamodb
    return [
        Way("resident", {"rows": 0.0}, "the function's memory holds them, which is paid for already"),
        Way(
            "dynamodb",
            {"read units": usage.requests * units * dynamo.read_unit, "storage": stored * dynamo.storage_gb_month},
            f"{units:.4g} read units a request at {usage.hit_rate:.0%} hits",
        ),
    ]


def sagemaker(usage: Usage, prices: Prices) -> list[Way]:
    """The same work on SageMaker's endpoints: instances that run all month, and serverless ones."""
    instances = _whole(usage.rps * usage.busy_ms / 1000 / (VCPUS * UTILISATION))
    memory = next((size for size in SERVERLESS_MB if size >= usage.memory_mb), SERVERLESS_MB[-1])
    seconds = usage.busy_ms / 1000
    moved = usage.requests * (usage.request_bytes + usage.answer_bytes) / GB
    return [
        Way(
            "SageMaker real-time",
            {"instances": instances * HOURS * prices.sagemaker.ml_c5_large_hour},
            f"{instances} × ml.c5.large, no standby",
        ),
        Way(
            "SageMaker serverless",
            {
                "duration": usage.requests * seconds * memory / 1024 * prices.sagemaker.serverless_gb_second,
                "data": moved * prices.sagemaker.serverless_gb,
            },
            f"{memory} MB; cold starts are not billed here, and take seconds",
        ),
    ]
