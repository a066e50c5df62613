"""The whole: an assembly in, HTTP and Invoke out, tables and layers found, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from local_helpers import gone, model_template, write_stack

from ranklet.errors import LocalError
from ranklet.local.cloud import LocalCloud
from ranklet.local.logs import LogLine, functions_only
from ranklet.local.template import read


def get(url: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=30)
    try:
        connection.request("POST" if body else "GET", path, body=body, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


class MemoryDynamo:
    """A DynamoDB that notes what it is asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def start(self) -> str:
        self.calls.append("start")
        return "http://127.0.0.1:9"

    def load(self, folder: Path) -> None:
        self.calls.append(f"load {folder.name}")

    def close(self) -> None:
        self.calls.append("close")


def test_assembly_is_served_over_http_and_by_invoke(assembly: Path, lines: list[LogLine]) -> None:
    with LocalCloud(assembly, log=lines.append).running() as cloud:
        status, event = get(cloud.url, "/v1/models/first:rank", b'{"user": {}}')
        assert (status, event["body"]) == (200, '{"user": {}}')
        assert event["routeKey"] == "ANY /v1/models/first:rank"
        direct = cloud.invoke("second", None)
        assert (direct.status, direct.error, json.loads(direct.payload)) == (200, None, "asset")
        assert cloud.invoke("first", {}, kind="DryRun").status == 204
        assert cloud.invoke("first", b"{").status == 400
        stats = cloud.stats()
        assert (stats["first"].invocations, stats["second"].invocations) == (1, 1)
        assert stats["first"].init_ms > 0
        pids = cloud.pids
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)
    assert get_refused(cloud.url)
    texts = [line.text for line in lines if line.function == "cloud"]
    assert any(text.startswith("front http://127.0.0.1:") for text in texts)
    assert any("callers are not authenticated here" in text for text in texts)


def get_refused(url: str) -> bool:
    with pytest.raises(ConnectionRefusedError):
        get(url, "/first/a")
    return True


def test_cloud_lives_in_an_event_loop_too(assembly: Path, lines: list[LogLine]) -> None:
    async def run() -> tuple[int, ...]:
        async with LocalCloud(assembly, functions=["first"], log=lines.append) as cloud:
            answer = await cloud.invoke("first", {"a": 1})
            assert json.loads(json.loads(answer.payload)["body"]) == {"a": 1}
            with pytest.raises(LocalError, match="no function 'second' runs here; there are first"):
                await cloud.invoke("second", {})
            return cloud.pids

    assert all(gone(pid) for pid in asyncio.run(run()))


def test_only_chosen_functions_have_routes(assembly: Path, lines: list[LogLine]) -> None:
    with LocalCloud(assembly, functions=["second"], log=lines.append).running() as cloud:
        assert get(cloud.url, "/first/a") == (404, {"message": "Not Found"})


def test_log_can_be_kept_to_what_functions_say(assembly: Path, lines: list[LogLine]) -> None:
    write_stack(assembly, "first", model_template("first", "tiny.talk"), assets={"code.zip": "asset.code"})
    with LocalCloud(assembly, functions=["first"], log=functions_only(lines.append)).running() as cloud:
        cloud.invoke("first", None)
    assert [line.text[:9] for line in lines] == ["to stdout", "to stderr", "xxxxxxxxx", "without a"]
    assert {line.function for line in lines} == {"first"}


def test_layer_for_this_machine_takes_the_assets_place(assembly: Path, tmp_path: Path, lines: list[LogLine]) -> None:
    here = tmp_path / "extra-host"
    (here / "python").mkdir(parents=True)
    (here / "python" / "layered.py").write_text("WHO = 'host'\n")
    folders = {"extra": here}
    with LocalCloud(assembly, functions=["second"], layers=folders.get, log=lines.append).running() as cloud:
        assert json.loads(cloud.invoke("second", None).payload) == "host"
    assert "layer extra: built for this machine, extra-host" in [line.text for line in lines]


def test_log_tells_where_an_asset_is_used_as_it_is(assembly: Path, lines: list[LogLine]) -> None:
    with LocalCloud(assembly, functions=["second"], log=lines.append).running():
        pass
    assert "layer extra: the asset that AWS gets" in [line.text for line in lines]


def test_provisioned_environments_start_with_the_cloud(assembly: Path, lines: list[LogLine]) -> None:
    write_stack(
        assembly, "first", model_template("first", "tiny.proxy", provisioned=2), assets={"code.zip": "asset.code"}
    )
    with LocalCloud(assembly, functions=["first"], log=lines.append).running() as cloud:
        assert len(cloud.pids) == 2
        assert len(cloud.stats()["first"].inits_ms) == 2
        get(cloud.url, "/first/a")
        assert cloud.stats()["first"].cold_starts == 0


def test_cap_holds_for_provisioned_environments_and_is_told(assembly: Path, lines: list[LogLine]) -> None:
    write_stack(
        assembly, "first", model_template("first", "tiny.proxy", provisioned=50), assets={"code.zip": "asset.code"}
    )
    with LocalCloud(assembly, functions=["first"], cap=1, log=lines.append).running() as cloud:
        assert len(cloud.pids) == 1
    assert "first: 1 of 50 provisioned environments, the cap here" in [line.text for line in lines]


def test_function_that_cannot_start_provisioned_ends_the_start(assembly: Path, lines: list[LogLine]) -> None:
    write_stack(
        assembly, "first", model_template("first", "broken.x", provisioned=1), assets={"code.zip": "asset.code"}
    )
    with (
        pytest.raises(LocalError, match="first cannot be initialised"),
        LocalCloud(assembly, log=lines.append).running(),
    ):
        raise AssertionError("started")


def test_tables_are_loaded_and_functions_told_where(assembly: Path, tmp_path: Path, lines: list[LogLine]) -> None:
    write_stack(assembly, "first", model_template("first", "tiny.environ"), assets={"code.zip": "asset.code"})
    for name in ("ranklet-b-2", "ranklet-a-1"):
        (tmp_path / "tables" / name).mkdir(parents=True)
        (tmp_path / "tables" / name / "table.json").write_text("{}")
    (tmp_path / "tables" / "unfinished").mkdir()
    dynamo = MemoryDynamo()
    cloud = LocalCloud(assembly, functions=["first"], tables=tmp_path / "tables", dynamo=dynamo, log=lines.append)
    with cloud.running() as running:
        seen = json.loads(running.invoke("first", None).payload)
    assert seen["AWS_ENDPOINT_URL_DYNAMODB"] == "http://127.0.0.1:9"
    assert dynamo.calls == ["start", "load ranklet-a-1", "load ranklet-b-2", "close"]


def test_without_tables_no_database_is_started(assembly: Path, tmp_path: Path, lines: list[LogLine]) -> None:
    write_stack(assembly, "first", model_template("first", "tiny.environ"), assets={"code.zip": "asset.code"})
    own = {"OWN": "1", "MODEL": "changed"}
    cloud = LocalCloud(assembly, functions=["first"], tables=tmp_path / "none", environment=own, log=lines.append)
    with cloud.running() as running:
        seen = json.loads(running.invoke("first", None).payload)
    assert "AWS_ENDPOINT_URL_DYNAMODB" not in seen
    assert (seen["OWN"], seen["MODEL"]) == ("1", "changed")


def test_database_is_stopped_when_a_later_part_cannot_start(assembly: Path, lines: list[LogLine]) -> None:
    write_stack(
        assembly, "first", model_template("first", "broken.x", provisioned=1), assets={"code.zip": "asset.code"}
    )
    dynamo = MemoryDynamo()
    with pytest.raises(LocalError), LocalCloud(assembly, dynamo=dynamo, log=lines.append).running():
        raise AssertionError("started")
    assert dynamo.calls == ["start", "close"]


def test_taken_port_ends_the_start_and_leaves_no_process(assembly: Path, lines: list[LogLine]) -> None:
    write_stack(
        assembly, "first", model_template("first", "tiny.pid", provisioned=1), assets={"code.zip": "asset.code"}
    )
    before = children()  # other tests of this process may have some
    with LocalCloud(assembly, functions=["second"], log=lines.append).running() as first:
        port = int(first.url.rpartition(":")[2])
        second = LocalCloud(assembly, functions=["first"], port=port, log=lines.append)
        with pytest.raises(LocalError, match="choose another port"), second.running():
            raise AssertionError("started")
        assert not children() - before - set(first.pids)


def children() -> set[int]:
    """The process ids of this process's own children."""
    task = Path(f"/proc/{os.getpid()}/task")
    if not task.is_dir():
        return set()
    found: set[int] = set()
    for thread in task.iterdir():
        # A thread that another test left may end meanwhile; its children are another thread's then.
        with contextlib.suppress(OSError):
            found |= {int(pid) for pid in (thread / "children").read_text().split()}
    return found


def test_assembly_without_functions_is_told(assembly: Path) -> None:
    (assembly / "manifest.json").write_text('{"artifacts": {}}')
    with pytest.raises(LocalError, match="no function to serve"), LocalCloud(assembly).running():
        raise AssertionError("started")


def test_parts_are_asked_for_only_while_it_runs(assembly: Path) -> None:
    cloud = LocalCloud(assembly)
    with pytest.raises(LocalError, match="not running"):
        _ = cloud.url
    with pytest.raises(LocalError, match="not running"):
        cloud.running().invoke("first", {})


def test_error_within_the_block_stops_the_cloud_and_passes(assembly: Path, lines: list[LogLine]) -> None:
    pids: tuple[int, ...] = ()
    others = set(threading.enumerate())  # clouds that other tests share until the session ends
    with pytest.raises(KeyboardInterrupt), LocalCloud(assembly, log=lines.append).running() as cloud:
        cloud.invoke("first", {})
        pids = cloud.pids
        raise KeyboardInterrupt
    assert pids and all(gone(pid) for pid in pids)
    assert not [thread for thread in threading.enumerate() if thread.name == "local-cloud" and thread not in others]


def test_deployment_that_was_read_can_be_served(assembly: Path, tmp_path: Path, lines: list[LogLine]) -> None:
    with LocalCloud(read(assembly, only=["second"]), build=tmp_path, log=lines.append).running() as cloud:
        assert json.loads(cloud.invoke("second", None).payload) == "asset"


def test_concurrent_clients_each_get_their_own_answer(assembly: Path, lines: list[LogLine]) -> None:
    with LocalCloud(assembly, functions=["first"], cap=3, log=lines.append).running() as cloud:
        answers: dict[int, tuple[int, Any]] = {}

        def client(number: int) -> None:
            answers[number] = get(cloud.url, f"/first/{number}", json.dumps({"n": number}).encode())

        threads = [threading.Thread(target=client, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert {number: json.loads(event["body"])["n"] for number, (_, event) in answers.items()} == {0: 0, 1: 1, 2: 2}


SERVE = """
import sys, time
from pathlib import Path
from ranklet.local.cloud import LocalCloud

with LocalCloud(Path(sys.argv[1]), log=lambda line: None).running() as cloud:
    cloud.invoke("first", {})
    try:
        print(*cloud.pids, flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("stopping", flush=True)
"""


def test_ctrl_c_stops_a_server_and_its_children(assembly: Path) -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVE, str(assembly)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server.stdout:
        pids = [int(pid) for pid in server.stdout.readline().split()]
        server.send_signal(signal.SIGINT)
        assert server.stdout.readline() == "stopping\n"
    assert server.wait(30) == 0
    assert pids and all(gone(pid) for pid in pids)
