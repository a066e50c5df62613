"""SnapStart: the stock runtime client stands still at the snapshot, and what is restored is an environment of its own.

While the client waits for `restore/next`, DynamoDB is replaced and the old credentials are withdrawn, as hours may lie
between. In-process tests look at what the client cannot show.
"""

import dataclasses
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import snapshot_restore_py
from runtime_kit import KEYS, REQUEST, VECTORS, document, expected, json_of, rank, table, write_bundle

from ranklet.local.dynamodb import LocalDynamo
from ranklet_features.spec import Table
from ranklet_features.stores.aws.sigv4 import Credentials
from ranklet_runtime import restored
from ranklet_runtime.function import Function

OLD, NEW = Credentials("old", "old-secret", "old-token"), Credentials("new", "new-secret", "new-token")
IN_DYNAMO = {"films": table(placement="dynamodb", cache_entries=10)}


class RuntimeApi(ThreadingHTTPServer):
    """A Runtime API that restores when it is told to. fetched: how often credentials were."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.snapshot, self.restore, self.ready = threading.Event(), threading.Event(), threading.Event()
        self.answered = threading.Event()
        self.credentials, self.fetched = OLD, 0
        self.posts: list[tuple[str, bytes]] = []
        self.event: bytes | None = None
        self.asked = threading.Event()


class Requests(BaseHTTPRequestHandler):
    server: RuntimeApi

    def do_GET(self) -> None:
        if self.path.endswith("/restore/next"):
            self.server.snapshot.set()
            assert self.server.restore.wait(60)
            self._reply(b"{}")
        elif self.path == "/credentials":
            self.server.fetched += 1
            now = self.server.credentials
            fields = {"AccessKeyId": now.access_key, "SecretAccessKey": now.secret_key, "Token": now.token}
            self._reply(json.dumps(fields | {"Expiration": "2099-01-01T00:00:00Z"}).encode())
        else:
            self.server.ready.set()
            self.server.asked.wait(60)
            if self.server.event is not None:
                event, self.server.event = self.server.event, None
                self._reply(event)

    def do_POST(self) -> None:
        self.server.posts.append((self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0))))
        self._reply(b"", 202)
        self.server.answered.set()

    def _reply(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        for name, value in (
            ("Lambda-Runtime-Aws-Request-Id", "stock-id"),
            ("Lambda-Runtime-Deadline-Ms", "99999999999999"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    server = RuntimeApi()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.restore.set()
    server.asked.set()
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """The kit's table as a build stages it for DynamoDB."""
    folder = tmp_path / "tables" / "ranklet-films-1"
    folder.mkdir(parents=True)
    (folder / "table.json").write_text(json.dumps(dataclasses.asdict(Table(**IN_DYNAMO["films"]))))
    np.save(folder / "vectors.npy", np.array(VECTORS, np.float32))
    np.save(folder / "keys.npy", np.array(KEYS, np.int64))
    return folder


@contextmanager
def dynamo(staged: Path, credentials: Credentials | None = None, port: int = 0) -> Iterator[LocalDynamo]:
    server = LocalDynamo(credentials=credentials)
    server.start(port)
    try:
        server.load(staged)
        yield server
    finally:
        server.close()


@contextmanager
def runtime(api: RuntimeApi, bundle: Path, endpoint: str) -> Iterator["subprocess.Popen[str]"]:
    """`python -m awslambdaric`, as the managed runtime starts it for a snapshot."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ = {
        **kept,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{api.server_port}/credentials",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python3.{max(sys.version_info[1], 12)}",
        "LAMBDA_TASK_ROOT": str(bundle),
    }
    command = [sys.executable, "-m", "awslambdaric", "ranklet_runtime.handler.handler"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


def test_restored_environment_reads_with_new_connections_and_credentials(
    api: RuntimeApi, staged: Path, tmp_path: Path
) -> None:
    bundle = write_bundle(tmp_path / "bundle", document(tables=IN_DYNAMO))
    with dynamo(staged, OLD) as before:
        port = int(before.endpoint.rsplit(":", 1)[1])
        with runtime(api, bundle, before.endpoint) as process:
            assert api.snapshot.wait(60), process.stderr and process.stderr.read()
            assert (before.calls["BatchGetItem"], api.fetched) == (1, 1)
            before.close()
            api.credentials = NEW
            with dynamo(staged, NEW, port) as after:
                api.restore.set()
                assert api.ready.wait(60)
                assert (after.calls["BatchGetItem"], api.fetched) == (1, 2), "both are ready before the first request"
                api.event = json.dumps(rank(REQUEST)).encode()
                api.asked.set()
                assert api.answered.wait(60)
                assert api.fetched == 2
    (path, body) = api.posts[0]
    assert path.endswith("/invocation/stock-id/response")
    answer = json_of(json.loads(body))
    assert answer["scores"] == pytest.approx(expected(REQUEST), abs=1e-6)
    assert "degraded" not in answer


def test_table_of_another_version_ends_the_restore(api: RuntimeApi, staged: Path, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", document(tables=IN_DYNAMO))
    with dynamo(staged) as before:
        port = int(before.endpoint.rsplit(":", 1)[1])
        with runtime(api, bundle, before.endpoint) as process:
            assert api.snapshot.wait(60)
            before.close()
            empty = LocalDynamo()
            empty.start(port)
            api.restore.set()
            assert process.wait(60) == 65, "what awslambdaric ends with when a hook after the restore fails"
            empty.close()
    (path, body) = api.posts[0]
    assert path.endswith("/restore/error")
    assert json.loads(body)["errorType"] == "TableMismatch"


@pytest.fixture
def function(staged: Path, tmp_path: Path) -> Iterator[tuple[Function, LocalDynamo]]:
    with dynamo(staged) as server:
        environ = {
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_ENDPOINT_URL_DYNAMODB": server.endpoint,
        }
        opened = Function.open(write_bundle(tmp_path / "bundle", document(tables=IN_DYNAMO)), environ)
        opened.scorer.verify()
        yield opened, server
        opened.scorer.close()


@pytest.fixture
def registry() -> Iterator[None]:
    """AWS's registry, left as it was."""
    lists = snapshot_restore_py.get_before_snapshot(), snapshot_restore_py.get_after_restore()
    yield
    for one in lists:
        one.clear()


@pytest.mark.usefixtures("registry")
def test_hooks_stand_in_awss_registry(function: tuple[Function, LocalDynamo]) -> None:
    opened, _ = function
    assert restored.register(opened)
    ((before, arguments, _),) = snapshot_restore_py.get_before_snapshot()
    assert (before, arguments) == (restored.before_snapshot, (opened,))
    ((after, arguments, _),) = snapshot_restore_py.get_after_restore()
    assert (after, arguments) == (restored.after_restore, (opened,))


def test_environments_of_one_snapshot_do_not_pause_alike(function: tuple[Function, LocalDynamo]) -> None:
    opened, _ = function
    drawn = []
    for _ in range(2):
        random.seed(5)
        restored.after_restore(opened)
        drawn.append(random.random())
    assert len({*drawn, random.Random(5).random()}) == 3


def test_rows_that_were_cached_before_are_read_again(function: tuple[Function, LocalDynamo]) -> None:
    opened, server = function
    opened.scorer.verify()
    assert server.calls["BatchGetItem"] == 1, "the second look finds its row in the cache"
    restored.after_restore(opened)
    assert server.calls["BatchGetItem"] == 2
    assert json_of(opened(rank(REQUEST), None))["scores"] == pytest.approx(expected(REQUEST), abs=1e-6)


def test_runtime_without_hooks_lets_go_before_the_snapshot(
    function: tuple[Function, LocalDynamo], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened, server = function
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)
    assert not restored.register(opened)
    assert "snapshot_restore_py" in capsys.readouterr().err
    opened.scorer.verify()
    assert server.calls["BatchGetItem"] == 2, "nothing is known of what was read before"
