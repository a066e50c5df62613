"""The models of the bench are what they say, and nothing is timed that is not equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from ranklet.bench import split
from ranklet.bench.base import Setting
from ranklet.bench.split import requests
from ranklet.bench.split.models import MODELS
from ranklet.errors import BenchError
from ranklet.graph import compiler
from ranklet.graph.choose import Choice
from ranklet.graph.records import Compiled
from ranklet.graph.running import Runner

NAMED = {"two-tower", "user-sequence", "din", "deepfm-40", "wide-deep", "dcn-v2", "dcn-v2-40", "dlrm"}
"""Figure names that scripts rely on."""


def test_promised_figures_are_there() -> None:
    assert set(MODELS) >= NAMED


@pytest.mark.parametrize("name", MODELS)
def test_graph_is_valid_and_scores_each_candidate_by_itself(name: str) -> None:
    content = MODELS[name].build()
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert {end.name for end in model.graph.input} == set(MODELS[name].sides)
    assert MODELS[name].build() == content
    runner, random = Runner(content), np.random.default_rng(0)
    feeds = {}
    for end in model.graph.input:
        tensor = end.type.tensor_type
        shape = [6, *(dim.dim_value for dim in tensor.shape.dim[1:])]
        ids = tensor.elem_type == onnx.TensorProto.INT64
        feeds[end.name] = random.integers(0, 20, shape) if ids else random.standard_normal(shape, np.float32)
    (scores,) = runner.run(feeds).values()
    assert len(np.ravel(scores)) == 6 and np.ptp(scores) > 0
    for row in range(6):
        (alone,) = runner.run({name: value[row : row + 1] for name, value in feeds.items()}).values()
        np.testing.assert_allclose(np.ravel(alone), np.ravel(scores)[row], atol=1e-5)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice without a clock, and two numbers of candidates."""

    def choose(build: object, numbers: object, **more: object) -> Choice:
        return Choice("A+", "asked for", (), 1.0, {})

    monkeypatch.setattr(compiler, "choose", choose)
    monkeypatch.setattr(split, "QUICK", (1, 5))


def test_rows_of_one_model(hurried: None, tmp_path: Path) -> None:
    said: list[str] = []
    found = split.measure("neural-cf", Setting(tmp_path, quick=True), said.append)
    assert [(row.figure, row.n, row.unit) for row in found.rows] == [
        ("neural-cf", 1, "speedup"),
        ("neural-cf", 5, "speedup"),
        ("neural-cf-control", None, "ratio"),
        ("neural-cf-record", None, "bytes"),
        ("neural-cf-uncut-below", None, "candidates"),
        ("neural-cf-rest", None, "bytes"),
        ("neural-cf-rest-opens", None, "ms"),
    ]
    assert all(row.value is not None and row.value > 0 for row in found.rows[:2])
    assert [row.value for row in found.rows[3:]] == [4 * (32 + 128), 0, 0, 0]
    assert len(found.controls) == 2
    assert said == ["neural-cf: compile (GMF 32 and MLP 64-128-64-32)", "neural-cf: ships A+: asked for"]


def test_the_rest_graph_serves_few_candidates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def choose(build: object, numbers: object, *, force: bool, rested: Callable[[str], object]) -> Choice:
        rested("B+")
        return Choice("B+", "asked for", (), 1.0, {}, below=3)

    monkeypatch.setattr(compiler, "choose", choose)
    monkeypatch.setattr(split, "QUICK", (1, 5))
    served: list[tuple[int, bool]] = []
    right = requests._serving

    def serving(done: Compiled, n: int) -> Any:
        found = right(done, n)
        served.append((n, found[1] is done.rest))
        return found

    monkeypatch.setattr(requests, "_serving", serving)
    rows = {row.figure: row.value for row in split.measure("din", Setting(tmp_path, quick=True), lambda _: None).rows}
    assert served == [(1, True), (5, False)]
    assert rows["din-uncut-below"] == 3
    assert 0 < rows["din-rest"] < rows["din-record"] * 1000 and rows["din-rest-opens"] > 0


def test_uncut_graph_is_as_fast_as_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def choose(build: object, numbers: object, **more: object) -> Choice:
        return Choice("uncut", "nothing is faster", (), 1.0, {})

    monkeypatch.setattr(compiler, "choose", choose)
    monkeypatch.setattr(split, "QUICK", (1, 5))
    rows = split.measure("neural-cf", Setting(tmp_path, quick=True), lambda _: None).rows
    assert [(row.value, row.spread) for row in rows if row.unit == "speedup"] == [(1.0, None)] * 2


def test_wrong_scores_are_not_timed(hurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    right = requests.compile

    def wrong(*args: object) -> Compiled:
        done = right(*args)  # type: ignore[arg-type]
        model = onnx.load_from_string(done.fused.content if done.fused else b"")
        for tensor in model.graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT and tensor.dims:
                tensor.raw_data = (np.frombuffer(tensor.raw_data, np.float32) * np.float32(1.01)).tobytes()
        return replace(done, fused=replace(done.fused, content=model.SerializeToString()) if done.fused else None)

    monkeypatch.setattr(requests, "compile", wrong)
    with pytest.raises(BenchError, match=r"N = 3: scores differ by .*nothing was timed"):
        requests.compiled(MODELS["neural-cf"], (3,))
