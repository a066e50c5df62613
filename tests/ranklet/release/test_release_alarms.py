"""Planted regressions trip the synthesised alarms, over what the functions logged in the local cloud."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import alarming
import emf
import numpy as np
import pytest
import release_kit as kit
from alarming import Evaluator
from emf import Metrics

from ranklet import app
from ranklet.constructs.release_alarms import shift_expression
from ranklet.local.cloud import LocalCloud
from ranklet.local.function import Layer
from ranklet.local.logs import LogLine
from ranklet.pipeline import Built
from ranklet.project import Project
from ranklet_runtime.drift import stability
from ranklet_runtime.manifest import Histogram

ROOT = Path(__file__).resolve().parents[3]
MINUTE = 60.0
P99_MS = 2000
SLOW_S = 2.2
RELEASE = f'[release]\nstrategy = "canary"\nevery = 2\n[release.alarms]\np99_ms = {P99_MS}\n'


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> Evaluator:
    """The alarms of a real build and a real synthesis, for version 2 of the function."""
    root = tmp_path_factory.mktemp("synthesised")
    built = kit.build(root / "functions", more=RELEASE)
    project = Project(root)
    shutil.copy(ROOT / "cdk.json", root)
    shutil.copytree(built.folder.parents[1], project.build)

    def layer(name: str, architecture: str) -> Path:
        folder = root / "layers" / f"{name}-{architecture}"
        (folder / "python").mkdir(parents=True, exist_ok=True)
        (folder / "python" / f"stub_{name}.py").touch()
        return folder

    out = app.synthesise(project, out=root / "cdk.out", layer=layer)
    template = json.loads((out / f"{kit.NAME}.template.json").read_text())
    return alarming.of_template(template, function=kit.NAME, version="2")


Serve = Callable[..., list[LogLine]]


@pytest.fixture
def serve(everything: Layer, tmp_path: Path) -> Serve:
    """Answer requests with a bundle as version 2, and give what was logged meanwhile."""

    def run(bundle: Path, asked: list[dict[str, Any]], *, callers: int = 1, **fields: Any) -> list[LogLine]:
        lines: list[LogLine] = []
        cloud = LocalCloud(
            kit.deployment(bundle, everything, **{"version": "2", **fields}),
            build=tmp_path / "cloud",
            layers=lambda name: None,
            environment={"RANKLET_OBSERVE": "2"},
            log=lines.append,
        )
        with cloud.running() as running, ThreadPoolExecutor(callers) as pool:
            parts = [asked[at::callers] for at in range(callers)]
            list(pool.map(lambda part: kit.ask(running.url, part), parts))
        return lines

    return run


def seen(lines: list[LogLine], *, minutes: int = 1) -> Metrics:
    """What CloudWatch has of a log whose lines came in each of some minutes."""
    found = Metrics()
    for minute in range(minutes):
        found += emf.read(lines).at(minute * MINUTE) + emf.of_lambda(lines, kit.NAME, "2", time=minute * MINUTE)
    return found


@pytest.fixture
def traffic() -> list[dict[str, Any]]:
    """Drawn like the golden requests."""
    rng = np.random.default_rng(23)
    return [kit.request(rng) for _ in range(120)]


def test_version_like_the_one_before_trips_nothing(
    evaluator: Evaluator, serve: Serve, built: Built, traffic: list[dict[str, Any]]
) -> None:
    metrics = seen(serve(built.folder, traffic), minutes=1)
    assert set(evaluator.alarms) == {"Errors", "Faults", "P99", "Throttles", "Degraded", "ScoreShift"}
    assert evaluator.in_alarm(metrics) == set()
    # Each looked at something; nothing was throttled, so of that there is no metric.
    for name in set(evaluator.alarms) - {"Throttles"}:
        assert evaluator.series(name, metrics), name
    (shift,) = evaluator.series("ScoreShift", metrics).values()
    assert 0 < shift < 0.1


def test_other_weights_shift_the_scores_and_trip_that_alarm_alone(
    evaluator: Evaluator, serve: Serve, built: Built, traffic: list[dict[str, Any]], tmp_path: Path
) -> None:
    bad = kit.with_weights(built, tmp_path / "bad", bias=kit.BIAS + 1.5)
    metrics = seen(serve(bad, traffic))
    assert evaluator.in_alarm(metrics) == {"ScoreShift"}
    (shift,) = evaluator.series("ScoreShift", metrics).values()
    by = {"model": kit.NAME, "release": f"{kit.NAME}:2"}
    counts = [sum(metrics.values(f"Scores{at}", by)) for at in range(8)]
    assert sum(counts) == 20 * len(traffic) / 2
    histogram = built.manifest.histogram
    assert histogram is not None
    assert shift == pytest.approx(stability(counts, histogram.counts), rel=1e-3)


def test_slow_version_trips_the_latency_alarm_alone(
    evaluator: Evaluator, serve: Serve, built: Built, traffic: list[dict[str, Any]], tmp_path: Path
) -> None:
    slow = kit.slowed(built, tmp_path / "slow", seconds=SLOW_S)
    lines = serve(slow, traffic[:3], callers=3, handler="slow.handler")
    assert evaluator.in_alarm(seen(lines, minutes=3)) == {"P99"}
    # One bad minute of three is not yet one.
    assert evaluator.in_alarm(seen(lines, minutes=1)) == set()


def test_version_that_fails_trips_the_alarm_on_faults(
    evaluator: Evaluator, serve: Serve, built: Built, traffic: list[dict[str, Any]], tmp_path: Path
) -> None:
    broken = kit.with_weights(built, tmp_path / "broken", bias=float("nan"))
    metrics = seen(serve(broken, traffic[:10]))
    assert "Faults" in evaluator.in_alarm(metrics)


def test_faults_of_the_version_before_do_not_stop_the_new_one(
    evaluator: Evaluator, serve: Serve, built: Built, traffic: list[dict[str, Any]], tmp_path: Path
) -> None:
    broken = kit.with_weights(built, tmp_path / "broken", bias=float("nan"))
    metrics = emf.read(serve(broken, traffic[:10])).at(0)
    other = Evaluator(evaluator.alarms, {**evaluator.values} | _renamed(evaluator, "3"))
    assert other.in_alarm(metrics) == set()


def _renamed(evaluator: Evaluator, version: str) -> Mapping[str, str]:
    return {name: version for name, value in evaluator.values.items() if value == "2"}


def test_few_scores_and_few_requests_say_nothing(
    evaluator: Evaluator, serve: Serve, built: Built, traffic: list[dict[str, Any]], tmp_path: Path
) -> None:
    bad = kit.with_weights(built, tmp_path / "bad", bias=kit.BIAS + 3)
    assert evaluator.in_alarm(seen(serve(bad, traffic[:10]))) == set()


def test_formula_of_the_alarm_is_that_of_the_run_time() -> None:
    rng = np.random.default_rng(5)
    for count in range(2, 9):
        golden = Histogram(tuple(range(count - 1)), tuple(rng.integers(0, 90, count).tolist()))
        now = rng.integers(0, 400, count).tolist()
        now[0] += 400
        known = {f"s{at}": {0: float(value)} for at, value in enumerate(now)}
        expression = shift_expression(golden)
        assert len(expression) < 1024
        found = alarming._evaluated(expression, known)[0]
        assert found == pytest.approx(stability(now, golden.counts), rel=1e-3, abs=1e-5)
