"""A model's account: every choice, what model.toml chose, and what the whole costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ranklet.estimate import ways
from ranklet.estimate.usage import Usage
from ranklet.estimate.ways import Reads, Way
from ranklet.model import Model
from ranklet.prices import Prices
from ranklet.tables.placement import keys_read
from ranklet_runtime.manifest import Manifest

KINDS = {"none": "on demand", "provisioned": "provisioned", "snapstart": "snapstart"}
"""[warmth] kind → the way it is here."""
APIS = {"http": "HTTP API", "rest": "REST API", "url": "function URL"}
"""[api] kind → the way it is here."""
FACTORS = (0.1, 0.5, 1.0, 2.0, 10.0)


@dataclass(frozen=True)
class Account:
    """Ways to compute, to be reached and to hold rows, and SageMaker beside; chosen: the names as model.toml has it."""

    usage: Usage
    compute: Sequence[Way]
    api: Sequence[Way]
    rows: Sequence[Way]
    others: Sequence[Way]
    chosen: Sequence[str]

    @property
    def total(self) -> float:
        """Dollars a month as model.toml has it."""
        return sum(way.total for way in (*self.compute, *self.api, *self.rows) if way.name in self.chosen)


def account(model: Model, manifest: Manifest, usage: Usage, prices: Prices) -> Account:
    """All choices of a model under some usage."""
    reads = [
        Reads(table, asked) for name, table in manifest.spec.tables.items() if (asked := _keys(model, name, usage))
    ]
    away = any(one.table.placement == "dynamodb" for one in reads)
    chosen = [KINDS[model.warmth.kind], APIS[model.api.kind]]
    if reads:
        chosen.append("dynamodb" if away else "resident")
    return Account(
        usage,
        ways.compute(usage, prices, reads=away, count=model.warmth.count),
        ways.api(usage, prices),
        ways.rows(usage, prices, [one for one in reads if not away or one.table.placement == "dynamodb"]),
        ways.sagemaker(usage, prices),
        chosen,
    )


def _keys(model: Model, table: str, usage: Usage) -> float:
    """Keys that a request reads of a table; of an item table that a split made, one a candidate."""
    expected = _expecting(model, usage)
    if table in model.tables:
        return keys_read(expected, table)
    return float(usage.candidates)


def _expecting(model: Model, usage: Usage) -> Model:
    """The model with the number of candidates that is asked about."""
    traffic = msgspec.structs.replace(model.traffic, candidates=float(usage.candidates))
    return msgspec.structs.replace(model, traffic=traffic)


def sensitivity(model: Model, manifest: Manifest, usage: Usage, prices: Prices) -> list[tuple[str, list[float]]]:
    """What is varied → the total a month at FACTORS of it, all else as it is."""
    varied: dict[str, Callable[[float], Usage]] = {
        "requests a second": lambda by: replace(usage, rps=usage.rps * by),
        "milliseconds a request": lambda by: replace(usage, busy_ms=usage.busy_ms * by),
        "keys that no cache knows": lambda by: replace(usage, hit_rate=max(0.0, 1 - (1 - usage.hit_rate) * by)),
        "memory": lambda by: replace(usage, memory_mb=min(10_240, max(128, round(usage.memory_mb * by)))),
    }
    return [
        (name, [account(model, manifest, change(factor), prices).total for factor in FACTORS])
        for name, change in varied.items()
    ]


def document(found: Account, table: list[tuple[str, list[float]]], prices: Prices) -> dict[str, Any]:
    """The JSON form."""

    def told(one: Way) -> dict[str, Any]:
        per_million = one.total / found.usage.requests * 1e6
        return {
            "name": one.name,
            "chosen": one.name in found.chosen,
            "month": one.total,
            "per_million": per_million,
            "dollars": dict(one.dollars),
            "note": one.note,
        }

    return {
        "month": found.total,
        "per_million": found.total / found.usage.requests * 1e6,
        "requests": found.usage.requests,
        "busy_ms": found.usage.busy_ms,
        "compute": list(map(told, found.compute)),
        "api": list(map(told, found.api)),
        "rows": list(map(told, found.rows)),
        "others": list(map(told, found.others)),
        "sensitivity": {name: dict(zip(map(str, FACTORS), values, strict=True)) for name, values in table},
        "prices": {"date": prices.date, "region": prices.region},
    }
