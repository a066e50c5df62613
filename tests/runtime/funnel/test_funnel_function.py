"""A funnel behind API Gateway: what callers may send, what they are told, and which answers are refusals."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgpack
import numpy as np
import pytest
from funnel_kit import Clock, Ranker, Retriever, plan, stage
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet.local.event_v2 import event_v2
from ranklet_runtime import telemetry
from ranklet_runtime.errors import BadRequest
from ranklet_runtime.funnel.function import FunnelFunction
from ranklet_runtime.funnel.messages import StageFailed
from ranklet_runtime.funnel.opening import Opened
from ranklet_runtime.telemetry import Telemetry

PATH = "/films/v1/funnels/films:recommend"
STAGES = (
    stage("retrieve", 10, user=("age",), context=("hour",), deadline_ms=10_000),
    stage("rank", 4, user=("age", "history"), deadline_ms=10_000),
)


def opened(first: Retriever | None = None, *others: Ranker) -> FunnelFunction:
    clock = Clock()
    found = plan(*STAGES, deadline_ms=20_000)
    stages = Opened(first or Retriever(clock), others or (Ranker(clock),))
    return FunnelFunction(found, stages, Telemetry("films", "2"))


def call(
    function: FunnelFunction,
    body: Any,
    *,
    path: str = PATH,
    method: str = "POST",
    headers: dict[str, str] | None = None,
) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    event = event_v2(method, path, headers=headers or {"content-type": "application/json"}, body=raw)
    answer = function(event, None)
    sent = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    packed = answer["headers"]["content-type"] == "application/msgpack"
    return answer["statusCode"], msgpack.unpackb(sent) if packed else json.loads(sent)


def test_a_request_is_answered_with_items_their_scores_and_what_each_stage_did() -> None:
    status, answer = call(opened(), {"user": {"age": 3}, "context": {"hour": 2}, "k": 2})
    assert status == 200
    assert [one["id"] for one in answer["items"]] == [10, 9]
    assert answer["items"][0] == {"id": 10, "score": 10.0, "scores": {"retrieve": 1.0, "rank": 10.0}}
    first, second = answer["stages"]
    assert first.pop("ms") >= 0
    assert first == {"name": "retrieve", "model": "m-retrieve", "version": "3", "in": None, "out": 10, "late": False}
    assert (second["in"], second["out"], second["late"]) == (10, 4, False)
    assert "degraded" not in answer


def test_both_prefixes_and_both_forms_give_the_same_answer() -> None:
    function = opened()
    told = [
        call(function, {"k": 3}),
        call(function, {"k": 3}, path="/v1/funnels/films:recommend"),
        call(function, msgpack.packb({"k": 3}), headers={"content-type": "application/msgpack"}),
        call(function, {"k": 3}, headers={"content-type": "application/json", "accept": "application/msgpack"}),
    ]
    for _, answer in told:
        for one in answer["stages"]:
            del one["ms"]
    assert all(one == told[0] for one in told)


def test_ids_and_histories_may_be_raw_buffers_in_msgpack() -> None:
    def buffer(*ids: int) -> dict[str, Any]:
        return {"dtype": "<i8", "shape": [len(ids)], "data": np.array(ids, "<i8").tobytes()}

    clock = Clock()
    first = Retriever(clock)
    body = {"user": {"history": buffer(3, 4)}, "seen": buffer(10), "filter": {"deny": buffer(9)}, "k": 2}
    _, answer = call(opened(first), msgpack.packb(body), headers={"content-type": "application/msgpack"})
    assert [one["id"] for one in answer["items"]] == [12, 11]
    asked = first.asked[0][0]
    assert (asked.user, asked.seen, asked.filter) == ({"history": [3, 4]}, [10], {"deny": [9]})


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"user": {"agee": 3}}, "$.user.agee"),
        ({"context": {"age": 3}}, "$.context.age"),
        ({"user": [3]}, "$.user"),
        ({"k": 0}, "$.k"),
        ({"k": 51}, "$.k"),
        ({"k": True}, "$.k"),
        ({"top_k": 3}, "$.top_k"),
        ({"seen": 3}, "$.seen"),
        ({"filter": [3]}, "$.filter"),
        ([], None),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(body: Any, path: str | None) -> None:
    status, answer = call(opened(), body)
    assert status == 400
    assert answer.get("path") == path


def test_a_stage_refuses_with_the_place_in_the_funnels_own_request() -> None:
    clock = Clock()
    fault = BadRequest("an int is expected", path="$.user.age")
    status, answer = call(opened(Retriever(clock), Ranker(clock, fault=fault)), {"user": {"age": "x"}})
    assert (status, answer["path"]) == (400, "$.user.age")


def test_without_retrieval_the_answer_is_503_and_says_when_to_try_again() -> None:
    clock = Clock()
    function = opened(Retriever(clock, fault=StageFailed("a table does not answer")))
    answer = function(event_v2("POST", PATH, headers={"content-type": "application/json"}, body=b"{}"), None)
    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"]


def test_a_fault_of_ours_tells_nothing_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    status, answer = call(opened(Retriever(clock, fault=ValueError("/var/task/secret"))), {})
    assert status == 500
    assert "secret" not in json.dumps(answer)
    assert "secret" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", PATH, 405),
        ("POST", "/films/health", 405),
        ("POST", "/films/v1/funnels/other:recommend", 404),
        ("POST", "/films/v1/models/films:rank", 404),
        ("GET", "/", 404),
        ("GET", "/films/openapi.json", 404),
    ],
)
def test_other_paths_and_methods_are_refused(method: str, path: str, status: int) -> None:
    assert call(opened(), b"", method=method, path=path)[0] == status


@pytest.mark.parametrize("path", ["/films", "/films/ping", "/films/health", "/v1/funnels/films"])
def test_health_tells_the_stages_and_their_versions(path: str) -> None:
    status, answer = call(opened(), b"", method="GET", path=path)
    assert (status, answer["status"], answer["model"], answer["version"]) == (200, "ok", "films", "2")
    assert [(one["name"], one["model"], one["version"]) for one in answer["stages"]] == [
        ("retrieve", "m-retrieve", "3"),
        ("rank", "m-rank", "3"),
    ]


def test_similar_items_are_asked_for_by_one_or_by_several() -> None:
    path = "/films/v1/funnels/films:similar"
    status, answer = call(opened(), {"item": 2, "k": 3}, path=path)
    assert (status, [one["id"] for one in answer["items"]]) == (200, [1, 3, 4])
    assert call(opened(), {"items": [2, 3]}, path=path)[0] == 200
    for wrong in ({}, {"item": 2, "items": [3]}, {"item": 2, "user": {}}):
        assert call(opened(), wrong, path=path)[0] == 400


def test_another_content_type_is_refused_and_so_is_a_large_body() -> None:
    assert call(opened(), b"{}", headers={"content-type": "text/csv"})[0] == 415
    assert call(opened(), b"[" + b" " * 1_000_001)[0] == 413


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["user", "context", "k", "filter", "seen", "age", "x"]), inner, max_size=4
            )
        ),
        max_leaves=8,
    ).map(lambda one: json.dumps(one).encode())
)
def test_no_body_takes_the_function_down(body: bytes) -> None:
    status, answer = call(opened(), body)
    assert status in (200, 400)
    assert ("error" in answer) == (status == 400)


def test_metrics_tell_of_each_stage_what_it_took_and_what_it_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry.signal, "signal", lambda *_: None)
    monkeypatch.setattr(telemetry.atexit, "register", lambda *_: None)
    clock = Clock()
    function = opened(Retriever(clock), Ranker(clock, fault=StageFailed("gone")))
    function.telemetry.start()
    call(function, {})
    call(function, {})
    capsys.readouterr()
    function.telemetry.flush()
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    by_stage = {one["stage"]: one for one in written if "stage" in one}
    assert set(by_stage) == {"retrieve", "rank"}
    assert len(by_stage["retrieve"]["StageLatency"]) == 2
    assert "Failed" not in by_stage["retrieve"]
    assert (by_stage["rank"]["Failed"], by_stage["rank"]["Unscored"]) == ([2.0], [20.0])
    (whole,) = [one for one in written if "stage" not in one]
    assert (whole["Requests"], whole["model"], whole["Degraded:failed:rank"]) == ([2.0], "films", [2.0])
