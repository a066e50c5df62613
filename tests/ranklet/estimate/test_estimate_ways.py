"""Dollars by the services' own rules, worked by hand from prices that are easy to multiply."""

from __future__ import annotations

import msgspec
import pytest

from ranklet import prices
from ranklet.estimate import ways
from ranklet.estimate.usage import HOURS, Usage
from ranklet.estimate.ways import Reads, Way
from ranklet_features.spec import Table

PRICES = msgspec.structs.replace(
    prices.load(),
    lambda_=prices.LambdaPrices(
        x86_64_gb_second=1e-5,
        arm64_gb_second=8e-6,
        request=2e-7,
        provisioned_gb_second=4e-6,
        provisioned_duration_gb_second=1e-5,
        snapstart_gb_second=1e-6,
        snapstart_restore_gb=1e-4,
    ),
    api=prices.ApiPrices(http=1e-6, rest=3.5e-6),
    sagemaker=prices.SageMakerPrices(ml_c5_large_hour=0.1, serverless_gb_second=2e-5, serverless_gb=0.016),
)
MONTH_S = HOURS * 3600
USAGE = Usage(
    rps=100, candidates=500, hit_rate=0.75, busy_ms=7.0, memory_mb=2048, architecture="x86_64", cold_share=0.001,
    init_ms=500,
)  # fmt: skip
REQUESTS = 100 * MONTH_S


def by_name(found: list[Way]) -> dict[str, Way]:
    return {way.name: way for way in found}


def test_on_demand_pays_requests_seconds_and_starts() -> None:
    way = by_name(ways.compute(USAGE, PRICES, reads=False))["on demand"]
    assert way.dollars["requests"] == pytest.approx(REQUESTS * 2e-7)
    assert way.dollars["duration"] == pytest.approx(REQUESTS * 0.007 * 2 * 1e-5)
    assert way.dollars["starts"] == pytest.approx(REQUESTS * 0.001 * 0.5 * 2 * 1e-5)


def test_waiting_for_dynamodb_is_billed() -> None:
    assert USAGE.duration_s(reads=True) == pytest.approx(0.007 + 0.005)


def test_a_function_with_half_a_vcpu_computes_twice_as_long() -> None:
    small = msgspec.convert({**vars_of(USAGE), "memory_mb": 1769 // 2}, Usage)
    assert small.duration_s(reads=False) == pytest.approx(0.014, rel=1e-3)


def test_arm_has_a_price_of_its_own() -> None:
    arm = msgspec.convert({**vars_of(USAGE), "architecture": "arm64"}, Usage)
    ours, theirs = (ways.compute(one, PRICES, reads=False)[0].dollars["duration"] for one in (arm, USAGE))
    assert ours == pytest.approx(theirs * 0.8)


@pytest.mark.parametrize(("given", "wanted"), [(0, 1), (5, 5)])
def test_provisioned_reserves_all_month_what_the_traffic_needs(given: int, wanted: int) -> None:
    # 100 requests a second of 7 ms keep 0.7 environments busy, which is one at 70 %.
    way = by_name(ways.compute(USAGE, PRICES, reads=False, count=given))["provisioned"]
    assert way.dollars["reserved"] == pytest.approx(wanted * MONTH_S * 2 * 4e-6)
    assert way.note.startswith(f"{wanted} environments")


def test_snapstart_keeps_a_snapshot_and_restores_it() -> None:
    way = by_name(ways.compute(USAGE, PRICES, reads=False))["snapstart"]
    assert way.dollars["snapshot"] == pytest.approx(MONTH_S * 2 * 1e-6)
    assert way.dollars["restores"] == pytest.approx(REQUESTS * 0.001 * 2 * 1e-4)


@pytest.mark.parametrize(("size", "metered"), [(0, 1), (512 * 1024, 1), (512 * 1024 + 1, 2)])
def test_an_http_api_meters_started_half_megabytes(size: int, metered: int) -> None:
    usage = msgspec.convert({**vars_of(USAGE), "request_bytes": size}, Usage)
    found = by_name(ways.api(usage, PRICES))
    assert found["HTTP API"].total == pytest.approx(REQUESTS * metered * 1e-6)
    assert found["REST API"].total == pytest.approx(REQUESTS * 3.5e-6)
    assert found["function URL"].total == 0


def test_rows_in_dynamodb_cost_half_a_unit_a_started_4_kb_that_no_cache_knows() -> None:
    small = Reads(Table(name="t", physical="p", version="1", key="int", dim=64, rows=10), 500)
    large = Reads(Table(name="u", physical="q", version="1", key="int", dim=1024, rows=10), 1)
    assert (small.units(0.75), large.units(0)) == (62.5, 1.0)
    way = by_name(ways.rows(USAGE, PRICES, [small]))["dynamodb"]
    assert way.dollars["read units"] == pytest.approx(REQUESTS * 62.5 * PRICES.dynamodb.read_unit)
    assert ways.rows(USAGE, PRICES, []) == []


def test_sagemaker_runs_instances_for_the_work_and_bills_serverless_memory_in_steps() -> None:
    busy = msgspec.convert({**vars_of(USAGE), "rps": 1000.0, "memory_mb": 1500}, Usage)
    found = by_name(ways.sagemaker(busy, PRICES))
    # 7 vCPUs are busy; instances of two, at 70 %: five.
    assert found["SageMaker real-time"].total == pytest.approx(5 * HOURS * 0.1)
    assert found["SageMaker serverless"].dollars["duration"] == pytest.approx(10 * REQUESTS * 0.007 * 2 * 2e-5)


def vars_of(usage: Usage) -> dict[str, object]:
    return {name: getattr(usage, name) for name in usage.__dataclass_fields__}
