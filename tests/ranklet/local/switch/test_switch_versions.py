"""Versions beside each other: who answers, who is warm, who is let go."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest
from local_helpers import alive, eventually, model_template, write_manifest, write_stack

from ranklet.errors import LocalError
from ranklet.local.call import Api
from ranklet.local.cloud import LocalCloud
from ranklet.local.function import Function
from ranklet.local.logs import LogLine
from ranklet.local.routes import Route
from ranklet.local.template import Deployment

HANDLER = """
import os, time
from pathlib import Path

def handler(event, context):
    if event and "wait" in event:
        Path(event["here"]).touch()
        while not Path(event["wait"]).exists():
            time.sleep(0.01)
    return [{version}, os.environ["AWS_LAMBDA_FUNCTION_VERSION"], context.function_version, os.getpid()]
"""

Deploy = Callable[..., Deployment]


@pytest.fixture
def code(tmp_path: Path) -> Deploy:
    """The deployment of a function whose code tells its number."""

    def made(number: int, /, *, handler: str = HANDLER, name: str = "told", **fields: Any) -> Deployment:
        folder = tmp_path / f"code-{number}"
        folder.mkdir(exist_ok=True)
        (folder / "app.py").write_text(handler.replace("{version}", str(number)))
        known = {"alias": "live", "version": "1", "memory_mb": 256, "timeout_s": 30.0, **fields}
        function = Function(name, "app.handler", folder, **known)
        return Deployment((function,), (Route("POST /told", name),), Api())

    return made


@pytest.fixture
def cloud(tmp_path: Path, lines: list[LogLine]) -> Callable[[Deployment], LocalCloud]:
    return lambda deployment: LocalCloud(
        deployment, build=tmp_path / "build", layers=lambda name: None, log=lines.append
    )


async def _told(cloud: LocalCloud) -> list[Any]:
    invoked = await cloud.invoke("told", {})
    assert invoked.error is None, invoked.payload
    told: list[Any] = json.loads(invoked.payload)
    assert invoked.version == told[1]
    return told


def test_what_runs_ends_on_its_version_while_the_next_answers(code: Deploy, cloud: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        gate, here = tmp_path / "gate", tmp_path / "here"
        async with cloud(code(1)) as running:
            event = {"wait": str(gate), "here": str(here)}
            pending = asyncio.ensure_future(running.invoke("told", event))
            assert await eventually(here.exists, within_s=60)
            assert await running.deploy(code(2)) == {"told": "2"}
            assert (await _told(running))[:3] == [2, "2", "2"]
            assert not pending.done()
            gate.touch()
            assert json.loads((await pending).payload)[:3] == [1, "1", "1"]
            assert (await _told(running))[0] == 2

    asyncio.run(scenario())


def test_a_rollback_finds_the_environment_of_before(code: Deploy, cloud: Any) -> None:
    async def scenario() -> None:
        async with cloud(code(1)) as running:
            first = await _told(running)
            await running.deploy(code(2))
            second = await _told(running)
            for _ in range(2):
                await running.move("told", "1")
                assert await _told(running) == first
                await running.move("told", "2")
                assert await _told(running) == second
            stats = running.stats()["told"]
            assert (stats.cold_starts, stats.environments, stats.invocations) == (2, 2, 6)
            assert sorted(running.pids) == sorted([first[3], second[3]])

    asyncio.run(scenario())


def test_the_same_code_and_configuration_is_no_new_version(code: Deploy, cloud: Any) -> None:
    async def scenario() -> None:
        async with cloud(code(1)) as running:
            assert await running.deploy(code(1)) == {"told": "1"}
            assert await running.deploy(code(1, memory_mb=300)) == {"told": "2"}
            assert await running.deploy(code(1)) == {"told": "3"}
            assert (await _told(running))[:2] == [1, "3"]

    asyncio.run(scenario())


def test_what_cannot_be_moved_or_deployed_is_named_and_changes_nothing(code: Deploy, cloud: Any) -> None:
    async def scenario() -> None:
        async with cloud(code(1)) as running:
            with pytest.raises(LocalError, match="told has no version '7'; there are 1"):
                await running.move("told", "7")
            with pytest.raises(LocalError, match="no function 'other' runs here"):
                await running.move("other", "1")
            with pytest.raises(LocalError, match="no function 'other' runs here"):
                await running.deploy(code(2, name="other"))
            assert (await _told(running))[0] == 1
        async with cloud(code(1, alias=None, version="$LATEST")) as running:
            with pytest.raises(LocalError, match="told has no alias that could be moved"):
                await running.deploy(code(2))

    asyncio.run(scenario())


def test_a_cloud_that_is_not_running_says_so(code: Deploy, cloud: Any) -> None:
    with pytest.raises(LocalError, match="not running"):
        asyncio.run(cloud(code(1)).move("told", "1"))
    hosted = cloud(code(1)).running()
    with pytest.raises(LocalError, match="not running"):
        hosted.move("told", "1")
    with pytest.raises(LocalError, match="not running"):
        hosted.deploy(code(2))


def test_provisioned_environments_go_with_the_alias(code: Deploy, cloud: Any) -> None:
    async def scenario() -> None:
        async with cloud(code(1, provisioned=2)) as running:
            before = running.pids
            assert len(before) == 2
            await running.deploy(code(2, provisioned=1))
            assert await eventually(lambda: len(running.pids) == 1, within_s=60)
            assert await eventually(lambda: not any(map(alive, before)), within_s=60)
            assert (await _told(running))[0] == 2
            await running.move("told", "1")
            assert await eventually(lambda: len(running.pids) == 2, within_s=60)
            assert (await _told(running))[0] == 1
            stats = running.stats()["told"]
            assert (stats.cold_starts, stats.environments) == (0, 2)

    asyncio.run(scenario())


def test_a_busy_provisioned_environment_is_given_up_after_its_event(code: Deploy, cloud: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        gate, here = tmp_path / "gate", tmp_path / "here"
        async with cloud(code(1, provisioned=1)) as running:
            (first,) = running.pids
            pending = asyncio.ensure_future(running.invoke("told", {"wait": str(gate), "here": str(here)}))
            assert await eventually(here.exists, within_s=60)
            await running.deploy(code(2))
            assert first in running.pids
            gate.touch()
            assert json.loads((await pending).payload)[3] == first
            assert await eventually(lambda: first not in running.pids, within_s=60)

    asyncio.run(scenario())


def test_a_version_whose_provisioned_environments_do_not_start_is_not_moved_to(code: Deploy, cloud: Any) -> None:
    async def scenario() -> None:
        async with cloud(code(1)) as running:
            first = await _told(running)
            with pytest.raises(LocalError, match=r"cannot be initialised: .*no such film"):
                await running.deploy(code(2, handler="raise ValueError('no such film')", provisioned=1))
            assert await _told(running) == first
            assert running.pids == (first[3],)
            assert await running.deploy(code(3)) == {"told": "2"}
            assert (await _told(running))[:2] == [3, "2"]

    asyncio.run(scenario())


def test_a_route_follows_the_alias(code: Deploy, cloud: Any) -> None:
    proxy = 'def handler(event, context):\n    return {"statusCode": 200, "body": "{version}"}\n'
    with cloud(code(1, handler=proxy)).running() as running:
        connection = http.client.HTTPConnection(running.url.split("/")[2], timeout=60)

        def asked() -> bytes:
            connection.request("POST", "/told", body=b"{}")
            return connection.getresponse().read()

        assert asked() == b"1"
        running.deploy(code(2, handler=proxy))
        assert asked() == b"2"
        running.move("told", "1")
        assert asked() == b"1"
        connection.close()


def test_invoke_takes_a_version_an_alias_or_neither(code: Deploy, cloud: Any) -> None:
    with cloud(code(1)).running() as running:
        running.deploy(code(2))
        running.deploy(code(3))
        running.move("told", "2")
        config = botocore.config.Config(retries={"max_attempts": 0}, read_timeout=60)
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        client = boto3.client("lambda", "us-east-1", endpoint_url=running.lambda_url, config=config, **keys)

        def told(name: str, **qualifier: str) -> tuple[int, str]:
            answer = client.invoke(FunctionName=name, Payload=b"{}", **qualifier)
            return json.load(answer["Payload"])[0], answer["ExecutedVersion"]

        assert told("told") == told("told:live") == told("told", Qualifier="live") == (2, "2")
        assert told("told:1") == told("told", Qualifier="1") == (1, "1")
        assert told("arn:aws:lambda:us-east-1:123456789012:function:told:3") == (3, "3")
        assert told("told", Qualifier="$LATEST") == (3, "3")
        with pytest.raises(botocore.exceptions.ClientError, match="no version '9'") as raised:
            told("told", Qualifier="9")
        assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_another_assembly_is_deployed_from_its_folder(assembly: Path, tmp_path: Path, lines: list[LogLine]) -> None:
    """Of two functions one has changed; the other keeps its version."""
    changed = Path(shutil.copytree(assembly, tmp_path / "changed"))
    (changed / "asset.other").mkdir()
    (changed / "asset.other" / "tiny.py").write_text("def proxy(event, context):\n    return 'another'\n")
    write_stack(changed, "first", model_template("first", "tiny.proxy"), assets={"code.zip": "asset.other"})
    write_manifest(changed, ["shared", "first"])

    async def scenario() -> None:
        async with LocalCloud(assembly, build=tmp_path / "build", log=lines.append) as cloud:
            assert (await cloud.invoke("first", {})).version == "1"
            assert await cloud.deploy(changed) == {"first": "2"}
            invoked = await cloud.invoke("first", {})
            assert (json.loads(invoked.payload), invoked.version) == ("another", "2")
            assert (await cloud.invoke("second", {})).version == "1"

    asyncio.run(scenario())


def test_tables_are_refused_where_no_function_would_find_them(code: Deploy, cloud: Any, tmp_path: Path) -> None:
    """The endpoint is told to a function when the cloud starts."""
    staged = tmp_path / "tables" / "ranklet-films-1"
    staged.mkdir(parents=True)
    (staged / "table.json").write_text("{}")

    async def scenario() -> None:
        async with cloud(code(1)) as running:
            with pytest.raises(LocalError, match="ranklet-films-1: the cloud was started without such tables"):
                await running.deploy(code(2), tables=tmp_path / "tables")
            assert (await _told(running))[:2] == [1, "1"]

    asyncio.run(scenario())
