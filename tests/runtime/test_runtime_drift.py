"""Scores are counted by bucket, every k-th request's, and written with the version whose they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runtime_kit import REQUEST, document, predict, rank, write_bundle

from ranklet_runtime import telemetry
from ranklet_runtime.drift import Drift, buckets, stability
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Histogram

HISTOGRAM = Histogram((0.25, 0.5, 0.75), (10, 10, 10, 10))
ENVIRON = {"RANKLET_OBSERVE": "2", "AWS_LAMBDA_FUNCTION_NAME": "films-x", "AWS_LAMBDA_FUNCTION_VERSION": "7"}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A telemetry that writes, without touching this process's signals and exit."""
    monkeypatch.setattr(telemetry.signal, "signal", lambda *_: None)
    monkeypatch.setattr(telemetry.atexit, "register", lambda *_: None)


def written(text: str) -> list[dict[str, Any]]:
    """The documents that carry the version."""
    found = [json.loads(line) for line in text.splitlines() if line.startswith('{"_aws"')]
    return [one for one in found if ["model", "release"] in one["_aws"]["CloudWatchMetrics"][0]["Dimensions"]]


def test_edge_belongs_to_the_bucket_above_and_nan_to_none() -> None:
    scores = np.float32([0.1, 0.25, 0.3, 0.75, 2, -3, np.nan])
    assert buckets(scores, np.float32(HISTOGRAM.edges)).tolist() == [2, 2, 0, 2]


def test_each_kth_request_is_counted_and_taking_begins_anew() -> None:
    drift = Drift(HISTOGRAM, "7", every=3)
    for _ in range(7):
        drift.scored(np.float32([0.1, 0.6]))
    found = drift.take(7, {"Fault500": 1, "Fault503": 2, "Fault404": 5, "DegradedRequests": 4, "NonFiniteScores": 1})
    assert found == {
        "Requests": 7,
        "Faults": 4,
        "DegradedRequests": 4,
        "Scores0": 2,
        "Scores1": 0,
        "Scores2": 2,
        "Scores3": 0,
    }
    assert sum(drift.take(0, {}).values()) == 0


def test_without_a_histogram_the_other_figures_are_there() -> None:
    drift = Drift(None, "7", every=1)
    drift.scored(np.float32([0.1]))
    assert drift.take(1, {}) == {"Requests": 1, "Faults": 0, "DegradedRequests": 0}


def test_stability_is_the_symmetric_divergence() -> None:
    now, golden = np.array([30.5, 10.5]) / 41, np.array([20.5, 20.5]) / 41
    divergence = (now * np.log(now / golden)).sum() + (golden * np.log(golden / now)).sum()
    assert stability([30, 10], [20, 20]) == pytest.approx(divergence)
    assert stability([5, 5], [5, 5]) == 0
    assert np.isfinite(stability([0, 100], [100, 0]))


def test_function_writes_the_version_s_figures_beside_the_model_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    histogram = {"edges": HISTOGRAM.edges, "counts": HISTOGRAM.counts}
    films = Function.open(write_bundle(tmp_path / "films", document(histogram=histogram)), ENVIRON)
    films.telemetry.start()
    for _ in range(10):
        assert films(rank(REQUEST), None)["statusCode"] == 200
    films(predict("{"), None)
    films.telemetry.flush()
    (found,) = written(capsys.readouterr().out)
    assert (found["model"], found["release"]) == ("films", "films-x:7")
    assert (found["Requests"], found["Faults"], found["DegradedRequests"]) == ([11], [0], [0])
    assert sum(found[f"Scores{at}"][0] for at in range(4)) == 5 * len(REQUEST["items"]["id"])


def test_without_the_variable_nothing_is_counted_by_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = Function.open(write_bundle(tmp_path / "films"), {"AWS_LAMBDA_FUNCTION_VERSION": "7"})
    films.telemetry.start()
    films(rank(REQUEST), None)
    films.telemetry.flush()
    assert written(capsys.readouterr().out) == []
    assert films.telemetry.drift is None
