"""Stages in functions of their own: what goes over the wire to Lambda, and what each way to fail becomes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from funnel_kit import plan, stage

from ranklet_runtime.errors import BadRequest, ManifestError, NotFound
from ranklet_runtime.funnel import opening
from ranklet_runtime.funnel.cascade import Cascade
from ranklet_runtime.funnel.facts import Facts
from ranklet_runtime.funnel.messages import Asked, StageFailed, StageLate
from ranklet_runtime.funnel.there import VARIABLE, Lambdas, RankerThere, RetrieverThere

ARNS = {
    "m-retrieve": "arn:aws:lambda:eu-central-1:123456789012:function:find-AbC:live",
    "m-rank": "arn:aws:lambda:eu-central-1:123456789012:function:rank:7",
}
STAGE = stage("rank", 4, key="film", user=("age",), context=("hour",))
ASKED = Asked({"age": 3, "other": 1}, {"hour": 2})


class Lambda:
    """Invoke by name. answers: function → what it answers, a callable of its event; statuses and waits by name."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.status, self.error, self.wait = 200, "", 0.0
        self.requests: list[tuple[str, Any]] = []
        lambdas = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["content-length"])))
                lambdas.requests.append((self.path, event))
                assert self.headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
                time.sleep(lambdas.wait)
                body = lambdas.body(self.path, event)
                self.send_response(lambdas.status)
                if lambdas.error:
                    self.send_header("X-Amz-Function-Error", lambdas.error)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *given: Any) -> None:
                """Nothing is logged."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def body(self, path: str, event: Any) -> bytes:
        name = path.split("/")[3]
        found = self.answers.get(name, b"{}")
        return found if isinstance(found, bytes) else json.dumps(found(event)).encode()

    @property
    def environ(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{self.server.server_port}",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "key",
            VARIABLE: json.dumps(ARNS),
        }


@pytest.fixture
def aws() -> Iterator[Lambda]:
    one = Lambda()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def lambdas(aws: Lambda) -> Iterator[Lambdas]:
    one = Lambdas(aws.environ)
    yield one
    one.renew()


def told(status: int, document: Any) -> dict[str, Any]:
    return {"statusCode": status, "headers": {}, "body": json.dumps(document), "isBase64Encoded": False}


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def test_a_stage_is_asked_in_the_native_form_by_its_alias(aws: Lambda, lambdas: Lambdas) -> None:
    aws.answers["rank"] = lambda event: told(200, {"scores": [0.5, None], "degraded": {"missing_rows:films": 1}})
    scored = RankerThere(STAGE, lambdas.invoke, Facts((), {})).rank(ASKED, [7, 9], soon(), best=4)
    np.testing.assert_array_equal(scored.scores, np.array([0.5, np.nan], np.float32))
    assert scored.degraded == {"missing_rows:films": 1}
    ((path, event),) = aws.requests
    assert path == "/2015-03-31/functions/rank/invocations?Qualifier=7"
    assert event["rawPath"] == "/v1/models/m-rank:rank"
    assert json.loads(event["body"]) == {"user": {"age": 3}, "context": {"hour": 2}, "items": {"film": [7, 9]}}


def test_retrieval_gets_filters_and_what_was_seen(aws: Lambda, lambdas: Lambdas) -> None:
    aws.answers["find-AbC"] = lambda event: told(200, {"items": ["a", "b"], "scores": [2.0, 1.0]})
    first = RetrieverThere(stage("retrieve", 9), lambdas.invoke)
    found = first.retrieve(Asked({}, {}, filter={"deny": ["c"]}, seen=["d"]), 9, soon())
    assert (found.ids, found.scores.tolist()) == (["a", "b"], [2.0, 1.0])
    first.similar(Asked({}, {}, like={"item": "a"}), 3, soon())
    bodies = [json.loads(event["body"]) for _, event in aws.requests]
    assert bodies == [
        {"user": {}, "context": {}, "k": 9, "filter": {"deny": ["c"]}, "seen": ["d"]},
        {"item": "a", "k": 3},
    ]
    assert [event["rawPath"] for _, event in aws.requests] == [
        "/v1/models/m-retrieve:retrieve",
        "/v1/models/m-retrieve:similar",
    ]


def test_items_of_which_nothing_is_known_are_not_sent_and_have_no_score(aws: Lambda, lambdas: Lambdas) -> None:
    aws.answers["rank"] = lambda event: told(200, {"scores": [0.5]})
    ranker = RankerThere(stage("rank", 4, key="film", facts=("price",)), lambdas.invoke, Facts([7], {"price": [2.5]}))
    scored = ranker.rank(ASKED, [6, 7], soon(), best=4)
    np.testing.assert_array_equal(scored.scores, np.array([np.nan, 0.5], np.float32))
    assert scored.degraded == {"unknown_items:rank": 1}
    assert json.loads(aws.requests[0][1]["body"])["items"] == {"film": [7], "price": [2.5]}


def test_a_list_made_by_more_than_scores_keeps_its_order(aws: Lambda, lambdas: Lambdas) -> None:
    aws.answers["rank"] = lambda event: told(200, {"items": [9, 7], "scores": [0.25, 0.5]})
    ranker = RankerThere(stage("rank", 2, key="film", orders=True), lambdas.invoke, Facts((), {}))
    scored = ranker.rank(ASKED, [6, 7, 9], soon(), best=2)
    assert scored.order is not None
    assert scored.order.tolist() == [2, 1]
    np.testing.assert_array_equal(scored.scores, np.array([np.nan, 0.5, 0.25], np.float32))
    assert json.loads(aws.requests[0][1]["body"])["top_k"] == 2


@pytest.mark.parametrize("first", [True, False])
def test_an_answer_that_does_not_come_in_time_is_late_and_not_asked_for_again(
    aws: Lambda, lambdas: Lambdas, first: bool
) -> None:
    aws.answers["rank"] = lambda event: told(200, {"scores": [0.5]})
    ranker = RankerThere(STAGE, lambdas.invoke, Facts((), {}))
    if not first:
        ranker.rank(ASKED, [7], soon(), best=4)  # the connection is kept, and would be tried twice
    aws.wait = 0.4
    with pytest.raises(StageLate):
        ranker.rank(ASKED, [7], soon(0.15), best=4)
    assert len(aws.requests) == 1 + (not first)
    aws.wait = 0.0
    assert ranker.rank(ASKED, [7], soon(), best=4).scores.tolist() == [0.5]


def test_without_time_nothing_is_sent(aws: Lambda, lambdas: Lambdas) -> None:
    with pytest.raises(StageLate):
        RankerThere(STAGE, lambdas.invoke, Facts((), {})).rank(ASKED, [7], soon(0.0), best=4)
    assert aws.requests == []


@pytest.mark.parametrize(
    ("status", "error", "answer", "message"),
    [
        (429, "", b"{}", "no capacity left"),
        (500, "", b"{}", "Lambda answered 500"),
        (403, "", b"{}", "Lambda answered 403"),
        (200, "Unhandled", b'{"errorMessage": "Task timed out"}', "its function failed"),
        (200, "", b"[]", "answers something else"),
        (200, "", b'{"statusCode": 200, "body": "{"}', "answers something else"),
        (200, "", json.dumps(told(503, {"error": "a table"})).encode(), "its function answers 503"),
        (
            200,
            "",
            json.dumps(told(400, {"error": "$.items.film[0]: no", "path": "$.items.film[0]"})).encode(),
            "refuses a candidate",
        ),
    ],
)
def test_what_is_no_answer_is_a_failed_stage(
    aws: Lambda, lambdas: Lambdas, status: int, error: str, answer: bytes, message: str
) -> None:
    aws.status, aws.error, aws.answers["rank"] = status, error, answer
    with pytest.raises(StageFailed, match=message) as failed:
        RankerThere(STAGE, lambdas.invoke, Facts((), {})).rank(ASKED, [7], soon(), best=4)
    assert not isinstance(failed.value, StageLate)


def test_a_function_that_cannot_be_reached_is_a_failed_stage(aws: Lambda) -> None:
    lambdas = Lambdas({**aws.environ, "AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:9"})
    with pytest.raises(StageFailed, match="cannot be reached"):
        RankerThere(STAGE, lambdas.invoke, Facts((), {})).rank(ASKED, [7], soon(), best=4)


def test_what_the_caller_did_wrong_stays_the_callers(aws: Lambda, lambdas: Lambdas) -> None:
    ranker = RankerThere(STAGE, lambdas.invoke, Facts((), {}))
    aws.answers["rank"] = lambda event: told(400, {"error": "$.user.age: an int is expected", "path": "$.user.age"})
    with pytest.raises(BadRequest) as bad:
        ranker.rank(ASKED, [7], soon(), best=4)
    assert (bad.value.path, bad.value.message) == ("$.user.age", "an int is expected")
    aws.answers["find-AbC"] = lambda event: told(404, {"error": "$.item: not in the catalogue", "path": "$.item"})
    with pytest.raises(NotFound, match="not in the catalogue"):
        RetrieverThere(stage("retrieve", 9), lambdas.invoke).similar(Asked({}, {}, like={"item": 1}), 3, soon())


def test_a_whole_funnel_answers_while_a_stage_is_slow(aws: Lambda) -> None:
    def ranked(event: Any) -> Any:
        time.sleep(0.5)
        return told(200, {"scores": [0.5]})

    aws.answers = {"find-AbC": lambda event: told(200, {"items": [7, 9], "scores": [2.0, 1.0]}), "rank": ranked}
    found = plan(
        stage("retrieve", 9, deadline_ms=5000), stage("rank", 2, key="film", deadline_ms=150), deadline_ms=9000
    )
    opened = opening.of_functions(found, (lambdas := Lambdas(aws.environ)).invoke, Facts((), {}))
    answer = Cascade(found, opened.first, opened.others).run(Asked({}, {}), soon(9))
    assert [one.id for one in answer.items] == [7, 9]
    assert [one.late for one in answer.reports] == [False, True]
    assert answer.reports[1].ms < 450
    lambdas.renew()


@pytest.mark.parametrize("value", [None, "", "{", '{"m-rank": "rank"}'])
def test_without_the_stages_arns_the_function_does_not_start(aws: Lambda, value: str | None) -> None:
    environ = {name: one for name, one in aws.environ.items() if name != VARIABLE}
    with pytest.raises(ManifestError, match=VARIABLE):
        Lambdas(environ if value is None else {**environ, VARIABLE: value})
