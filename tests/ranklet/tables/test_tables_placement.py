"""Places and their dollars, against sums done by hand from the prices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from ranklet import prices
from ranklet.model import Model, TableSource, Traffic
from ranklet.tables.placement import GB, MB, Placed, Site, decide, key_bytes, keys_read, read_units
from ranklet.tables.room import Room

SITE = Site(Traffic(requests_per_month=10_000_000), keys=500, package=100 * MB, memory=1000 * MB)


def _source(**fields: Any) -> TableSource:
    return TableSource(vectors="v", keys="k", **fields)


def _decide(megabytes: float, site: Site = SITE, **fields: Any) -> Placed:
    """A table of so many MB with rows of 256 bytes and integer keys."""
    rows = round(megabytes * MB / 264)
    return decide(_source(**fields), site, rows=rows, row_bytes=256, key_bytes=8 * rows)


def test_five_hundred_single_reads_cost_what_the_price_list_says() -> None:
    found = _decide(50)
    reads = 500 * 0.5 * 0.125  # units of half a unit, at 0.125 dollars a million
    storage = found.bytes / GB * 0.25 / 10
    assert found.dollars["dynamodb"] == pytest.approx(reads + storage)
    assert reads == 31.25


def test_a_resident_table_costs_its_share_of_memory() -> None:
    assert _decide(50).dollars["resident"] == pytest.approx(50 * (296 / 264) / 1024 * 0.02 * 16.667, rel=1e-3)


@pytest.mark.parametrize(
    ("megabytes", "placed", "fetched"), [(50, "resident", False), (99, "resident", False), (101, "resident", True)]
)
def test_the_package_goes_first_and_a_snapshot_next(megabytes: float, placed: str, fetched: bool) -> None:
    found = _decide(megabytes)
    assert (found.placement, found.fetched) == (placed, fetched)


@pytest.mark.parametrize(
    ("site", "megabytes", "why"),
    [
        (SITE, 901, "of the function's memory 1000.0 MB are left for the 1010"),
        (SITE, 500, "a start would fetch it for 7 s"),
        (replace(SITE, memory=20_000 * MB, patient=True), 11_000, "larger than /tmp can be"),
    ],
)
def test_what_cannot_be_resident_goes_to_dynamodb_and_says_why(site: Site, megabytes: float, why: str) -> None:
    found = _decide(megabytes, site)
    assert (found.placement, found.fetched) == ("dynamodb", False)
    assert why in found.reason


def test_provisioned_functions_have_the_time_to_fetch_more() -> None:
    assert _decide(800, replace(SITE, patient=True)).fetched


def test_a_cold_start_pays_for_the_fetch() -> None:
    site = replace(SITE, memory_gb=2.0, package=0)
    found = _decide(300, site)
    start = found.bytes / (75 * MB) * 2 * 1.6667e-5 + 2 * 0.4e-6
    share = found.memory / GB * 0.02 * 16.667
    assert found.dollars["resident"] == pytest.approx(share + 10_000 * start + found.bytes / GB * 0.0023, rel=1e-9)


def test_a_table_read_rarely_stays_in_dynamodb() -> None:
    few = replace(SITE, keys=1, traffic=Traffic(requests_per_month=10_000_000, cache_hit_rate=0.99), package=0)
    found = _decide(400, few)
    assert found.placement == "dynamodb"
    assert found.dollars["dynamodb"] < found.dollars["resident"]
    assert "into /tmp, from a snapshot in S3 is possible" in found.reason


@pytest.mark.parametrize("placed", ["resident", "dynamodb"])
def test_model_toml_has_the_last_word_and_the_reason_still_weighs(placed: str) -> None:
    found = _decide(50, placement=placed)
    assert found.placement == placed
    assert "as model.toml says" in found.reason
    assert f"${found.dollars['resident']:.2f} resident, ${found.dollars['dynamodb']:.2f} from DynamoDB" in found.reason


def test_a_resident_table_above_the_memory_is_told_so() -> None:
    found = _decide(1001, placement="resident")
    assert found.placement == "resident"
    assert found.fetched
    assert "although of the function's memory 1000.0 MB are left for the 1122.3 MB" in found.reason


@pytest.mark.parametrize(
    ("row_bytes", "units"),
    [(256, 250.0), (4080, 250.0), (4090, 500.0), (9000, 750.0)],
)
def test_an_item_is_read_in_started_units_of_four_kilobytes(row_bytes: int, units: float) -> None:
    assert read_units(SITE, rows=10**6, page=1, row_bytes=row_bytes, key_bytes=8) == pytest.approx(units)


def test_pages_are_read_as_often_as_chance_touches_them() -> None:
    random = np.random.default_rng(1)
    rows, page, keys = 20_000, 15, 500
    touched = [len(np.unique(random.choice(rows, keys, replace=False) // page)) for _ in range(300)]
    expected = np.mean(touched) * 0.5
    found = read_units(replace(SITE, keys=keys), rows=rows, page=page, row_bytes=256, key_bytes=8)
    assert found == pytest.approx(expected, rel=0.01)


def test_more_keys_than_rows_read_every_row_once() -> None:
    assert read_units(replace(SITE, keys=5000), rows=100, page=1, row_bytes=64, key_bytes=8) == 50.0
    assert read_units(replace(SITE, keys=5000), rows=100, page=10, row_bytes=64, key_bytes=8) == 5.0


def test_a_table_without_rows_costs_no_reads() -> None:
    assert read_units(SITE, rows=0, page=1, row_bytes=64, key_bytes=8) == 0


MODEL = """
name = "towers"
steps = [{ format = "numpy", engine = "dot" }]
[inputs]
user_id = { side = "user", type = "int" }
seen = { side = "user", type = "int", list = true }
item_id = { side = "item", type = "int" }
like = { side = "item", type = "int", list = true }
[features]
"""


@pytest.mark.parametrize(
    ("features", "keys"),
    [
        ('a = { kind = "embedding", of = ["user_id"], options = { table = "t" } }', 1),
        ('a = { kind = "embedding", of = ["item_id"], options = { table = "t" } }', 200),
        ('a = { kind = "embedding", of = ["seen"], options = { table = "t" } }', 30),
        ('a = { kind = "embedding", of = ["seen"], options = { table = "t", length = 8 } }', 8),
        ('a = { kind = "embedding", of = ["like"], options = { table = "t", pool = "mean" } }', 6000),
        ('a = { kind = "embedding", of = ["item_id"], options = { table = "other" } }', 0),
        (
            'a = { kind = "embedding", of = ["item_id"], options = { table = "t" } }\n'
            'b = { kind = "embedding", of = ["seen"], options = { table = "t" } }',
            230,
        ),
    ],
)
def test_keys_of_a_request_follow_from_features_and_traffic(features: str, keys: float) -> None:
    text = MODEL + features + "\n[traffic]\ncandidates = 200\nlist_length = 30\n"
    assert keys_read(msgspec.toml.decode(text, type=Model), "t") == keys


def _model(**fields: Any) -> Model:
    return msgspec.structs.replace(msgspec.toml.decode(MODEL, type=Model), **fields)


def test_room_shrinks_with_every_resident_table() -> None:
    room = Room.of(_model(), artefacts=MB, onnx=False)
    assert room.after(30 * MB, 40 * MB, fetched=False) == Room(room.package - 30 * MB, room.memory - 40 * MB)
    assert room.after(30 * MB, 40 * MB, fetched=True) == Room(room.package, room.memory - 40 * MB)
    assert room.after(GB, GB, fetched=False) == Room(0, 0)


def test_onnxruntime_takes_room_of_package_and_memory() -> None:
    without, with_it = (Room.of(_model(), artefacts=MB, onnx=onnx) for onnx in (False, True))
    assert without.package - with_it.package == 38 * MB
    assert without.memory > with_it.memory


def test_prices_are_dated_and_of_one_region() -> None:
    known = prices.load()
    assert known.region == "us-east-1"
    assert len(known.date) == 7
    assert known.dynamodb.read_unit * 1e6 == 0.125


def test_an_arm_function_pays_less_for_memory() -> None:
    x86 = Room.of(_model(), artefacts=0, onnx=False).site(_model(), "t")
    function = msgspec.structs.replace(_model().function, architecture="arm64")
    arm = Room.of(_model(), artefacts=0, onnx=False).site(_model(function=function), "t")
    assert arm.gb_second < x86.gb_second


def test_text_keys_count_with_their_length_and_a_larger_index() -> None:
    source = _source(key="string")
    short, long = (
        decide(source, SITE, rows=100, row_bytes=8, key_bytes=key_bytes(["x" * size] * 100)) for size in (50, 80)
    )
    assert long.bytes - short.bytes == 100 * 30
    numbers = decide(_source(), SITE, rows=100, row_bytes=8, key_bytes=key_bytes(np.arange(100)))
    assert (numbers.memory - numbers.bytes, short.memory - short.bytes) == (3_200, 15_000)
