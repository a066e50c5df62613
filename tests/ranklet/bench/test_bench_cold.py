"""The bench of cold starts: what it builds, checks and weighs. Times are nobody's business here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet.bench import cold
from ranklet.bench.cold import models, places, weights
from ranklet.bench.cold.models import Kind
from ranklet.errors import BenchError
from ranklet.local.runtime_client import base_python, runtime_folder
from ranklet.packaging import layers
from ranklet.packaging.targets import host_target
from ranklet.startup.account import account
from ranklet.startup.starting import start

BUILD = layers.SOURCES.parent / ".build"


@pytest.fixture(scope="module")
def home() -> places.Home:
    """This machine's own interpreter and layers: they are here, and need no other Python."""
    built = {name: layers.build(name, host_target(), BUILD / "layers") for name in layers.NAMES}
    version = ".".join(map(str, sys.version_info[:3]))
    return places.Home(
        base_python(), version, host_target(), runtime_folder(BUILD / "runtime"), BUILD / "layers", built
    )


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cold")


@pytest.fixture(scope="module")
def kinds(scratch: Path) -> Any:
    with models.built(scratch, lambda what: None) as built:
        yield built


@pytest.mark.parametrize("name", cold.KINDS)
def test_each_kind_starts_with_its_layers_alone_and_answers_right(
    name: str, home: places.Home, kinds: dict[str, Kind]
) -> None:
    found = account(home.place(kinds[name]), kinds[name].event, starts=1)
    kinds[name].check(name, found.answer)
    cold._check_modules(name, found)
    assert len(json.loads(found.answer["body"])["scores"]) == models.N
    assert ("onnxruntime" in found.loaded) == (name == "onnx")
    assert ("ssl" in found.loaded) == (name == "dynamodb")
    assert {"numpy", "ours", "request"} <= {
        row.figure.removeprefix(f"waterfall-{name}-") for row in cold._waterfall(name, found)
    }
    assert not {"numpy.random", "numpy.ma.core", "http.client", "email", "asyncio"} & set(found.loaded)


def test_other_ways_give_the_same_answers(home: places.Home, kinds: dict[str, Kind], scratch: Path) -> None:
    boto3, stale = home.boto3(kinds["dynamodb"], scratch), home.stale(kinds["numpy"], scratch)
    kinds["dynamodb"].check("boto3", start(boto3, kinds["dynamodb"].event).answer)
    kinds["numpy"].check("stale", start(stale, kinds["numpy"].event).answer)
    models.NOTHING.check("client", start(home.nothing(scratch), {}).answer)
    with pytest.raises(BenchError, match="has imported botocore, boto3"):
        cold._check_modules("boto3", account(boto3, kinds["dynamodb"].event, starts=1))


def test_stale_bytecode_is_compiled_anew_at_each_start(
    home: places.Home, kinds: dict[str, Kind], scratch: Path
) -> None:
    folder = scratch / "stale" / "features"
    assert list(folder.rglob("*.pyc")) or home.stale(kinds["numpy"], scratch)
    compiled = next(folder.rglob("plan.cpython-*.pyc")).read_bytes()
    source = next(folder.rglob("ranklet_features/plan.py"))
    assert int.from_bytes(compiled[4:8], "little") == 0, "checked by time"
    assert int.from_bytes(compiled[8:12], "little") != int(source.stat().st_mtime)


def test_wrong_and_defaulted_answers_end_the_run(kinds: dict[str, Kind]) -> None:
    right = list(kinds["numpy"].scores)
    for scores, degraded in (([*right[:-1], 9.0], None), (right, {"missing_rows:items": 1})):
        body = {"scores": scores} | ({"degraded": degraded} if degraded else {})
        with pytest.raises(BenchError, match="other scores, or defaults"):
            kinds["numpy"].check("numpy", {"statusCode": 200, "body": json.dumps(body)})
    with pytest.raises(BenchError, match="answers"):
        kinds["numpy"].check("numpy", {"statusCode": 500, "body": "{}"})


def test_ratios_are_taken_in_each_round() -> None:
    names = (*cold.KINDS, "boto3", "stale", "plain", "client", "control")
    taken = {name: np.arange(1.0, 4.0) * (number + 1) for number, name in enumerate(names)}
    rows = {row.figure: row for row in cold._figures(taken, taken)}
    assert rows["cold-dynamodb-vs-boto3"].value == rows["cold-dynamodb-vs-boto3-wall"].value == 0.75
    assert rows["cold-dynamodb-vs-boto3"].spread == (0.75, 0.75)
    assert rows["cold-onnx-ms"].value == 2.0


def test_weight_is_that_of_an_archive_for_each_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "python").mkdir(parents=True)
        (tmp_path / name / "python" / "zeros.bin").write_bytes(bytes(1_000_000))
    assert 2_000 < weights.zipped([tmp_path / "a", tmp_path / "b"]) < 4_000
    assert weights._unzipped([tmp_path / "a", tmp_path / "b"]) == 2_000_000
