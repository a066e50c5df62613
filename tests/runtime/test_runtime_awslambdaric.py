"""The handler under the stock runtime client, against a Runtime API of a few lines."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from runtime_kit import REQUEST, expected, json_of, rank, rank_packed, write_bundle

TRACE = "1-67891233-abcdef012345678912345678"


class RuntimeApi(ThreadingHTTPServer):
    """Hands out events one by one (GET …/next waits for one) and collects what is posted."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.events: queue.Queue[bytes | None] = queue.Queue()
        self.posts: queue.Queue[tuple[str, bytes]] = queue.Queue()


class Requests(BaseHTTPRequestHandler):
    server: RuntimeApi

    def do_GET(self) -> None:
        event = self.server.events.get(timeout=60)
        if event is None:
            self.close_connection = True
            return
        self.send_response(200)
        for name, value in (
            ("Lambda-Runtime-Aws-Request-Id", "stock-id"),
            ("Lambda-Runtime-Trace-Id", f"Root={TRACE};Parent=0a2b;Sampled=0"),
            ("Lambda-Runtime-Deadline-Ms", "99999999999999"),
            ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:films"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(event))),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.posts.put((self.path, body))

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    server = RuntimeApi()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.events.put(None)
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


@pytest.fixture
def runtime(api: RuntimeApi, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """`python -m awslambdaric`, as the managed runtime starts it."""
    environ = {
        **os.environ,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python3.{max(sys.version_info[1], 12)}",
        "LAMBDA_TASK_ROOT": str(write_bundle(tmp_path / "bundle")),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "awslambdaric", "ranklet_runtime.handler.handler"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate(timeout=30)


def invoke(api: RuntimeApi, event: bytes) -> Any:
    api.events.put(event)
    path, body = api.posts.get(timeout=60)
    assert path.endswith("/invocation/stock-id/response"), (path, body)
    return json.loads(body)


def test_stock_client_serves_the_function(api: RuntimeApi, runtime: "subprocess.Popen[str]") -> None:
    answer = invoke(api, json.dumps(rank(REQUEST)).encode())
    assert json_of(answer)["scores"] == pytest.approx(expected(REQUEST), abs=1e-6)
    assert invoke(api, json.dumps(rank_packed(REQUEST)).encode())["isBase64Encoded"] is True
    assert invoke(api, json.dumps(rank("{")).encode())["statusCode"] == 400
    assert invoke(api, b'{"Records": []}')["statusCode"] == 400
    runtime.send_signal(signal.SIGTERM)
    out, err = runtime.communicate(timeout=30)
    assert runtime.returncode == -signal.SIGTERM, err
    metrics, films = [json.loads(line) for line in out.splitlines() if '"_aws"' in line]
    assert (metrics["Requests"], metrics["Items"], metrics["Fault400"]) == ([4], [6], [2])
    assert films["table"] == "films"


def test_a_fault_of_ours_is_logged_under_lambdas_id(api: RuntimeApi, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    # Breaks the scorer before the handler opens; everything else is the stock client's own way.
    (site / "sitecustomize.py").write_text(
        "import ranklet_runtime.scorer\n"
        "def broken(*_, **__):\n"
        "    raise RuntimeError('secret')\n"
        "ranklet_runtime.scorer.Scorer.score = broken\n"
    )
    environ = {
        **os.environ,
        "PYTHONPATH": str(site),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "LAMBDA_TASK_ROOT": str(write_bundle(tmp_path / "bundle")),
    }
    command = [sys.executable, "-m", "awslambdaric", "ranklet_runtime.handler.handler"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        answer = invoke(api, json.dumps(rank(REQUEST)).encode())
        assert (answer["statusCode"], json_of(answer)) == (500, {"error": "internal error, request stock-id"})
    finally:
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate(timeout=30)
    (logged,) = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert logged["xray_trace_id"] == TRACE  # which Powertools finds in os.environ
    assert logged["request_id"] == "stock-id"
    assert "secret" in logged["exception"]
