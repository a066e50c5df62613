"""Counts are exact, the same every time, and who exceeds a budget is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet import pipeline
from ranklet.bench import counts, dialects
from ranklet.bench.base import Row, Setting
from ranklet.bench.counts import allocations, budget, linear, modules, reads, sizes
from ranklet.bench.counts.allocations import Held, Watched
from ranklet.bench.dialects import ranker
from ranklet.errors import BenchError, PackagingError
from ranklet_runtime.engines.ort import open_session
from ranklet_runtime.function import Function


@pytest.fixture(autouse=True)
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer requests before counting; some of what is kept in bounds is not full then."""
    monkeypatch.setattr(allocations, "FULL", 100)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> tuple[Function, Path]:
    return dialects.built(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def alone(opened: tuple[Function, Path]) -> tuple[Function, Watched]:
    watched = Watched(open_session(ranker.graph(), threads=1))
    return dialects.without_model(opened[0], watched, opened[1]), watched


@pytest.mark.parametrize("form", counts.COMMON)
def test_a_request_holds_the_same_every_time(form: str, alone: tuple[Function, Watched]) -> None:
    allocations.held(form, *alone)  # until Python's free lists are full
    first, second = (allocations.held(form, *alone) for _ in range(2))
    assert first.blocks == pytest.approx(second.blocks, abs=5)
    assert first.peak == pytest.approx(second.peak, rel=0.02)
    assert first.runs == second.runs == 0
    assert max(first.kept, second.kept) <= 80


def test_objects_that_a_request_makes_are_counted_and_named(
    alone: tuple[Function, Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    function, watched = alone
    before = allocations.held("v2-binary", function, watched)
    score, kept = function.scorer.score_alone, []

    def wasteful(*given: Any, **more: Any) -> Any:
        objects = [object() for _ in range(5000)]
        kept.append(object())
        return score(*given, **more) if objects else None

    monkeypatch.setattr(function.scorer, "score_alone", wasteful)
    after = allocations.held("v2-binary", function, watched)
    assert after.blocks - before.blocks == pytest.approx(5000, abs=20)
    assert after.peak - before.peak >= 5000 * 16
    assert after.kept >= 0.8 * allocations.ROUND  # each tenth is timed by phase, and takes the long way
    assert re.match(r"bench/test_bench_counts.py:\d+ \(50\d\d blocks, ", after.places)


def test_the_garbage_collectors_runs_are_counted(
    alone: tuple[Function, Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    function, watched = alone
    score = function.scorer.score_alone

    def cyclic(*given: Any, **more: Any) -> Any:
        for _ in range(100):
            ring: list[Any] = []
            ring.append(ring)
        return score(*given, **more)

    monkeypatch.setattr(function.scorer, "score_alone", cyclic)
    assert allocations.held("v2-binary", function, watched).runs > 0


def test_a_module_more_is_counted_and_named(opened: tuple[Function, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    events = counts._events(opened[0], ranker.request(3))
    found = modules.imported(opened[1], events, brought=("onnxruntime",))
    assert "ranklet_runtime.dialects.v2" in found
    assert modules.unknown(found) == "only modules that were known before"
    wasteful = modules.SCRIPT.replace("import ranklet_runtime.handler", "import wave, sched, ranklet_runtime.handler")
    monkeypatch.setattr(modules, "SCRIPT", wasteful)
    more = modules.imported(opened[1], events, brought=("onnxruntime",))
    assert {"wave", "sched"} <= set(more) - set(found)
    assert "sched" in modules.unknown(more) and "wave" in modules.unknown(more)


def test_a_function_that_does_not_start_or_refuses_is_no_count(opened: tuple[Function, Path], tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="does not start"):
        modules.imported(tmp_path, [])
    (event, *_) = counts._events(opened[0], ranker.request(3))
    with pytest.raises(BenchError, match="answers"):
        modules.imported(opened[1], [{**event, "body": "{"}], brought=("onnxruntime",))


def test_a_key_is_read_once_and_what_the_cache_holds_never() -> None:
    found = {row.figure: row.value for row in reads.measure()}
    assert found == {"read-units-500": 250.0, "read-units-500-repeated": 125.0, "read-units-500-cached": 0.0}


def test_bytes_are_those_of_all_files_and_the_largest_are_named(tmp_path: Path) -> None:
    for name, count in (("a.py", 3), ("b.py", 50), ("c.so", 400), ("d/e.py", 7), ("d/f", 1)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * count)
    assert sizes.size(tmp_path) == sizes.Size(461, "c.so (400 bytes), b.py (50 bytes), d/e.py (7 bytes)")
    assert sizes.size(tmp_path, suffix=".py").bytes == 60


def test_a_layer_that_cannot_be_built_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*given: Any, **more: Any) -> Path:
        raise PackagingError("no wheel")

    monkeypatch.setattr(sizes.layers, "build", offline)
    said: list[str] = []
    found = dict(sizes.measure({}, tmp_path, said.append))
    assert found["layer-onnx-bytes"].bytes is None and any("onnx" in text for text in said)
    assert found["own-inference-bytes"].bytes
    assert counts._bytes("layer-onnx-bytes", found["layer-onnx-bytes"]).peer == "absent"


def test_only_what_is_above_its_budget_is_told_with_its_culprit() -> None:
    rows = [Row("a", None, 5.0, "count", None), Row("b", None, 6.0, "count", None), Row("c", None, 9e9, "µs", None)]
    rows.append(Row("d", None, None, "bytes", None, "absent"))
    (line,) = budget.over(rows, {"a": 5, "b": 5, "d": 1}, {"b": "wave.py (6 bytes)"})
    assert line.startswith("b is 6, its budget 5: wave.py (6 bytes). Make it smaller, or raise it in budget.toml")


def test_every_figure_has_a_budget_and_no_budget_is_left_over(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes.layers, "build", lambda name, target, out, **more: sizes.layers.SOURCES / name)
    monkeypatch.setattr(allocations, "held", lambda *given: Held(1, 2, 3, 0, "here.py:1"))
    monkeypatch.setattr(budget, "read", lambda: {"modules-numpy": 1.0, "blocks-json": 0.0})
    found = counts.run(setting, lambda text: None)
    assert {row.figure for row in found.rows} == budget_of_the_repository().keys()
    assert [line.split(" is ")[0] for line in found.over] == ["modules-numpy", "blocks-json"]
    assert "here.py:1" in found.over[1]
    assert found.document()["over"] == list(found.over)


def budget_of_the_repository() -> dict[str, float]:
    from tomllib import loads

    table: dict[str, float] = loads(budget.FILE.read_text())["budget"]
    return table


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path / "bench", quick=True)


def test_the_numpy_models_scores_are_its_trainers(tmp_path: Path) -> None:
    built = pipeline.build(linear.write(tmp_path / "functions" / "linear"), out=tmp_path / "build")
    assert built.manifest.steps[0].engine == "linear"
    assert max(built.certificate.paths.values()) < 1e-6
    assert (
        len(np.unique(linear._scores(linear.request(), dict(np.load(tmp_path / "functions/linear/weights.npz"))))) > 10
    )
