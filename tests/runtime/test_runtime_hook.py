"""The hook by itself: what it asks again, what it reports, and that CodeDeploy is always told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from ranklet_runtime import hook

ROWS = [{"request": {"items": {"id": [1, 2]}}, "scores": [0.25, None]} for _ in range(5)]
EVENT = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "h-1"}
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)
GOOD = {"scores": [0.25, None]}


def proxied(document: Any, status: int = 200) -> tuple[int, dict[str, str], Any]:
    """Lambda's answer with a function's in it."""
    return 200, {}, {"statusCode": status, "body": json.dumps(document), "isBase64Encoded": False}


class Aws:
    """Lambda and CodeDeploy at one endpoint. answers: what Lambda says, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], Any]] = [proxied(GOOD)]
        self.asked: list[tuple[str, Any]] = []
        self.told: list[Any] = []
        self.codedeploy = 200
        mine = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path == "/":
                    mine.told.append(body)
                    status, headers, answer = mine.codedeploy, {}, {}
                else:
                    mine.asked.append((self.path, body))
                    status, headers, answer = mine.answers.pop(0) if len(mine.answers) > 1 else mine.answers[0]
                data = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Aws]:
    found = Aws()
    thread = Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    document = {"bound": 1e-6, "path": "/v1/models/films:rank", "rows": ROWS}
    (tmp_path / "golden.json").write_text(json.dumps(document))
    for name, value in {
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{found.server.server_port}",
        "RANKLET_FUNCTION": "films",
        "RANKLET_VERSION": "12",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(hook, "PAUSE_S", 0.01)
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


Run = Callable[[], dict[str, Any]]


@pytest.fixture
def run(aws: Aws) -> Run:
    return lambda: hook.handler(EVENT, CONTEXT)


def test_each_request_goes_to_the_version_as_api_gateway_would_send_it(aws: Aws, run: Run) -> None:
    assert run() == {"status": "Succeeded", "reasons": []}
    assert [path for path, _ in aws.asked] == ["/2015-03-31/functions/films/invocations?Qualifier=12"] * len(ROWS)
    _, event = aws.asked[0]
    assert event["rawPath"] == "/v1/models/films:rank"
    assert event["requestContext"]["http"]["method"] == "POST"
    assert json.loads(event["body"]) == ROWS[0]["request"]
    assert aws.told == [
        {"deploymentId": "d-1", "lifecycleEventHookExecutionId": "h-1", "status": "Succeeded"},
    ]


@pytest.mark.parametrize("status", [403, 409, 429, 500, 503])
def test_version_that_has_no_room_yet_is_asked_again(aws: Aws, run: Run, status: int) -> None:
    aws.answers = [(status, {}, {"Message": "later"})] * 3 + [proxied(GOOD)]
    assert run()["status"] == "Succeeded"
    assert len(aws.asked) == len(ROWS) + 3


def test_rows_that_were_not_read_in_time_are_read_again(aws: Aws, run: Run) -> None:
    late = proxied({"scores": [0.5, 0.5], "degraded": {"unavailable_rows:films": 2}})
    aws.answers = [late, proxied({"error": "no table"}, 503), proxied(GOOD)]
    assert run()["status"] == "Succeeded"
    assert len(aws.asked) == len(ROWS) + 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (proxied({"scores": [0.2500021, None]}), "candidate 0 scores 0.2500021, the trainer says 0.25"),
        (proxied({"scores": [0.25, 0.5]}), "candidate 1 scores 0.5, the trainer says None"),
        (proxied({"scores": [None, None]}), "candidate 0 scores None"),
        (proxied({"scores": [0.25]}), "1 scores for 2 candidates"),
        (proxied({"error": "bad"}, 400), "it answers 400: "),
        ((200, {"x-amz-function-error": "Unhandled"}, {"errorMessage": "no"}), "the version fails: "),
        ((404, {}, {"Message": "gone"}), "Lambda answers 404: "),
    ],
)
def test_what_is_wrong_is_said_by_request_and_fails_the_deployment(
    aws: Aws, run: Run, capsys: pytest.CaptureFixture[str], answer: Any, words: str
) -> None:
    aws.answers = [answer]
    said = run()
    assert said["status"] == "Failed"
    assert len(said["reasons"]) == len(ROWS)
    assert said["reasons"][0].startswith("golden request 1: ")
    assert words in said["reasons"][0]
    assert [body["status"] for body in aws.told] == ["Failed"]
    assert words in json.loads(capsys.readouterr().out)["reasons"][0]


def test_check_that_breaks_is_a_failed_deployment_and_no_hour_of_waiting(aws: Aws, run: Run) -> None:
    aws.answers = [(200, {}, {"neither": "status", "nor": "body"})]
    said = run()
    assert said["status"] == "Failed"
    assert said["reasons"][0].startswith("the check itself failed: KeyError")
    assert [body["status"] for body in aws.told] == ["Failed"]


def test_codedeploy_that_does_not_listen_is_an_error_of_the_function(aws: Aws, run: Run) -> None:
    aws.codedeploy = 400
    with pytest.raises(RuntimeError, match="CodeDeploy answers 400"):
        run()
