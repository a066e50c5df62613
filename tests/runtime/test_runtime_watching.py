"""What is told of requests beside their counts: phases, refusals, health, and lines without what must not be told."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_kit import (
    COUNTRIES,
    MODEL,
    REQUEST,
    Context,
    document,
    event,
    json_of,
    predict,
    rank,
    rank_packed,
    write_bundle,
)
from test_runtime_imports import NEVER, imported, tops
from test_runtime_telemetry import check_emf

from ranklet_features.spec import Input
from ranklet_runtime import observing, phases, telemetry
from ranklet_runtime.drift import stability
from ranklet_runtime.function import Function
from ranklet_runtime.health import LEAST_VALUES, Health
from ranklet_runtime.messages import RankRequest, RankResult
from ranklet_runtime.phases import EVERY, NAMES
from ranklet_runtime.taken import Lines, documents
from ranklet_runtime.watched import Reference, from_document

SECRET = "hunter2-secret"
Open = Callable[..., Function]


@pytest.fixture
def opened(open_films: Open, monkeypatch: pytest.MonkeyPatch) -> Open:
    """The kit's model with a `watch` in its manifest, writing as in Lambda but for signals."""
    monkeypatch.setattr(telemetry.signal, "signal", lambda *_: None)
    monkeypatch.setattr(telemetry.atexit, "register", lambda *_: None)

    def run(*, changes: dict[str, Any] | None = None, **watch: Any) -> Function:
        films = open_films(watch=watch, **(changes or {}))
        films.telemetry.start()
        return films

    return run


def written(films: Function, capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What a flush writes: metrics' documents, and other lines."""
    films.telemetry.flush()
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    metrics = [one for one in found if "_aws" in one]
    for one in metrics:
        check_emf(one)
    return metrics, [one for one in found if "_aws" not in one]


def values(metrics: list[dict[str, Any]], name: str, **dimensions: str) -> list[float]:
    matching = [one for one in metrics if all(one.get(key) == value for key, value in dimensions.items())]
    return [value for one in matching for value in one.get(name, ())]


def test_each_tenth_request_tells_all_phases(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    films = opened()
    for _ in range(3 * EVERY + 1):
        assert films(rank(REQUEST), None)["statusCode"] == 200
    metrics, _ = written(films, capsys)
    for name in NAMES:
        found = values(metrics, f"Phase:{name}")
        assert len(found) == 3
        assert all(value > 0 for value in found)
    (one,) = [one for one in metrics if "Phase:run" in one]
    assert one["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["model"]]


def test_phases_add_up_to_the_request_and_rows_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0, 10, 100, 130, 190, 300, 1000])
    monkeypatch.setattr(phases, "perf_counter_ns", lambda: next(ticks))
    watch = phases.Phases()
    watch.wanted = True
    watch.begin()
    watch.lap(phases.DECODE)
    watch.lap(phases.ASSEMBLE)
    watch.read(25)  # within the lap that follows
    watch.lap(phases.ASSEMBLE)
    watch.lap(phases.RUN)
    watch.lap(phases.ENCODE)
    spent = {name: value * 1000 for name, value in watch.last.items()}
    assert spent == {"decode": 10, "assemble": 95, "rows": 25, "run": 60, "encode": 110}
    assert sum(spent.values()) == 300


def test_nine_of_ten_requests_read_no_clock_for_phases(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost by counts: what a request adds is a fifth of a reading on average, and no call into what looks."""
    films, readings = opened(), Counter[str]()
    clock = phases.perf_counter_ns
    monkeypatch.setattr(phases, "perf_counter_ns", lambda: readings.update(["clock"]) or clock())
    per_request = []
    for _ in range(2 * EVERY):
        readings.clear()
        films(rank(REQUEST), None)
        per_request.append(readings["clock"])
    assert per_request == ([0] * (EVERY - 1) + [7]) * 2
    assert films._observer is None


def test_without_phases_none_are_written(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    films = opened(phases=False)
    for _ in range(2 * EVERY):
        films(rank(REQUEST), None)
    metrics, _ = written(films, capsys)
    assert not [one for one in metrics if "Phase:run" in one]


def test_a_request_that_describes_or_is_refused_has_no_phases(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    films = opened()
    for _ in range(3 * EVERY):
        films(event(f"/{MODEL}/ping", method="GET"), None)
        films(rank("{"), None)
    metrics, _ = written(films, capsys)
    assert not [one for one in metrics if "Phase:run" in one]


def test_a_sampled_line_tells_how_long_and_what_is_allowed(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    films = opened(sample_every=3, inputs=["price", "hour"])
    for number in range(6):
        films(rank(REQUEST), Context(request_id=f"id-{number}"))
    _, lines = written(films, capsys)
    assert [one["request_id"] for one in lines] == ["id-2", "id-5"]
    line = lines[0]
    assert (line["level"], line["message"], line["service"], line["version"]) == ("INFO", "request", MODEL, "3")
    assert line["route"] == f"/v1/models/{MODEL}:rank"
    assert (line["candidates"], line["top_k"], line["degraded"]) == (3, None, {})
    assert line["milliseconds"] > 0
    assert line["phases"].keys() == set(NAMES)
    assert all(value > 0 for value in line["phases"].values())
    assert line["inputs"] == {"user": {}, "context": {"hour": 20}, "item": {"price": [2.5, 4, 0.5]}}


def test_no_value_is_in_a_line_unless_it_is_named(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    films = opened(sample_every=1)
    sent = {**REQUEST, "user": {"age": 987123, "country": SECRET}}
    for one in (
        rank(sent),
        rank_packed(sent),
        predict({"inputs": {"age": [987123], "country": [SECRET], **sent["items"]}}),
    ):
        assert films(one, None)["statusCode"] == 200
    films.telemetry.flush()
    out = capsys.readouterr().out
    assert out.count('"message":"request"') == 3
    assert SECRET not in out
    assert "987123" not in out


def test_no_refusal_tells_what_was_sent(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    films = opened(sample_every=1, inputs=["age", "country", "price"])
    items = REQUEST["items"]
    bad = [
        {**REQUEST, "user": {"age": SECRET, "country": "fr"}},
        {**REQUEST, "user": {"age": 3, SECRET: 4}},
        {**REQUEST, "items": {**items, "price": [1.0, SECRET, 2.0]}},
        {**REQUEST, SECRET: 1},
    ]
    for one in bad:
        assert films(rank(one), None)["statusCode"] == 400
        assert films(rank_packed(one), None)["statusCode"] == 400
    assert films(predict({"inputs": {SECRET: [1]}}), None)["statusCode"] == 400
    assert films(predict({"instances": [{SECRET: 1}]}), None)["statusCode"] == 400
    films.telemetry.flush()
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines() if '"refused"' in line]
    assert SECRET not in captured.out + captured.err
    assert len(lines) == 10
    assert {one["place"] for one in lines} >= {"$.user.age", "$.user.?", "$.items.price[]", "$.?"}
    assert {one["kind"] for one in lines} == {"BadRequest"}


def test_a_refusal_is_told_by_place_status_and_route(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    films = opened()
    films(rank({**REQUEST, "items": {**REQUEST["items"], "price": [1.0]}}), Context(request_id="r1"))
    films(event("/nothing"), None)
    _, lines = written(films, capsys)
    first = {key: lines[0][key] for key in ("level", "message", "request_id", "status", "place", "route")}
    assert first == {
        "level": "WARNING",
        "message": "refused",
        "request_id": "r1",
        "status": 422,
        "place": "$.items.price",
        "route": f"/v1/models/{MODEL}:rank",
    }
    assert (lines[1]["status"], lines[1]["place"]) == (404, "$")


def test_lines_are_bounded_in_number_and_length(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines("m", "1")
    lines.add("request", "INFO", {"request_id": "a", "inputs": {"x": "y" * 10_000}})
    lines.add("request", "INFO", {"request_id": "z" * 10_000})
    for _ in range(500):
        lines.add("request", "INFO", {"request_id": "b"})
    lines.write()
    lines.write()
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(found) == Lines.MOST
    assert found[0] == {
        "level": "INFO", "message": "request", "service": "m", "version": "1", "request_id": "a", "cut": True
    }  # fmt: skip
    assert {one["request_id"] for one in found[1:]} == {"b"}


def test_of_long_values_the_beginning_is_told() -> None:
    assert observing.short(list(range(100))) == list(range(8))
    assert observing.short(np.arange(100.0)) == [float(one) for one in range(8)]
    assert observing.short("x" * 100) == "x" * 64
    assert observing.short([["a"] * 9] * 9) == [["a"] * 8] * 8
    assert observing.short([[[1]]]) == [["…"]]
    assert observing.short([math.nan, None, 1 << 80, b"bytes", True]) == [None, None, "beyond 64 bits", "bytes", True]
    assert observing.short(np.float32(2.5)) == 2.5
    assert observing.short(np.array(3)) == 3


def test_a_path_that_no_log_takes_costs_the_line_alone(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    films = opened(sample_every=1)
    for _ in range(3):
        assert films(event("/\ud800"), None)["statusCode"] == 404
    films.telemetry.flush()
    captured = capsys.readouterr()
    assert '"refused"' not in captured.out
    assert captured.err.count("a request could not be looked at: ") == 1


def test_what_only_looks_never_fails_a_request(
    opened: Open, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    films = opened(sample_every=1, health_every=1)

    def broken(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(films._observer, "_line", broken)
    scores = [json_of(films(rank(REQUEST), None))["scores"] for _ in range(2)]
    assert len(scores[0]) == 3
    captured = capsys.readouterr()
    assert captured.err == "a request could not be looked at: RuntimeError\n"
    assert SECRET not in captured.out


def test_before_start_nothing_is_written_and_little_is_kept(
    open_films: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    films = open_films(watch={"sample_every": 1, "health_every": 1})
    for _ in range(300):
        films(rank(REQUEST), None)
        films(rank("{"), None)
    films.telemetry.flush()
    assert capsys.readouterr().out == ""
    assert len(films._watcher._lines._held) <= Lines.MOST
    assert len(films.scorer.phases._kept) <= telemetry.MOST_VALUES


def test_health_counts_missing_defaulted_and_unknown(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    films = opened(health_every=1)
    items = {**REQUEST["items"], "rating": [None, None, 1.0]}
    films(rank({"user": {"age": 31, "country": "xx"}, "context": {}, "items": items}), None)
    films(rank({"user": {"age": 31}, "context": {"hour": 3}, "items": items}), None)
    films(rank_packed({"user": {"age": 31, "country": "de"}, "items": {**items, "rating": [math.nan, 2.0, 3.0]}}), None)
    metrics, _ = written(films, capsys)
    found = {
        name: {what: sum(values(metrics, what, input=name)) for what in ("Values", "Missing", "Defaulted", "Unknown")}
        for name in ("age", "country", "hour", "price", "rating")
    }
    assert found["age"] == {"Values": 3, "Missing": 0, "Defaulted": 0, "Unknown": 0}
    assert found["country"] == {"Values": 3, "Missing": 1, "Defaulted": 1, "Unknown": 1}
    assert found["hour"] == {"Values": 3, "Missing": 2, "Defaulted": 2, "Unknown": 0}
    assert found["price"] == {"Values": 9, "Missing": 0, "Defaulted": 0, "Unknown": 0}
    assert found["rating"] == {"Values": 9, "Missing": 5, "Defaulted": 5, "Unknown": 0}
    one = next(one for one in metrics if one.get("input") == "country")
    assert one["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["model", "input"]]


def test_health_looks_at_each_kth_request_alone(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    films = opened(health_every=4)
    for _ in range(9):
        films(rank(REQUEST), None)
    metrics, _ = written(films, capsys)
    assert values(metrics, "Values", input="price") == [6.0]


def test_lines_and_health_are_counted_apart(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    films = opened(sample_every=7, health_every=3)
    for number in range(1, 43):
        films(rank(REQUEST), Context(request_id=str(number)))
    metrics, lines = written(films, capsys)
    assert [one["request_id"] for one in lines] == ["7", "14", "21", "28", "35", "42"]
    assert all(min(one["phases"].values()) > 0 for one in lines)
    assert len({one["phases"]["run"] for one in lines}) > 1
    assert values(metrics, "Values", input="price") == [14 * 3.0]


def test_stability_is_told_once_there_are_enough_values(opened: Open, capsys: pytest.CaptureFixture[str]) -> None:
    edges = [1.0, 2.0, 3.0]
    films = opened(health_every=1, references={"price": {"edges": edges, "counts": [250, 250, 250, 250]}})
    generator = np.random.default_rng(5)
    sent: list[float] = []
    told = []
    for _ in range(4):
        prices = generator.uniform(0, 3, 300).round(3).tolist()
        sent += prices
        items = {"id": [10] * 300, "price": prices, "rating": [3.0] * 300}
        assert films(rank({**REQUEST, "items": items}), None)["statusCode"] == 200
        metrics, _ = written(films, capsys)
        told.append(values(metrics, "Psi", input="price"))
    assert told[:3] == [[], [], []]
    assert told[3] == [pytest.approx(reference_psi(sent, edges, [250] * 4), abs=1e-5)]


def reference_psi(sent: list[float], edges: list[float], counts: list[int]) -> float:
    """By the definition, apart from the code under test: Σ (a - e) ln(a / e), half a value more in each bucket."""
    bounds = [-math.inf, *edges, math.inf]
    actual = np.array([sum(low < one <= high for one in sent) for low, high in pairwise(bounds)]) + 0.5
    expected = np.array(counts) + 0.5
    a, e = actual / actual.sum(), expected / expected.sum()
    return float(np.sum((a - e) * np.log(a / e)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=6, unique=True).map(sorted),
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=60),
    st.integers(0, 2**32 - 1),
)
def test_stability_of_any_values_is_that_of_the_definition(edges: list[float], some: list[float], seed: int) -> None:
    counts = np.random.default_rng(seed).integers(0, 1000, len(edges) + 1).tolist()
    sent = (some + edges) * (LEAST_VALUES // len(some) + 1)  # the edges themselves are the hard cases
    health = Health({"x": Input("item")}, {}, {"x": Reference(tuple(edges), tuple(counts))})
    asked = RankRequest({}, {}, {"x": [*sent, None]})
    health.look(asked, RankResult(np.zeros(len(sent) + 1, np.float32), {}))
    (taken,) = health.take()
    assert dict(taken.dimensions) == {"input": "x"}
    assert taken.metrics["Missing"] == ("Count", [1.0])
    assert taken.metrics["Psi"][1][0] == pytest.approx(reference_psi(sent, edges, counts), abs=1e-5)
    assert list(health.take()) == []


def test_the_same_distribution_is_stable_and_another_is_not() -> None:
    assert stability([100, 200, 300], [100, 200, 300]) == 0
    assert stability([1000, 0, 0], [300, 300, 400]) > 0.25


def test_lists_vectors_and_arrays_are_counted_by_value(opened: Open) -> None:
    inputs = {
        "tags": Input("item", "string", list=True),
        "vector": Input("item", length=2),
        "ids": Input("user", "int", list=True),
    }
    health = Health(inputs, {}, {"vector": Reference((0.5,), (1, 1)), "ids": Reference((5.0,), (1, 1))})
    items = {"tags": [["a", "b"], []], "vector": np.array([[0.0, 1.0], [2.0, 3.0]])}
    health.look(RankRequest({"ids": [1, 6, 7]}, {}, items), RankResult(np.zeros(2, np.float32), {}))
    assert health._tallies["vector"].buckets.tolist() == [1, 3]
    assert health._tallies["ids"].buckets.tolist() == [1, 2]
    assert [one.values for one in health._tallies.values()] == [2, 2, 1]


def test_requests_of_tensors_and_with_refused_records_are_left_out() -> None:
    health = Health({"x": Input("item")}, {}, {})
    result = RankResult(np.zeros(2, np.float32), {})
    health.look(RankRequest({}, {}, {"x": [1.0, 2.0]}, tensors=True), result)
    health.look(RankRequest({}, {}, {"x": [1.0, "y"]}), RankResult(result.scores, {}, refused={1: ValueError()}))
    assert list(health.take()) == []


@pytest.mark.parametrize(("sent", "unknown"), [(COUNTRIES, 0), (["xx", "de", "yy"], 2)])
def test_unknown_values_are_those_without_an_id_of_their_own(films: Function, sent: list[str], unknown: int) -> None:
    health = Health.of(films.manifest, films.scorer.compiled)
    assert health._encoders["country"].unknown(sent) == unknown


def test_metrics_are_cut_to_what_one_document_takes() -> None:
    many = {f"m{number}": ("Count", [1.0] * (150 if number == 7 else 1)) for number in range(230)}
    found = list(documents(many))
    assert all(len(one) <= 100 for one in found)
    assert all(len(metric["Value"]) <= 100 for one in found for metric in one.values())
    sums = Counter(dict.fromkeys(many, 0))
    for one in found:
        sums.update({name: len(metric["Value"]) for name, metric in one.items()})
    assert sums == {name: len(values) for name, (_, values) in many.items()}


def test_a_manifest_that_says_nothing_has_the_defaults(films: Function) -> None:
    assert "watch" not in document()
    assert films.manifest.watch == from_document({})
    assert films.manifest.watch.sample_every == films.manifest.watch.health_every == 0


def test_metrics_call_a_model_as_its_deployment_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry.signal, "signal", lambda *_: None)
    monkeypatch.setattr(telemetry.atexit, "register", lambda *_: None)
    films = Function.open(write_bundle(tmp_path / "bundle"), {"RANKLET_METRICS": "prod-films"})
    films.telemetry.start()
    assert films(rank(REQUEST), None)["statusCode"] == 200
    metrics, _ = written(films, capsys)
    assert {one["model"] for one in metrics} == {"prod-films"}


@pytest.mark.parametrize(
    ("watch", "loaded"),
    [({}, set()), ({"sample_every": 1}, {"observing"}), ({"health_every": 1}, {"observing", "health", "drift"})],
)
def test_what_nobody_asked_for_is_not_imported(tmp_path: Path, watch: dict[str, Any], loaded: set[str]) -> None:
    found = imported(tmp_path, write_bundle(tmp_path / "bundle", document(watch=watch)), [rank(REQUEST)])
    assert found["statuses"] == [200]
    names = {name.removeprefix("ranklet_runtime.") for name in found["new"]}
    assert names & {"observing", "health", "drift", "refusals"} == loaded
    assert not tops(found["all"]) & NEVER
